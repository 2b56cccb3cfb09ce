"""The page about several models: which is better on the same pictures, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from swinkit.data import write_atomically
from swinkit.report import charts, words
from swinkit.report.charts import History
from swinkit.report.numbers import Measure, Sheet, Shown, measure
from swinkit.report.page import render
from swinkit.trust.comparison import Comparison, Contender, Duel, SetContender, SetDuel


def write_comparison(folder: Path, found: Comparison, histories: Mapping[str, History]) -> Path:
    """Write compare.html into a folder, self-contained. histories: metrics.jsonl of each run, by its name."""
    return write_atomically(folder / "compare.html", comparison(found, histories))


def comparison(found: Comparison, histories: Mapping[str, History]) -> str:
    """The page as HTML."""
    sheet = Sheet("comparison.json", found.to_dict())
    return render(
        "compare.html.jinja",
        found=found,
        sheet=sheet,
        headline=words.compared(found),
        columns=list(words.measures_of(found.contenders[0]).values()),
        rows=[_row(one, sheet, number) for number, one in enumerate(found.contenders)],
        duels=[_duel(one, sheet, number) for number, one in enumerate(found.duels)],
        curves=charts.overlaid([(one.name, histories.get(one.name, ())) for one in found.contenders]),
        words=words,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One run: how good, and at what cost. colour: of its lines."""

    contender: Contender | SetContender
    colour: str
    measures: tuple[Measure, ...]
    cost: tuple[tuple[str, Shown], ...]


def _row(one: Contender | SetContender, sheet: Sheet, number: int) -> Row:
    at = ("contenders", number)
    return Row(
        contender=one,
        colour=charts.colour(number),
        measures=tuple(measure(sheet, *at, name, bar=getattr(one, name)) for name in words.measures_of(one)),
        cost=(
            ("parameters", sheet.measure(*at, "parameters", unit="")),
            ("epochs", sheet.count(*at, "epochs")),
            ("training", sheet.duration(*at, "seconds")),
            ("time a picture", sheet.measure(*at, "seconds_per_picture", unit="s")),
        ),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs in a sentence, and the numbers behind it."""

    verdict: Markup
    said: Markup


def _duel(one: Duel | SetDuel, sheet: Sheet, number: int) -> Pair:
    return Pair(words.duel(one), words.duel_numbers(one, sheet, number))
