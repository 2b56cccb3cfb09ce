"""What was taken for what, and the pictures behind each number: a matrix, or for many classes a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from swinkit.report.numbers import Number, Sheet, Shown, percent, pointer
from swinkit.report.thumbnails import Album, Thumbnail
from swinkit.trust.assessment import Assessment, Scored

LARGEST_MATRIX = 50
"""Classes above which pairs are listed in place of a matrix."""
PER_CELL = 12
"""Pictures shown for one cell."""
MOST_PAIRS = 5_000
"""Rows of the list: a browser still scrolls and searches them at once."""
TOP = 24
"""Pictures shown where the worst are picked from all."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A picture with what is true of it and what was said."""

    image: str
    label: str
    predicted: str
    sure: Shown
    of_label: Shown
    picture: Thumbnail | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of the matrix. id: of its pictures on the page, empty where none are shown."""

    id: str
    label: str
    predicted: str
    pictures: Shown
    share: float
    """Of its row, for the shade."""

    @property
    def right(self) -> bool:
        return self.label == self.predicted


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of one cell, a few of them."""

    cell: Cell
    stamps: tuple[Stamp, ...]

    @property
    def cut(self) -> bool:
        """Whether the cell has more pictures than are shown."""
        return not isinstance(self.cell.pictures, Number) or len(self.stamps) < self.cell.pictures.value


@dataclass(frozen=True, slots=True)
class Mistakes:
    """rows: the matrix, empty above `LARGEST_MATRIX` classes. pairs: mistakes by their number, the commonest
    first; without the last ones where there are too many (`all_pairs` counts them)."""

    rows: tuple[tuple[Cell, ...], ...]
    pairs: tuple[Cell, ...]
    all_pairs: int
    galleries: tuple[Gallery, ...]


def mistakes(found: Assessment, sheet: Sheet, album: Album) -> Mistakes:
    """The commonest mistakes get their pictures first, then the rest, then what was right, while they fit."""
    classes, confusion = found.evaluation.classes, found.evaluation.confusion
    behind = _behind(found)
    counted = [(i, j) for i, row in enumerate(confusion) for j, number in enumerate(row) if number]
    wrong = sorted(((i, j) for i, j in counted if i != j), key=lambda at: (-confusion[at[0]][at[1]], at))
    as_matrix = len(classes) <= LARGEST_MATRIX
    galleries: dict[tuple[int, int], Gallery] = {}
    for i, j in [*wrong, *((i, i) for i in range(len(classes)) if as_matrix and confusion[i][i])]:
        stamps = tuple(_stamps(behind[classes[i], classes[j]][:PER_CELL], album))
        if any(stamp.picture for stamp in stamps):
            galleries[i, j] = Gallery(_cell(found, sheet, i, j, f"cell-{i}-{j}"), stamps)

    def cell(i: int, j: int) -> Cell:
        return galleries[i, j].cell if (i, j) in galleries else _cell(found, sheet, i, j, "")

    everything = range(len(classes)) if as_matrix else range(0)
    return Mistakes(
        rows=tuple(tuple(cell(i, j) for j in everything) for i in everything),
        pairs=tuple(cell(i, j) for i, j in wrong[:MOST_PAIRS]),
        all_pairs=len(wrong),
        galleries=tuple(galleries.values()),
    )


def top_losses(found: Assessment, album: Album) -> tuple[Stamp, ...]:
    """The pictures whose true class was held for the least probable."""
    order = sorted(range(len(found.pictures)), key=lambda i: found.pictures[i].probability_of_label)
    wrong = [i for i in order if found.pictures[i].label != found.pictures[i].predicted]
    return tuple(_stamps([(i, found.pictures[i]) for i in wrong[:TOP]], album))


def _behind(found: Assessment) -> dict[tuple[str, str], list[tuple[int, Scored]]]:
    """The pictures of each cell, the surest answers first, each with its row in predictions.csv."""
    cells: dict[tuple[str, str], list[tuple[int, Scored]]] = defaultdict(list)
    for row in sorted(enumerate(found.pictures), key=lambda row: -row[1].probability):
        cells[row[1].label, row[1].predicted].append(row)
    return cells


def _stamps(rows: list[tuple[int, Scored]], album: Album) -> Iterator[Stamp]:
    for row, one in rows:
        yield Stamp(
            image=one.image,
            label=one.label,
            predicted=one.predicted,
            sure=_probability(row, "probability", one.probability),
            of_label=_probability(row, "probability_of_label", one.probability_of_label),
            picture=album.thumbnail(one.image),
        )


def _probability(row: int, column: str, value: float) -> Number:
    return Number(value, percent(value), f"predictions.csv#{pointer(row, column)}")


def _cell(found: Assessment, sheet: Sheet, i: int, j: int, id_: str) -> Cell:
    classes, confusion = found.evaluation.classes, found.evaluation.confusion
    whole = sum(confusion[i])
    return Cell(
        id=id_,
        label=classes[i],
        predicted=classes[j],
        pictures=sheet.count("confusion", i, j),
        share=confusion[i][j] / whole if whole else 0.0,
    )
