"""How a model fares when pictures get worse, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swinkit.report.numbers import Sheet, Shown
from swinkit.trust.assessment import Shaken, ShakenSets


@dataclass(frozen=True, slots=True)
class ShakenRow:
    """One change. bar: the first of the numbers."""

    change: str
    level: str
    numbers: tuple[Shown, ...]
    bar: float


def shaken_rows(found: Sequence[Shaken | ShakenSets], sheet: Sheet, *names: str) -> list[ShakenRow]:
    """names: of the numbers that are shown."""
    return [
        ShakenRow(
            change=one.change,
            level=one.level,
            numbers=tuple(sheet.share("robustness", row, name) for name in names),
            bar=getattr(one, names[0]),
        )
        for row, one in enumerate(found)
    ]
