"""The page in a real Chromium: silent, self-contained, fitting, and alive under mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swinkit.drawings.facts import Facts
from swinkit.drawings.page import Subject, render

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "explain.html"
    path.write_text(render(facts, Subject(picture="nine digits", model="swin_nano")), "utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    yield page
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_silent_asks_for_nothing_and_fits(browser: Any, address: str, width: int, scheme: str) -> None:
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    page.goto(address)
    page.mouse.wheel(0, 20_000)

    assert said == []
    assert [address] == [url for url in asked if not url.startswith("data:")]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, address: str, scheme: str) -> None:
    """Contrast of at least 4.5, as WCAG 2.2 asks of body text."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(address)
    names = ("--ground", "--raised", "--ink", "--quiet", "--accent", "--other")
    read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    colours = {name: page.evaluate(read, name) for name in names}

    for ground in ("--ground", "--raised"):
        for ink in ("--ink", "--quiet", "--accent", "--other"):
            contrast = _contrast(colours[ground], colours[ink])
            assert contrast >= 4.5, f"{ink} on {ground}: {contrast:.1f}"
    page.close()


def test_a_click_on_the_rolled_picture_shows_who_may_talk(page: Any) -> None:
    box = page.locator("#roll").bounding_box()
    page.locator("#roll").click(position={"x": box["width"] - 5, "y": box["height"] - 5})
    # The last place after the roll is token (1, 1): 2 × 2 tokens came around the corner together.
    assert page.inner_text("#roll-says") == (
        "Row 1, column 1 may attend to 4 of the 16 tokens in its window: those of region I."
    )
    assert page.locator("#tile #partners .partner").count() == 4


def test_the_roll_can_be_undone_and_played(page: Any) -> None:
    undo = "e => { e.value = 0; e.dispatchEvent(new Event('input')); }"
    page.locator("#roll-by").evaluate(undo)
    assert page.get_attribute("#rolling", "transform") == "translate(0 0)"

    page.click("#roll-play")

    page.wait_for_selector("#rolling[transform='translate(-8 -8)']", state="attached", timeout=10_000)


def test_who_wants_less_motion_gets_the_end_at_once(browser: Any, address: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(address)
    page.locator("#roll-by").evaluate("e => { e.value = 0; e.dispatchEvent(new Event('input')); }")
    page.click("#roll-play")
    page.wait_for_timeout(100)  # two frames, of an animation of 1,800 ms
    assert page.input_value("#roll-by") == "1"
    page.close()


@pytest.mark.parametrize("block", range(5))
def test_the_attention_of_a_clicked_token_is_the_models(page: Any, facts: Facts, block: int) -> None:
    page.check(f"#attend-{block}", force=True)
    box = page.locator("#attention-view").bounding_box()
    page.locator("#attention-view").click(position={"x": 0.4 * box["width"], "y": 0.6 * box["height"]})

    said = page.inner_text("#attention-says")
    row, column, percent = re.findall(r"in row (\d+), column (\d+) .* about ([\d.]+) %", said)[0]
    looks = facts.blocks[block].trace.attention_of(int(row), int(column)).mean(dim=0)
    rows, columns = facts.blocks[block].plan.map
    assert (int(row), int(column)) == (int(0.6 * rows), int(0.4 * columns))
    assert float(percent) == pytest.approx(100 * float(looks.max()), rel=0.05)
    assert page.locator("#attention-heads button").count() == 1 + len(facts.blocks[block].bias)


def test_the_page_begins_with_the_token_that_is_drawn_without_scripts(browser: Any, address: str) -> None:
    boxes = []
    for scripts in (True, False):
        page = browser.new_context(java_script_enabled=scripts).new_page()
        page.goto(address)
        boxes.append(page.locator("#asking .token").bounding_box())
        assert page.locator("#looks .looked").count() == 16
        assert page.locator("#roll-play").is_visible() is scripts
        page.close()
    with_scripts, without = boxes
    assert (with_scripts["width"], with_scripts["height"]) == (without["width"], without["height"])


def test_everything_can_be_reached_and_used_with_the_keyboard(page: Any) -> None:
    page.focus("#attention-view")
    before = page.inner_text("#attention-says")
    page.keyboard.press("ArrowDown")
    after = page.inner_text("#attention-says")
    assert before != after

    page.focus("#attend-0")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#attend-1")
    assert page.inner_text("#attention-says").startswith("Stage 1, block 2")

    page.locator("#attention-heads button").nth(2).press("Enter")
    assert "head 2" in page.inner_text("#attention-says")


def test_one_block_of_biases_is_shown_at_a_time(page: Any) -> None:
    shown = page.locator(".biases .panel:visible")
    page.check("#bias-3", force=True)
    assert shown.count() == 1
    assert shown.inner_text().count("head") == 4 + 1  # four heads, and the caption's "each head"


def _contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
