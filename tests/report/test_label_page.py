"""The page about several classes for a picture: true to its files, its pictures the mistakes of a class."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swinkit.report.label_page import label_report, write_label_report
from tests.report.labelled import TRUE_OF, Labelled, labelled
from tests.report.names import EVIL
from tests.report.test_model_page import looked_up
from tests.report.test_page import Reader


@pytest.fixture(scope="module")
def run() -> Labelled:
    return labelled()


@pytest.fixture(scope="module")
def page(run: Labelled) -> str:
    return label_report(run.found, run.images, trained=run.trained)


def test_every_number_stands_in_a_file_beside_the_page(run: Labelled, page: str) -> None:
    files: dict[str, Any] = {
        "evaluation.json": json.loads(json.dumps(run.found.to_dict())),
        "run.json": run.trained.facts,
        "split.csv": {split: run.images.split(split).counts() for split in run.images.splits()},
        "predictions.csv": [
            {f"p({name})": share for name, share in one.probabilities.items()}
            for one in run.found.evaluation.predictions
        ],
    }
    numbers = [attributes for tag, attributes in Reader(page).tags if tag == "data"]
    assert len(numbers) > 50
    for number in numbers:
        file, _, pointer = str(number["data-fact"]).partition("#")
        assert float(str(number["value"])) == looked_up(files[file], pointer), number


def test_the_verdict_comes_first_and_says_on_what_it_rests(page: str) -> None:
    text = Reader(page).text
    assert "mean average precision, on the pictures it was chosen by" in text
    assert "From scratch on little data." in text


def test_it_says_what_it_beats_where_it_looked_what_harms_it_and_what_it_costs(page: str) -> None:
    read = Reader(page)
    there = {attributes.get("id") for tag, attributes in read.tags if tag == "section"}
    assert {"classes", "looked", "robustness", "data", "training", "cost"} <= there
    assert "Answers at random would have a mean average precision of" in read.text
    assert "A linear classifier on the starting weights reaches" in read.text
    assert "which it has not" in read.text


def test_classes_and_files_stay_text(run: Labelled, tmp_path: Path) -> None:
    evil = labelled(dict(zip(TRUE_OF, EVIL, strict=False)))
    evil = replace(
        evil,
        images=replace(
            evil.images, samples=tuple(replace(s, name=f"{EVIL[1]}{s.name}") for s in evil.images.samples)
        ),
        found=replace(
            evil.found,
            evaluation=replace(
                evil.found.evaluation,
                predictions=tuple(
                    replace(p, image=f"{EVIL[1]}{p.image}") for p in evil.found.evaluation.predictions
                ),
            ),
            looked=tuple(replace(one, image=f"{EVIL[1]}{one.image}") for one in evil.found.looked),
        ),
    )
    path = write_label_report(tmp_path, evil.found, evil.images, trained=evil.trained)
    read = Reader(path.read_text("utf-8"))
    assert not [a for _, attributes in read.tags for a in attributes if a.startswith("on")]
    assert all(name in read.text for name in evil.images.classes)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_class_opens_what_was_missed_and_what_was_given_wrongly(
    browser: Any, run: Labelled, tmp_path: Path, width: int, scheme: str
) -> None:
    said: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_label_report(tmp_path, run.found, run.images, trained=run.trained).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width

    page.click("text='even'")

    shown = page.locator(".gallery:visible")
    assert 1 == shown.count()
    mistakes = {
        one.image
        for one, true in zip(run.found.evaluation.predictions, run.found.evaluation.answers, strict=True)
        if ("even" in (one.labels or ())) != ("even" in true)
    }
    there = set(shown.locator("li > .called").all_inner_texts())
    assert there and there <= mistakes
    assert said == []
    page.close()
