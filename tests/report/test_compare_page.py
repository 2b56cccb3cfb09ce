"""The page about several models: says which is better only where the pictures can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swinkit.report import words
from swinkit.report.compare_page import comparison, write_comparison
from swinkit.trust.assessment import Interval
from swinkit.trust.comparison import Comparison
from tests.report.duels import compared
from tests.report.names import EVIL
from tests.report.runs import Finished, finished
from tests.report.test_model_page import looked_up
from tests.report.test_page import Reader


@pytest.fixture(scope="module")
def runs(run: Finished) -> dict[str, Finished]:
    return {"fine": run, "coarse": finished(side=2), "medium": finished(side=4)}


@pytest.fixture(scope="module")
def found(runs: dict[str, Finished]) -> Comparison:
    return compared(runs)


def histories(runs: dict[str, Finished]) -> dict[str, Any]:
    return {name: run.history for name, run in runs.items()}


def test_every_number_stands_in_comparison_json(found: Comparison, runs: dict[str, Finished]) -> None:
    stored = json.loads(json.dumps(found.to_dict()))
    numbers = [a for tag, a in Reader(comparison(found, histories(runs))).tags if tag == "data"]
    assert len(numbers) > 40
    for number in numbers:
        file, _, pointer = str(number["data-fact"]).partition("#")
        assert ("comparison.json", float(str(number["value"]))) == (file, looked_up(stored, pointer))


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (between(0.01, 0.05), "b is better than a"),
        (between(-0.05, -0.01), "a is better than b"),
        (between(-0.01, 0.05), "Between a and b no difference can be shown"),
    ],
)
def test_a_pair_is_decided_only_if_the_interval_leaves_out_nothing(
    found: Comparison, difference: Interval, expected: str
) -> None:
    one = replace(found.duels[0], first="a", second="b", balanced_accuracy=difference, p_balanced=0.01)
    assert expected == Reader(words.duel(one)).text


def test_the_best_of_three_is_called_so_only_if_it_beats_both(found: Comparison) -> None:
    best = max(found.contenders, key=lambda one: one.balanced_accuracy.value).name
    beaten = tuple(
        replace(
            one,
            balanced_accuracy=between(0.1, 0.2) if one.second == best else between(-0.2, -0.1),
            p_balanced=0.01,
        )
        for one in found.duels
    )
    assert f"{best} is the best" == Reader(words.compared(replace(found, duels=beaten))).text
    unclear = tuple(replace(one, balanced_accuracy=between(-0.1, 0.1)) for one in found.duels)
    assert f"{best} is ahead, but not beyond doubt" == (
        Reader(words.compared(replace(found, duels=unclear))).text
    )


def test_names_of_runs_stay_text(found: Comparison, runs: dict[str, Finished], tmp_path: Path) -> None:
    names = dict(zip(runs, EVIL, strict=False))
    evil = replace(
        found,
        contenders=tuple(replace(one, name=names[one.name], model=EVIL[1]) for one in found.contenders),
        duels=tuple(replace(one, first=names[one.first], second=names[one.second]) for one in found.duels),
    )
    page = write_comparison(tmp_path, evil, {names[name]: run.history for name, run in runs.items()})
    read = Reader(page.read_text("utf-8"))
    assert {"img"} & {tag for tag, _ in read.tags} == set()
    assert all(name in read.text for name in names.values())


@pytest.fixture
def pages(
    browser: Any, found: Comparison, runs: dict[str, Finished], tmp_path: Path
) -> Iterator[tuple[Any, str]]:
    yield browser, write_comparison(tmp_path, found, histories(runs)).as_uri()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_silent_and_fits(pages: tuple[Any, str], width: int, scheme: str) -> None:
    browser, address = pages
    said: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert 6 == page.locator(".curves svg .curve").count()  # three runs, two charts
    page.close()


@pytest.mark.parametrize(
    ("model", "weights", "said"),
    [
        ("swin_nano", "none", "swin_nano, from scratch"),
        ("swin_tiny", "swin_tiny", "from swin_tiny"),
        ("timm:resnet50", "a.pth", "timm:resnet50, from a.pth"),
        (None, "a.pth", "from a.pth"),
    ],
)
def test_what_a_run_began_from_is_in_words(
    found: Comparison, model: str | None, weights: str, said: str
) -> None:
    one = replace(found.contenders[0], model=model, weights=weights)

    assert said == Reader(str(words.entrant(one))).text
