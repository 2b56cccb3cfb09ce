"""The page about a model whose pictures may show several classes: class by class, with what it missed and
what it gave wrongly. Built like `model_page.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from swinkit.data import ImageSet, write_atomically
from swinkit.report import charts, words
from swinkit.report.background import Trained, background
from swinkit.report.heat import overlays
from swinkit.report.mistakes import PER_CELL, Stamp
from swinkit.report.numbers import Measure, Number, Sheet, Shown, measure, percent, pointer
from swinkit.report.page import render
from swinkit.report.shaken import shaken_rows
from swinkit.report.thumbnails import Album
from swinkit.report.verdict import judge_labels
from swinkit.tasks.results import MultiLabelEvaluation
from swinkit.trust.assessment import Interval, MultiLabelAssessment


def write_label_report(
    folder: Path, found: MultiLabelAssessment, images: ImageSet, *, trained: Trained | None = None
) -> Path:
    """Write report.html into a folder: one file, nothing fetched, no path of this machine in it."""
    return write_atomically(folder / "report.html", label_report(found, images, trained=trained))


def label_report(found: MultiLabelAssessment, images: ImageSet, *, trained: Trained | None = None) -> str:
    """The page as HTML. images: all pictures, those that were scored among them, by the same names."""
    sheet = Sheet("evaluation.json", found.to_dict())
    behind = background(images, trained, found.evaluation.skipped)
    verdict = judge_labels(found, trained.facts if trained else None, trained.history if trained else ())
    album = Album(images.samples)
    shown: dict[str, Any] = {
        "found": found,
        "sheet": sheet,
        "headline": words.label_headline(verdict.headline, sheet),
        "cautions": [words.caution(name, found, sheet, behind["run"]) for name in verdict.cautions],
        "versus": _versus(found),
        "looked": overlays(found.looked, album),
        "rows": [_row(name, found, sheet, album, number) for number, name in enumerate(_worst_first(found))],
        "robustness": shaken_rows(found.robustness, sheet, "mean_average_precision"),
        "per_cell": PER_CELL,
        "album": album,
        **behind,
    }
    return render("labels.html.jinja", **shown, sections=_sections(shown))


def _sections(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the page has, for its contents."""
    found: MultiLabelAssessment = shown["found"]
    wanted = (
        ("classes", "Class by class", True),
        ("looked", "Where it looked", bool(shown["looked"])),
        ("robustness", "When pictures get worse", bool(found.robustness)),
        ("data", "The data", bool(shown["data"] or shown["skipped"] or shown["findings"])),
        ("training", "How it was trained", shown["run"] is not None),
        ("cost", "What it costs", found.cost is not None),
    )
    return [(id_, title) for id_, title, there in wanted if there]


def _versus(found: MultiLabelAssessment) -> Markup | None:
    """The model between its baselines, in one drawing; None where nothing can be said."""
    if found.mean_average_precision is None:
        return None
    rows: list[tuple[str, str, Interval | float]] = [("the model", "accent", found.mean_average_precision)]
    if found.by_folds:
        rows.insert(0, ("in five rounds", "everything", found.by_folds.mean_average_precision))
    if found.baselines:
        rows.append(("answers at random", "quiet", found.baselines.guessing))
    if found.baselines and found.baselines.probe:
        rows.append(("linear classifier", "quiet", found.baselines.probe))
    return charts.versus(rows)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One class. id: of its pictures on the page, empty where there are none. at_threshold: recall, precision
    and F1; None where nothing can be said."""

    id: str
    name: str
    pictures: Shown
    average_precision: Measure | None
    threshold: Shown
    at_threshold: tuple[Measure | None, ...]
    missed: tuple[Stamp, ...]
    given: tuple[Stamp, ...]


def _worst_first(found: MultiLabelAssessment) -> list[str]:
    """Classes about which nothing can be said last."""

    def badness(name: str) -> tuple[bool, float]:
        precision = found.per_class[name].average_precision
        return precision is None, precision.value if precision else 0.0

    return sorted(found.per_class, key=badness)


def _row(name: str, found: MultiLabelAssessment, sheet: Sheet, album: Album, number: int) -> LabelRow:
    scored, one = found.evaluation, found.per_class[name]
    missed, given = tuple(_missed(name, scored, album)), tuple(_wrongly_given(name, scored, album))

    def with_interval(kind: str, share: Interval | None) -> Measure | None:
        return measure(sheet, "intervals", "per_class", name, kind, bar=share) if share else None

    return LabelRow(
        id=f"class-{number}" if any(stamp.picture for stamp in (*missed, *given)) else "",
        name=name,
        pictures=sheet.count("per_class", name, "pictures"),
        average_precision=with_interval("average_precision", one.average_precision),
        threshold=sheet.whole("per_class", name, "threshold"),
        at_threshold=(
            with_interval("recall", one.recall),
            with_interval("precision", one.precision),
            with_interval("f1", one.f1),
        ),
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
