"""The drawings of the pages about a model, as SVG: facts in, marks out. Built on `drawings.svg`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from swinkit.drawings import svg
from swinkit.drawings.svg import Series
from swinkit.report.numbers import percent
from swinkit.trust.assessment import Coverage, Interval, Reliability

History = Sequence[Mapping[str, float]]

# Curves of training --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """A chart of a training. key: its lines by name, each with the class that colours it."""

    title: str
    key: tuple[tuple[str, str], ...]
    chart: Markup


# title, unit, factor, range, and the lines: name, key of metrics.jsonl
_CURVES: tuple[tuple[str, str, float, tuple[float, float] | None, tuple[tuple[str, str], ...]], ...] = (
    ("Loss", "", 1, None, (("learning", "train_loss"), ("validation", "loss"))),
    (
        "Score on validation pictures",
        " %",
        100,
        None,
        (
            ("balanced accuracy", "balanced_accuracy"),
            ("accuracy", "accuracy"),
            ("mean average precision", "mean_average_precision"),
        ),
    ),
    ("Learning rate", "", 1, None, (("learning rate", "lr"),)),
    ("Time spent waiting for pictures", " %", 100, (0, 100), (("waiting", "waiting"),)),
)
_COLOURS = ("accent", "everything", "quiet")


def curves(history: History) -> list[Curve]:
    """What there is to see of a training, epoch by epoch; nothing of a single one."""
    drawn: list[Curve] = []
    if len(history) < 2:
        return drawn
    for title, unit, factor, y_range, lines in _CURVES:
        there = [(name, key) for name, key in lines if any(key in row for row in history)]
        if there:
            series = [
                Series(name, class_, [(row["epoch"], factor * row[key]) for row in history if key in row])
                for (name, key), class_ in zip(there, _COLOURS, strict=False)
            ]
            chart = svg.line_chart(
                series,
                label=f"{title} by epoch: {', '.join(name for name, _ in there)}",
                x_ticks=_epochs(int(history[0]["epoch"]), int(history[-1]["epoch"])),
                unit=unit,
                log=False,
                y_range=y_range,
            )
            drawn.append(Curve(title, tuple((one.name, one.class_) for one in series), chart))
    return drawn


RUNS = 6
"""Colours for the lines of different runs; the seventh begins again."""


def colour(number: int) -> str:
    """The class that colours the lines of a run."""
    return f"run-{number % RUNS}"


def overlaid(runs: Sequence[tuple[str, History]]) -> list[Curve]:
    """The scores and losses of several runs over each other, epoch by epoch."""
    drawn = []
    for title, key, factor, unit in (
        ("Balanced accuracy on validation pictures", "balanced_accuracy", 100, " %"),
        ("Mean average precision on validation pictures", "mean_average_precision", 100, " %"),
        ("Loss on validation pictures", "loss", 1, ""),
    ):
        series = [
            Series(name, colour(number), [(row["epoch"], factor * row[key]) for row in history if key in row])
            for number, (name, history) in enumerate(runs)
            if any(key in row for row in history)
        ]
        if any(len(one.points) > 1 for one in series):  # of single epochs there is nothing to see
            last = max(int(history[-1]["epoch"]) for _, history in runs if history)
            chart = svg.line_chart(
                series, label=f"{title} by epoch, of each run", x_ticks=_epochs(1, last), unit=unit, log=False
            )
            drawn.append(Curve(title, (), chart))
    return drawn


def _epochs(first: int, last: int) -> list[tuple[float, str]]:
    """Four or so epochs to write below the axis, the last one among them."""
    step = max(1, -(-(last - first) // 4))
    return [(float(epoch), str(epoch)) for epoch in sorted({*range(last, first - 1, -step)})]


_TICKS = (0, 0.25, 0.5, 0.75, 1)

# Intervals -----------------------------------------------------------------------------------------------

_ROW, _NAMES, _ACROSS = 30, 128, 232


def versus(rows: Sequence[tuple[str, str, Interval | float]]) -> Markup:
    """Shares below each other, with their intervals where there are any: (name, class, share)."""
    height = len(rows) * _ROW + 30
    marks: list[Markup] = []
    for tick in _TICKS:
        x = _NAMES + tick * _ACROSS
        marks.append(svg.element("path", d=f"M{x:g} 6V{height - 26}", class_="rule"))
        marks.append(svg.text(x, height - 8, f"{100 * tick:g} %", "tick middle"))
    for number, (name, class_, share) in enumerate(rows):
        y = 6 + _ROW * (number + 0.5)
        marks.append(svg.text(_NAMES - 12, y + 4, name, "label end"))
        marks.append(svg.element("g", *_interval(share, y), class_=class_))
    label = "; ".join(f"{name} {_in_words(share)}" for name, _, share in rows)
    return svg.drawing(_NAMES + _ACROSS + 22, height, *marks, label=label, class_="chart versus")


def _interval(share: Interval | float, y: float) -> list[Markup]:
    value = share.value if isinstance(share, Interval) else share
    marks = []
    if isinstance(share, Interval):
        low, high = (_NAMES + _ACROSS * end for end in (share.low, share.high))
        marks.append(svg.element("path", d=f"M{low:.1f} {y:g}H{high:.1f}", class_="span"))
    tip = svg.element("title", _in_words(share))
    marks.append(svg.element("circle", tip, cx=_NAMES + _ACROSS * value, cy=y, r=5))
    return marks


def _in_words(share: Interval | float) -> str:
    if isinstance(share, Interval):
        return f"{percent(share.value)}, {percent(share.low)} to {percent(share.high)}"
    return percent(share)


# Timings -------------------------------------------------------------------------------------------------

_BAR_NAMES, _BAR_WIDTH = 128, 300


def timings(rows: Sequence[tuple[str, str, float, float]], *, label: str) -> Markup:
    """Bars below each other, as long as the median call, and a line on to the 95th percentile.

    rows: (name, class, p50, p95), in seconds.
    """
    longest = max(p95 for _, _, _, p95 in rows)
    height = len(rows) * _ROW + 8
    marks: list[Markup] = []
    for number, (name, class_, p50, p95) in enumerate(rows):
        y = 4 + _ROW * number
        tip = svg.element(
            "title", f"{name}: {svg.quantity(p50, 's')}, 95 of 100 within {svg.quantity(p95, 's')}"
        )
        end, late = (_BAR_WIDTH * seconds / longest for seconds in (p50, p95))
        bar = svg.element("rect", tip, x=_BAR_NAMES, y=y + 6, width=max(end, 1.5), height=_ROW - 12)
        line = svg.element(
            "path", d=f"M{_BAR_NAMES + end:.1f} {y + _ROW / 2:g}H{_BAR_NAMES + late:.1f}", class_="span"
        )
        marks.append(svg.text(_BAR_NAMES - 12, y + _ROW / 2 + 4, name, "label end"))
        marks.append(svg.element("g", bar, line, class_=class_))
        marks.append(svg.text(_BAR_NAMES + late + 8, y + _ROW / 2 + 4, svg.quantity(p50, "s"), "tick"))
    said = "; ".join(f"{name} {svg.quantity(p50, 's')}" for name, _, p50, _ in rows)
    return svg.drawing(
        _BAR_NAMES + _BAR_WIDTH + 62, height, *marks, label=f"{label}: {said}", class_="chart bars"
    )


# Calibration ---------------------------------------------------------------------------------------------

_SIDE, _MARGIN = 250, 42


def reliability(of: Reliability, when: str) -> Markup:
    """How often answers were right against how sure they were; the size of a mark grows with its pictures."""
    most = max((one.pictures for one in of.bins), default=1)
    marks = _square_axes("probability of the answer", "share that was right")
    marks.append(svg.element("path", d=f"M{_x(0):g} {_y(0):g}L{_x(1):g} {_y(1):g}", class_="diagonal"))
    for one in of.bins:
        if one.pictures:
            tip = svg.element(
                "title",
                f"{one.pictures} pictures: {percent(one.confidence)} sure, {percent(one.accuracy)} right",
            )
            x, y = _x(one.confidence), _y(one.accuracy)
            middle = _y(one.confidence)
            marks.append(svg.element("path", d=f"M{x:.1f} {middle:.1f}V{y:.1f}", class_="gap"))
            radius = 2.5 + 7 * (one.pictures / most) ** 0.5
            marks.append(svg.element("circle", tip, cx=x, cy=y, r=radius))
    label = f"Reliability {when}: probability of the answer against the share that was right"
    return svg.drawing(_SIDE + 2 * _MARGIN, _SIDE + _MARGIN + 14, *marks, label=label, class_="chart square")


def coverage(rows: Sequence[Coverage]) -> Markup:
    """Accuracy of what is answered against the share that is answered."""
    marks = _square_axes("share answered", "share right among the answered")
    points = [(one.coverage, one.accuracy) for one in rows if one.accuracy is not None]
    if points:
        path = "M" + "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in points)
        marks.append(svg.element("path", d=path, class_="curve"))
    for number, one in enumerate(rows):
        if one.accuracy is not None:
            tip = svg.element(
                "title", f"from {percent(one.threshold, 0)} on: {percent(one.coverage)} answered"
            )
            x, y = _x(one.coverage), _y(one.accuracy)
            marks.append(svg.element("circle", tip, cx=x, cy=y, r=3, data_row=number))
    label = "The fewer pictures are answered, the surer first, the more of the answers are right"
    return svg.drawing(
        _SIDE + 2 * _MARGIN, _SIDE + _MARGIN + 14, *marks, label=label, class_="chart square accent"
    )


def _square_axes(across: str, up: str) -> list[Markup]:
    marks = []
    for share in _TICKS:
        words = f"{100 * share:g} %"
        marks.append(svg.element("path", d=f"M{_x(0):g} {_y(share):g}H{_x(1):g}", class_="rule"))
        marks.append(svg.text(_x(0) - 6, _y(share) + 4, words, "tick end"))
        marks.append(svg.text(_x(share), _y(0) + 17, words, "tick middle"))
    marks.append(svg.text(_x(0.5), _y(0) + 35, across, "tick middle"))
    marks.append(svg.text(0, 0, up, "tick middle", transform=f"translate(10 {_y(0.5):g}) rotate(-90)"))
    return marks


def _x(share: float) -> float:
    return 54 + share * _SIDE


def _y(share: float) -> float:
    return 8 + (1 - share) * _SIDE
