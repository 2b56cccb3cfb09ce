"""The few marks that the drawings are made of, as escaped SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Number = int | float


def element(name: str, *children: str, **attributes: str | Number | None) -> Markup:
    """One element; a trailing underscore of an attribute is dropped, inner ones become hyphens.

    Text among the children is escaped, Markup is not.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(children)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def drawing(
    width: Number, height: Number, *children: str, label: str, class_: str = "", id_: str | None = None
) -> Markup:
    """A whole picture with what it shows in words. Sizes are in units of its own."""
    return element(
        "svg",
        element("title", label),
        *children,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role="img",
        aria_label=label,
        class_=f"drawing {class_}".strip(),
        id_=id_,
    )


def rectangle(
    x: Number, y: Number, width: Number, height: Number, class_: str, **more: str | Number
) -> Markup:
    return element("rect", x=x, y=y, width=width, height=height, class_=class_, **more)


def text(x: Number, y: Number, words: str, class_: str = "", **more: str | Number) -> Markup:
    return element("text", words, x=x, y=y, class_=class_ or None, **more)


def picture(width: Number, height: Number) -> Markup:
    """The picture of the page, which stands in it once."""
    return element("use", href="#picture", width=width, height=height)


def grid(rows: Iterable[Number], columns: Iterable[Number], height: Number, width: Number) -> Markup:
    """Lines across and down, light on dark so that they show on any picture."""
    path = "".join(f"M0 {_plain(y)}H{_plain(width)}" for y in rows)
    path += "".join(f"M{_plain(x)} 0V{_plain(height)}" for x in columns)
    return element("path", d=path, class_="casing") + element("path", d=path, class_="line")


# ------------------------------------------------------------------------------------ charts


@dataclass(frozen=True)
class Series:
    """A line of a chart: measured points, and how it would go on."""

    name: str
    class_: str
    points: Sequence[tuple[float, float]]
    expected: Sequence[tuple[float, float]] = ()
    """Drawn dashed from the last point on."""


_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 340, 250, 52, 34, 14, 14


def line_chart(
    series: Sequence[Series],
    *,
    label: str,
    x_ticks: Sequence[tuple[float, str]],
    unit: str,
    log: bool = True,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Lines over x; with `log`, both axes are logarithmic. `unit` formats the ticks of y.

    y_range: lowest and highest y, by default what the points need.
    """
    points = [point for one in series for point in (*one.points, *one.expected)]
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_low, y_high = y_range or _padded(min(y for _, y in points), max(y for _, y in points), log)
    across = _Scale(x_low, x_high, _LEFT, _WIDTH - _RIGHT, log)
    up = _Scale(y_low, y_high, _HEIGHT - _BOTTOM, _TOP, log)
    marks: list[str] = []
    for y, words in _ticks(y_low, y_high, unit, log):
        marks.append(element("path", d=f"M{_LEFT} {_plain(up(y))}H{_WIDTH - _RIGHT}", class_="rule"))
        marks.append(text(_LEFT - 6, up(y) + 3.5, words, "tick end"))
    for x, words in x_ticks:
        if x_low <= x <= x_high:
            marks.append(text(across(x), _HEIGHT - _BOTTOM + 17, words, "tick middle"))
    for one in series:
        marks.append(_line(one, across, up))
    return drawing(_WIDTH, _HEIGHT, *marks, label=label, class_="chart")


def _line(one: Series, across: _Scale, up: _Scale) -> Markup:
    def path(points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{_plain(across(x))} {_plain(up(y))}" for x, y in points)

    parts = []
    if one.expected:
        parts.append(element("path", d=path([*one.points[-1:], *one.expected]), class_="curve dashed"))
    if one.points:
        parts.append(element("path", d=path(one.points), class_="curve"))
    for x, y in one.points:
        tip = element("title", f"{one.name}: {y:,.4g} at {x:,.4g}")
        parts.append(element("circle", tip, cx=across(x), cy=up(y), r=2.6))
    return element("g", *parts, class_=one.class_)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float
    log: bool

    def __call__(self, value: float) -> float:
        low, high, value = ((math.log(v) if self.log else v) for v in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def _padded(low: float, high: float, log: bool) -> tuple[float, float]:
    if log:
        return low / 1.3, high * 1.3
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _ticks(low: float, high: float, unit: str, log: bool) -> list[tuple[float, str]]:
    if not log:
        step = 10 ** math.floor(math.log10((high - low) / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)
        first = math.ceil(low / step)
        return [
            (i * step, f"{i * step:g}{unit}".replace("-", "−"))
            for i in range(first, math.floor(high / step) + 1)
        ]
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    every = max(1, math.ceil((last - first + 1) / 6))
    return [(10.0**i, quantity(10.0**i, unit)) for i in range(first, last + 1, every)]


def quantity(value: float, unit: str) -> str:
    """A number with a prefix for its size: 1.2 ms, 340 MB, 4.5 G."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g} {prefix}{unit}".rstrip()
    return f"{value:.3g} {unit}".rstrip()


def _plain(value: str | Number) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
