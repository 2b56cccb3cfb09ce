"""The page about speed: who takes how long, at how much of the machine's rate, in how much memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from swinkit.benchmark.results import Benchmark, Case, Row
from swinkit.data import write_atomically
from swinkit.drawings import svg
from swinkit.drawings.svg import Series
from swinkit.report import bench_words, charts
from swinkit.report.numbers import NOTHING, Sheet, Shown
from swinkit.report.page import render

_FILE = "bench.json"


def write_bench_page(found: Benchmark) -> Path:
    """Write bench.html beside bench.json, self-contained."""
    return write_atomically(found.folder / "bench.html", bench_page(found))


def bench_page(found: Benchmark) -> str:
    """The page as HTML."""
    sheet = Sheet(_FILE, found.to_dict())
    return render(
        "bench.html.jinja",
        found=found,
        words=bench_words,
        headline=bench_words.headline(found, sheet),
        lead=bench_words.lead(found, sheet),
        cases=[_shown(number, case, found, sheet) for number, case in enumerate(found.cases())],
        growth=_growth(found),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: name and detail, then its cells."""

    row: Row
    colour: str
    cells: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A section of the page."""

    title: str
    chart: Markup
    lines: tuple[Line, ...]
    rate: Markup
    beside: Markup


def _shown(number: int, case: Case, found: Benchmark, sheet: Sheet) -> ShownCase:
    places = [place for place, row in enumerate(found.rows) if row.case == case]
    rows = [found.rows[place] for place in places]
    rate = next(place for place, one in enumerate(found.rates) if one.case == case)
    chart = charts.timings(
        [(row.name, _colour(row), row.wall.p50, row.wall.p95) for row in rows], label="Time of a call"
    )
    return ShownCase(
        title=str(case),
        chart=chart,
        lines=tuple(_line(place, found.rows[place], sheet) for place in places),
        rate=bench_words.rate(rate, sheet),
        beside=bench_words.best_peer(case, found, sheet),
    )


def _line(place: int, row: Row, sheet: Sheet) -> Line:
    at = ("rows", place)
    held = row.memory is not None
    cells = (
        sheet.measure(*at, "wall", "p50", unit="s"),
        sheet.measure(*at, "wall", "p95", unit="s"),
        sheet.plain(*at, "throughput"),
        sheet.plain(*at, "ratio"),
        sheet.whole(*at, "share"),
        bench_words.outside(sheet.whole(*at, "outside"), row),
        sheet.measure(*at, "memory", "working", unit="B") if held else NOTHING,
        sheet.measure(*at, "memory", "process", unit="B") if held else NOTHING,
        sheet.measure(*at, "macs", unit=""),
        sheet.plain(*at, "off", digits=1),
        sheet.measure(*at, "start", unit="s"),
    )
    return Line(row, _colour(row), cells)


_COLOURS = {"kernel": "accent", "peer": "everything", "other": "quiet"}


def _colour(row: Row) -> str:
    return _COLOURS[row.kind]


# Growth with the area ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Growth:
    """Time a pixel by the side of the image, of one model in otherwise equal cases."""

    title: str
    key: tuple[tuple[str, str], ...]
    chart: Markup


def _growth(found: Benchmark) -> list[Growth]:
    return [_grown(title, rows) for title, rows in _by_size(found) if len(_sides(rows)) > 1]


def _by_size(found: Benchmark) -> Iterator[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for row in found.rows:
        one = row.case
        title = f"{one.model}, batch {one.batch}, {one.dtype}, {one.threads} threads"
        groups.setdefault(title, []).append(row)
    yield from groups.items()


def _sides(rows: Sequence[Row]) -> list[float]:
    return sorted({_side(row) for row in rows})


def _side(row: Row) -> float:
    """Of a square of the same area."""
    height, width = row.case.image_size
    return float((height * width) ** 0.5)


def _grown(title: str, rows: Sequence[Row]) -> Growth:
    names = list(dict.fromkeys(row.name for row in rows))
    series = [
        Series(
            name, charts.colour(number), [(_side(row), _per_pixel(row)) for row in rows if row.name == name]
        )
        for number, name in enumerate(names)
    ]
    chart = svg.line_chart(
        series,
        label="Time a pixel by the side of the image",
        x_ticks=[(side, f"{side:.0f}") for side in _sides(rows)],
        unit="s",
    )
    return Growth(title, tuple((one.name, one.class_) for one in series), chart)


def _per_pixel(row: Row) -> float:
    height, width = row.case.image_size
    return row.wall.p50 / row.case.batch / (height * width)
