"""The page about a model in a real Chromium: silent, fitting, alive under mouse and keyboard, and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swinkit.report.background import Trained
from swinkit.report.mistakes import LARGEST_MATRIX
from swinkit.report.model_page import write_report
from tests.report.many import many_classes
from tests.report.runs import Finished
from tests.report.test_model_page import renamed

pytestmark = pytest.mark.browser

SIZES = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]


def written(run: Finished, folder: Path) -> str:
    trained = Trained(facts=run.facts, history=run.history)
    return write_report(folder, run.found, run.images, trained=trained).as_uri()


@pytest.fixture(scope="module")
def address(run: Finished, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(run, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def evil(run: Finished, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(renamed(run), tmp_path_factory.mktemp("evil"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    found, images = many_classes(classes=LARGEST_MATRIX + 10, pictures=600)
    return write_report(tmp_path_factory.mktemp("pairs"), found, images).as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    yield page
    page.close()


@pytest.mark.parametrize("which", ["address", "evil", "pairs"])
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_it_is_silent_asks_for_nothing_and_fits(
    browser: Any, request: pytest.FixtureRequest, which: str, width: int, scheme: str
) -> None:
    there = request.getfixturevalue(which)
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    page.goto(there)
    page.mouse.wheel(0, 50_000)

    assert said == []
    assert [there] == [url for url in asked if not url.startswith("data:")]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.title() != "broken"
    page.close()


def test_a_click_on_a_cell_shows_its_pictures_and_no_others(page: Any, run: Finished) -> None:
    confusion = run.found.evaluation.confusion
    for i, j in ((i, j) for i, row in enumerate(confusion) for j, count in enumerate(row) if count):
        page.click(f"#confusion a[href='#cell-{i}-{j}']")
        shown = page.locator(".gallery:visible")
        assert 1 == shown.count()
        names = {one.image for one in run.found.pictures if (int(one.label), int(one.predicted)) == (i, j)}
        there = set(shown.locator("li > .called").all_inner_texts())
        assert there <= names
        assert min(12, confusion[i][j]) == len(there)


def test_the_commonest_mistake_is_open_at_first(page: Any) -> None:
    assert page.locator(".gallery").first.is_visible()
    assert 1 == page.locator(".gallery:visible").count()


def test_cells_can_be_reached_and_opened_with_the_keyboard(page: Any) -> None:
    page.focus("#confusion a[href='#cell-0-0']")
    page.keyboard.press("ArrowRight")  # nothing else in that row
    page.keyboard.press("ArrowDown")
    assert "#cell-0-0" == page.evaluate("document.activeElement.hash")  # nor in that column
    page.focus("#confusion a[href='#cell-1-1']")
    page.keyboard.press("ArrowRight")
    reached = page.evaluate("document.activeElement.hash")
    assert re.fullmatch(r"#cell-1-[2-9]", reached)
    page.keyboard.press("Enter")
    assert page.locator(reached).is_visible()
    assert page.locator(f"#confusion a.chosen[href='{reached}']").count() == 1


def test_the_cells_say_what_they_are_to_those_who_cannot_see(page: Any, run: Finished) -> None:
    count = run.found.evaluation.confusion[1][1]
    assert f"{count} of 1 called 1" == page.get_attribute("#confusion a[href='#cell-1-1']", "aria-label")


def test_the_slider_shows_one_threshold_at_a_time(page: Any, run: Finished) -> None:
    sentences = page.locator("#thresholds li:visible")
    assert 1 == sentences.count()
    before = sentences.inner_text()
    page.focus("#threshold")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert 1 == sentences.count()
    assert before != sentences.inner_text()
    assert run.found.calibration is not None
    chosen = run.found.calibration.coverage[9]
    values = sentences.locator("data").evaluate_all("all => all.map(one => Number(one.value))")
    assert [chosen.threshold, chosen.coverage, chosen.accuracy] == values
    assert "9" == page.locator("circle.chosen").get_attribute("data-row")


def test_without_scripts_nothing_is_lost(browser: Any, address: str, run: Finished) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    page.click("#confusion a[href='#cell-0-0']")
    assert page.locator("#cell-0-0").is_visible()
    assert 1 == page.locator(".gallery:visible").count()
    assert not page.locator("#threshold").is_visible()
    assert run.found.calibration is not None
    assert len(run.found.calibration.coverage) == page.locator("#thresholds li:visible").count()
    page.close()


def test_pairs_can_be_searched_and_opened(browser: Any, pairs: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pairs)
    rows = page.locator("#pairs tr:visible:has(th[scope=row])")
    everything = rows.count()
    page.fill("#pair-search", "class 7,")
    found = rows.all_inner_texts()
    assert 0 < len(found) < everything
    assert all("class 7," in text for text in found)
    assert f"{len(found)} of {everything}" == page.inner_text("#pairs-count")
    link = rows.locator("a").first
    link.click()
    assert page.locator(link.get_attribute("href")).is_visible()
    page.fill("#pair-search", "")
    assert everything == rows.count()
    page.close()


def test_on_paper_all_pictures_and_thresholds_are_there(page: Any, run: Finished) -> None:
    page.emulate_media(media="print")
    assert page.locator(".gallery").count() == page.locator(".gallery:visible").count()
    assert run.found.calibration is not None
    assert len(run.found.calibration.coverage) == page.locator("#thresholds li:visible").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_stand_out_from_the_shade_of_their_cell(browser: Any, address: str, scheme: str) -> None:
    """Contrast of at least 4.5, as WCAG 2.2 asks of body text."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(address)
    painted = page.evaluate(
        """() => {
          const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const rgb = (colour) => {
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          return [...document.querySelectorAll("#confusion td a")].map((link) => [
            rgb(getComputedStyle(link).color), rgb(getComputedStyle(link.parentElement).backgroundColor),
          ]);
        }"""
    )
    assert len(painted) > 10
    for ink, ground in painted:
        light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
    page.close()


def luminance(colour: list[int]) -> float:
    parts = [one / 255 for one in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
