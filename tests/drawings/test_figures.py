"""Drawn shapes lie where the plan says."""

from __future__ import annotations

import re

import pytest

from swinkit.drawings import figures, images, svg
from swinkit.drawings.facts import Facts, Shift
from swinkit.windows import POLICIES, WindowPlan, window_plan

PLANS = {
    "2 × 2 windows": (8, 8, "dense"),
    "3 × 5 windows": (12, 20, "dense"),
    "padded": (9, 14, "dense"),
    "rolled before padding": (9, 14, "timm"),
    "one column of windows": (12, 4, "torchvision"),
}


def plan_of(height: int, width: int, policy: str) -> WindowPlan:
    return window_plan(height, width, window=(4, 4), shifted=True, policy=POLICIES[policy])


@pytest.mark.parametrize("plan", [plan_of(*case) for case in PLANS.values()], ids=PLANS)
def test_each_token_lies_in_the_drawn_region_that_the_mask_gives_it(plan: WindowPlan) -> None:
    """One pixel per token: the rectangles of `displaced_windows` against `plan.regions()`."""
    drawn = {}
    shapes = figures.displaced_windows(Shift(stage=0, plan=plan, stride=(1.0, 1.0)), plan.map)
    found = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" class="region r(\d)"', shapes)
    for x, y, width, height, number in (map(int, groups) for groups in found):
        for row in range(y, y + height):
            for column in range(x, x + width):
                assert (row, column) not in drawn
                drawn[row, column] = number

    regions, coordinates = plan.regions().flatten().tolist(), plan.coordinates().view(-1, 2).tolist()
    expected = {
        (row, column): region
        for region, (row, column) in zip(regions, coordinates, strict=True)
        if row >= 0  # padding has no place on the map
    }
    assert expected == {token: drawn[token] for token in expected}


def test_window_lines_stand_where_windows_begin(facts: Facts) -> None:
    drawing = figures.windows_of(facts.stages[1], facts.input_size)
    line = re.search(r'<path d="([^"]+)" class="line"', drawing)
    assert line is not None
    assert line[1] == "M0 0H32M0 16H32M0 32H32M0 0V32M16 0V32M32 0V32"


def test_the_roll_starts_rolled_by_the_shift(facts: Facts) -> None:
    assert 'transform="translate(-8 -8)"' in figures.roll(facts.teaching, facts.input_size)  # 2 tokens of 4


def test_regions_have_the_same_colours_in_drawings_and_masks() -> None:
    from importlib import resources

    style = resources.files("swinkit.drawings").joinpath("page.css").read_text("utf-8")
    for number, colour in enumerate(images.REGIONS):
        assert ".r{} {{ fill: #{:02x}{:02x}{:02x}; }}".format(number, *colour) in style


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, "", "0"),
        (4_490_566_656, "", "4.49 G"),
        (0.00834, "s", "8.34 ms"),
        (127_800_000, "B", "128 MB"),
        (999_999, "B", "1 MB"),
        (12, "s", "12 s"),
    ],
)
def test_quantities_read_as_people_write_them(value: float, unit: str, expected: str) -> None:
    assert expected == svg.quantity(value, unit)


def test_words_in_a_drawing_are_escaped() -> None:
    drawing = svg.drawing(10, 10, svg.text(0, 0, "<script>a & b</script>"), label='"quoted" <b>')
    assert "<script>" not in drawing
    assert "&lt;script&gt;a &amp; b" in drawing
    assert 'aria-label="&#34;quoted&#34; &lt;b&gt;"' in drawing


def test_a_chart_says_each_point_in_words_and_dashes_what_is_expected() -> None:
    series = svg.Series("within windows", "accent", [(28, 0.001), (56, 0.004)], [(112, 0.016)])
    chart = svg.line_chart([series], label="Seconds", x_ticks=[(28, "28")], unit="s")
    assert chart.count("<circle") == 2
    assert "<title>within windows: 0.004 at 56</title>" in chart
    assert chart.count('class="curve dashed"') == 1
