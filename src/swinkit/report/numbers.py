"""Numbers on a page, each with the place in the run's files where it stands.

A page computes nothing: what it shows is looked up by a pointer (RFC 6901) into a file beside it, and the
pointer goes into the page as `data-fact`, so that anybody can look it up as well, and the tests do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from swinkit.drawings.svg import quantity
from swinkit.report.page import displayable
from swinkit.trust.assessment import Interval

NOTHING = "–"
"""Stands where nothing can be said."""


@dataclass(frozen=True, slots=True)
class Number:
    """A value as a person reads it, and where it stands: `evaluation.json#/accuracy`."""

    value: float
    text: str
    fact: str

    def __html__(self) -> Markup:
        return Markup('<data value="{}" data-fact="{}">{}</data>').format(
            self.value, displayable(self.fact), self.text
        )

    def __str__(self) -> str:
        return self.text


Shown = Number | str
"""A number, or the sign that there is none."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The values of one file beside the page, as JSON would give them."""

    file: str
    values: Any

    def at(self, *keys: str | int) -> Any:
        """The value under these keys."""
        value = self.values
        for key in keys:
            value = value[key]
        return value

    def number(self, *keys: str | int, as_: Callable[[float], str]) -> Shown:
        """The number under these keys, or of the list there, its length; `NOTHING` where that is None."""
        value = self.at(*keys)
        if value is None:
            return NOTHING
        if isinstance(value, Sequence | Mapping):
            value = len(value)
        return Number(value, as_(value), f"{self.file}#{pointer(*keys)}")

    def share(self, *keys: str | int) -> Shown:
        return self.number(*keys, as_=percent)

    def whole(self, *keys: str | int) -> Shown:
        """A share in whole percent, for tables."""
        return self.number(*keys, as_=lambda value: percent(value, 0))

    def bare(self, *keys: str | int) -> Shown:
        """The same without the sign, where that follows."""
        return self.number(*keys, as_=lambda value: percent(value, 0).rstrip(f"{NARROW}%"))

    def count(self, *keys: str | int) -> Shown:
        return self.number(*keys, as_=count)

    def measure(self, *keys: str | int, unit: str) -> Shown:
        return self.number(*keys, as_=lambda value: quantity(value, unit).replace(" ", NARROW))

    def points(self, *keys: str | int) -> Shown:
        """A difference of shares, in percentage points with its sign."""
        return self.number(*keys, as_=lambda value: f"{100 * value:+.1f}".replace("-", "−"))

    def duration(self, *keys: str | int) -> Shown:
        return self.number(*keys, as_=duration)

    def plain(self, *keys: str | int, digits: int = 3) -> Shown:
        return self.number(*keys, as_=lambda value: f"{value:.{digits}g}".replace("-", "−"))


@dataclass(frozen=True, slots=True)
class Measure:
    """A share with its interval: as numbers, and as ends of a bar."""

    value: Shown
    low: Shown
    high: Shown
    bar: Interval


def measure(sheet: Sheet, *keys: str | int, bar: Interval) -> Measure:
    """The interval under these keys, whose values `bar` has."""
    return Measure(sheet.whole(*keys, "value"), sheet.bare(*keys, "low"), sheet.whole(*keys, "high"), bar)


NARROW = "\N{NARROW NO-BREAK SPACE}"


def pointer(*keys: str | int) -> str:
    """RFC 6901: the way to one value in a file of JSON."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def percent(share: float, decimals: int = 1) -> str:
    """A share in percent. Only what is all or none of something reads 100 or 0."""
    step = 10.0**-decimals
    value = 100 * share
    if share < 1 - _ROUNDING:
        value = min(value, 100 - step)
    if share > _ROUNDING:
        value = max(value, step)
    return f"{value:.{decimals}f}{NARROW}%"


_ROUNDING = 1e-9  # what sums of shares leave of nothing


def duration(seconds: float) -> str:
    """1 h 5 min, 12 min, 40 s."""
    minutes, hours = int(seconds) // 60 % 60, int(seconds) // 3600
    if hours:
        return f"{hours}{NARROW}h {minutes}{NARROW}min"
    return f"{minutes}{NARROW}min" if minutes else f"{seconds:.0f}{NARROW}s"


def chance(p: float) -> str:
    return "less than 0.001" if p < 0.001 else f"{p:.2g}"


def count(value: float) -> str:
    return f"{value:,.0f}".replace(",", NARROW)
