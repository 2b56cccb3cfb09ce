"""The page of `check`: every finding is on it, names are text, and in a browser it is silent and fits."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swinkit.data import ImageSet, Sample
from swinkit.health.checkup import Checkup, look_through
from swinkit.report import check_page as module
from swinkit.report.check_page import check_page, write_check_page
from swinkit.report.page import displayable
from tests.data.pictures_for_tests import scene
from tests.report.names import EVIL
from tests.report.test_page import Reader

COMMAND = ("swinkit", "train", "/home/somebody/photos", "--resplit")


def checked(samples: tuple[Sample, ...], classes: tuple[str, ...]) -> Checkup:
    images = ImageSet(name=EVIL[0], samples=samples, classes=classes, layout="a table", notes=(EVIL[1],))
    return look_through(
        images, Path("nowhere"), counting=lambda what, total: nullcontext(lambda done, of: None)
    )


@pytest.fixture(scope="module")
def evil() -> Checkup:
    """Every evil name as that of a class and of its pictures, some of them copies across splits."""
    samples = []
    for number, name in enumerate(EVIL):
        pixels = np.asarray(scene(number))
        for copy, split in enumerate(("train", "train", "val") if number else ("train",)):
            shown = pixels if split == "val" or not copy else np.asarray(scene(100 + number))
            samples.append(Sample(name=f"{copy} {name}", label=name, split=split, source=shown))
    return checked(tuple(samples), EVIL)


def test_names_are_text_whatever_they_contain(evil: Checkup) -> None:
    html = check_page(evil, command=COMMAND)

    html.encode("utf-8")
    read = Reader(html)
    assert {tag for tag, _ in read.tags} <= {
        *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer", "script"),
        *(
            "h1",
            "h2",
            "h3",
            "p",
            "ul",
            "li",
            "a",
            "code",
            "strong",
            "small",
            "bdi",
            "i",
            "section",
            "article",
        ),
        *("div", "figure", "figcaption", "img", "span", "details", "summary", "nav", "ol"),
        *("table", "thead", "tr", "th", "td"),
    }
    assert not [one for _, one in read.tags if any(key.startswith("on") for key in one)]
    for name in EVIL:
        assert displayable(name) in read.text


def test_every_finding_is_on_the_page_beside_its_pictures(evil: Checkup) -> None:
    read = Reader(check_page(evil, command=COMMAND))

    anchors = {one["id"] for tag, one in read.tags if tag == "article"}
    assert {finding.code for finding in evil.findings} == anchors
    assert {"D002", "D102", "D104", "D221"} <= anchors
    copies = [finding for finding in evil.findings if finding.code == "D002"]
    assert len(copies) == len(EVIL) - 1
    for name in (name for finding in copies for name in finding.files):
        assert displayable(name) in read.text


def test_no_path_of_this_machine_is_on_the_page(evil: Checkup) -> None:
    html = check_page(evil, command=COMMAND)

    assert "/home/somebody" not in html
    assert "swinkit train photos --resplit" in html


def test_many_findings_are_cut_and_the_cut_is_said(evil: Checkup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN", 2)
    monkeypatch.setattr(module, "LISTED", 3)

    text = Reader(check_page(evil, command=COMMAND)).text

    assert f"{len(EVIL) - 3} more" in text
    assert f"and {len(EVIL) - 6} more; findings.csv has all of them" in text


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({"train": 32, "val": 32}, "These pictures can be trained on"),
        ({"train": 32, "val": 3}, "These pictures can be trained on, with reservations"),
    ],
)
def test_the_verdict_is_in_words(counts: dict[str, int], verdict: str) -> None:
    seeds = iter(range(1000))

    def sample(split: str, label: str, number: int) -> Sample:
        pixels = np.asarray(scene(next(seeds), 40, 50))
        return Sample(name=f"{split}-{label}-{number}", label=label, split=split, source=pixels)

    samples = tuple(
        sample(split, label, number)
        for split, count in counts.items()
        for label in "ab"
        for number in range(count)
    )
    html = check_page(checked(samples, ("a", "b")), command=COMMAND)

    assert f"<h1>{verdict}: " in html


def test_folders_are_named_and_their_pictures_not_missed() -> None:
    samples = tuple(
        Sample(name=f"my {label}/{number}.png", label=label, source=np.asarray(scene(number)))
        for number, label in enumerate("abab")
    )

    read = Reader(check_page(checked(samples, ("a", "b")), command=("swinkit", "check", "photos")))

    assert "spaces: my a, my b" in read.text
    assert "missing" not in [one.get("class") for _, one in read.tags]
    assert "After mending that: swinkit check photos" in read.text


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_is_silent_asks_for_nothing_and_fits(
    browser: Any, evil: Checkup, tmp_path: Path, width: int, scheme: str
) -> None:
    there = write_check_page(tmp_path, evil, command=COMMAND).as_uri()
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    page.goto(there)
    page.locator("header a").first.click()

    assert said == []
    assert [there] == [url for url in asked if not url.startswith("data:")]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() != "broken"
    assert page.locator("article:target").count() == 1
    page.close()
