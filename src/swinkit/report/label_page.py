"""The page about a model whose pictures may show several classes: class by class, with what it missed and
what it gave wrongly. Built like `model_page.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swinkit.data import ImageSet, write_atomically
from swinkit.report import words
from swinkit.report.background import Trained, background
from swinkit.report.mistakes import PER_CELL, Stamp
from swinkit.report.numbers import Number, Sheet, Shown, percent, pointer
from swinkit.report.page import render
from swinkit.report.thumbnails import Album
from swinkit.report.verdict import judge_labels
from swinkit.tasks.results import MultiLabelEvaluation


def write_label_report(
    folder: Path, found: MultiLabelEvaluation, images: ImageSet, *, trained: Trained | None = None
) -> Path:
    """Write report.html into a folder: one file, nothing fetched, no path of this machine in it."""
    return write_atomically(folder / "report.html", label_report(found, images, trained=trained))


def label_report(found: MultiLabelEvaluation, images: ImageSet, *, trained: Trained | None = None) -> str:
    """The page as HTML. images: all pictures, those that were scored among them, by the same names."""
    sheet = Sheet("evaluation.json", found.to_dict())
    behind = background(images, trained, found.skipped)
    verdict = judge_labels(found, trained.facts if trained else None, trained.history if trained else ())
    album = Album(images.samples)
    rows = [_row(name, found, sheet, album, number) for number, name in enumerate(_worst_first(found))]
    sections = [("classes", "Class by class")]
    sections += [("data", "The data")] if behind["data"] or behind["left_out"] or behind["findings"] else []
    sections += [("training", "How it was trained")] if trained else []
    return render(
        "labels.html.jinja",
        found=found,
        sheet=sheet,
        headline=words.label_headline(verdict.headline, sheet),
        cautions=[words.caution(name, found, sheet, behind["run"]) for name in verdict.cautions],
        rows=rows,
        per_cell=PER_CELL,
        album=album,
        sections=sections,
        **behind,
    )


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One class. id: of its pictures on the page, empty where there are none. precision: for the bar."""

    id: str
    name: str
    pictures: Shown
    average_precision: Shown
    bar: float | None
    threshold: Shown
    at_threshold: tuple[Shown, ...]
    missed: tuple[Stamp, ...]
    given: tuple[Stamp, ...]


def _worst_first(found: MultiLabelEvaluation) -> list[str]:
    """Classes about which nothing can be said last."""

    def badness(name: str) -> tuple[bool, float]:
        precision = found.per_class[name].average_precision
        return precision is None, precision or 0.0

    return sorted(found.per_class, key=badness)


def _row(name: str, found: MultiLabelEvaluation, sheet: Sheet, album: Album, number: int) -> LabelRow:
    at = ("per_class", name)
    missed, given = tuple(_missed(name, found, album)), tuple(_wrongly_given(name, found, album))
    return LabelRow(
        id=f"class-{number}" if any(stamp.picture for stamp in (*missed, *given)) else "",
        name=name,
        pictures=sheet.count(*at, "pictures"),
        average_precision=sheet.whole(*at, "average_precision"),
        bar=found.per_class[name].average_precision,
        threshold=sheet.whole(*at, "threshold"),
        at_threshold=tuple(sheet.whole(*at, kind) for kind in ("recall", "precision", "f1")),
        missed=missed,
        given=given,
    )


def _missed(name: str, found: MultiLabelEvaluation, album: Album) -> Iterator[Stamp]:
    """Pictures that have the class and were not given it, the least probable first."""
    rows = [
        row
        for row, (said, true) in enumerate(zip(found.predictions, found.answers, strict=True))
        if name in true and name not in (said.labels or ())
    ]
    rows.sort(key=lambda row: found.predictions[row].probabilities[name])
    return (_stamp(name, row, found, album) for row in rows[:PER_CELL])


def _wrongly_given(name: str, found: MultiLabelEvaluation, album: Album) -> Iterator[Stamp]:
    """Pictures that were given the class and are known not to have it, the surest first."""
    rows = [
        row
        for row, (said, true, unknown) in enumerate(
            zip(found.predictions, found.answers, found.unknown, strict=True)
        )
        if name in (said.labels or ()) and name not in true and name not in unknown
    ]
    rows.sort(key=lambda row: -found.predictions[row].probabilities[name])
    return (_stamp(name, row, found, album) for row in rows[:PER_CELL])


def _stamp(name: str, row: int, found: MultiLabelEvaluation, album: Album) -> Stamp:
    said = found.predictions[row]
    value = said.probabilities[name]
    probability = Number(value, percent(value), f"predictions.csv#{pointer(row, f'p({name})')}")
    return Stamp(
        image=said.image,
        label=", ".join(found.answers[row]),
        predicted=", ".join(said.labels or ()),
        sure=probability,
        of_label=probability,
        picture=album.thumbnail(said.image),
    )
