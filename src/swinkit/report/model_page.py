"""The page about one model: what `train` and `evaluate` found out, for people.

Everything on it is looked up in the files beside it (evaluation.json, predictions.csv, and of a run run.json,
metrics.jsonl and split.csv); see `numbers.py`. Judgements are in `verdict.py`, sentences in `words.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from swinkit.data import ImageSet, write_atomically
from swinkit.report import charts, words
from swinkit.report.background import Trained, background
from swinkit.report.heat import overlays
from swinkit.report.mistakes import PER_CELL, TOP, Stamp, mistakes, top_losses
from swinkit.report.numbers import Measure, Number, Sheet, Shown, measure, percent, pointer
from swinkit.report.page import render
from swinkit.report.shaken import shaken_rows
from swinkit.report.thumbnails import Album
from swinkit.report.verdict import judge
from swinkit.trust.assessment import Assessment, ClassIntervals, Interval

_WORST = 20  # classes that are shown before the rest is folded away


def write_report(
    folder: Path, found: Assessment, images: ImageSet, *, trained: Trained | None = None
) -> Path:
    """Write report.html into a folder: one file, nothing fetched, no path of this machine in it.

    images: all pictures, those that were scored among them; their names are those of the assessment.
    trained: of a run; without it the page is about the scores alone.
    """
    return write_atomically(folder / "report.html", report(found, images, trained=trained))


def report(found: Assessment, images: ImageSet, *, trained: Trained | None = None) -> str:
    """The page as HTML."""
    sheet = Sheet("evaluation.json", found.to_dict())
    behind = background(images, trained, found.evaluation.skipped)
    verdict = judge(found, trained.facts if trained else None, trained.history if trained else ())
    album = Album(images.samples)
    looked = overlays(found.looked, album)
    losses = top_losses(found, album)
    suspects = _suspects(found, album)
    wrong = mistakes(found, sheet, album)
    shown: dict[str, Any] = {
        "found": found,
        "sheet": sheet,
        "headline": words.headline(verdict.headline, sheet),
        "cautions": [words.caution(name, found, sheet, behind["run"]) for name in verdict.cautions],
        "versus": _versus(found),
        "mistakes": wrong,
        "per_cell": PER_CELL,
        "classes": _classes(found, sheet),
        "worst": _WORST,
        "losses": losses,
        "suspects": suspects,
        "top": TOP,
        "looked": looked,
        "robustness": shaken_rows(found.robustness, sheet, "accuracy", "balanced_accuracy"),
        "reliability": _reliability(found),
        "coverage_chart": charts.coverage(found.calibration.coverage) if found.calibration else None,
        "coverage": _coverage(found, sheet),
        "album": album,
        **behind,
    }
    return render("report.html.jinja", **shown, sections=_sections(shown))


def _sections(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the page has, for its contents."""
    found: Assessment = shown["found"]
    wanted = (
        ("mistakes", "What it takes for what", True),
        ("classes", "Class by class", True),
        ("losses", "Its surest mistakes", bool(shown["losses"])),
        ("labels", "Labels that may be wrong", bool(found.suspects or found.suspects_skipped)),
        ("looked", "Where it looked", bool(shown["looked"])),
        ("calibration", "Its probabilities", found.calibration is not None),
        ("robustness", "When pictures get worse", bool(found.robustness)),
        ("data", "The data", bool(shown["data"] or shown["skipped"] or shown["findings"])),
        ("training", "How it was trained", shown["run"] is not None),
        ("cost", "What it costs", found.cost is not None),
    )
    return [(id_, title) for id_, title, there in wanted if there]


def _versus(found: Assessment) -> Markup:
    """The model between its baselines, in one drawing."""
    rows: list[tuple[str, str, Interval | float]] = [("accuracy", "accent", found.accuracy)]
    if found.by_folds:
        rows.insert(0, ("in five rounds", "everything", found.by_folds.accuracy))
    if found.baselines:
        rows.append(("one answer for all", "quiet", found.baselines.majority))
    rows.append(("balanced accuracy", "accent", found.balanced_accuracy))
    if found.baselines and found.baselines.probe:
        rows.append(("linear classifier", "quiet", found.baselines.probe))
    return charts.versus(rows)


# Class by class ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClassRow:
    """measures: recall, precision, F1; None where nothing can be said."""

    name: str
    pictures: Shown
    measures: tuple[Measure | None, ...]


def _classes(found: Assessment, sheet: Sheet) -> list[ClassRow]:
    """The worst first; classes without pictures last."""

    def badness(name: str) -> tuple[bool, float]:
        one = found.per_class[name]
        return not one.pictures, one.f1.value if one.f1 else 0.0

    return [_class_row(name, found.per_class[name], sheet) for name in sorted(found.per_class, key=badness)]


def _class_row(name: str, one: ClassIntervals, sheet: Sheet) -> ClassRow:
    at = ("intervals", "per_class", name)
    return ClassRow(
        name=name,
        pictures=sheet.count(*at, "pictures"),
        measures=tuple(
            measure(sheet, *at, kind, bar=share) if share else None
            for kind, share in (("recall", one.recall), ("precision", one.precision), ("f1", one.f1))
        ),
    )


# The rest ------------------------------------------------------------------------------------------------


def _suspects(found: Assessment, album: Album) -> list[Stamp]:
    return [
        Stamp(
            image=one.image,
            label=one.label,
            predicted=one.suggested,
            sure="",
            of_label=Number(
                one.probability_of_label,
                percent(one.probability_of_label),
                f"evaluation.json#{pointer('suspects', row, 'probability_of_label')}",
            ),
            picture=album.thumbnail(one.image),
        )
        for row, one in enumerate(found.suspects[:TOP])
    ]


def _reliability(found: Assessment) -> list[tuple[str, Markup]]:
    if found.calibration is None:
        return []
    drawn = [("before", charts.reliability(found.calibration.before, "before"))]
    if not found.calibration.skipped:
        drawn.append(("after", charts.reliability(found.calibration.after, "after")))
    return drawn


def _coverage(found: Assessment, sheet: Sheet) -> list[Markup]:
    rows = found.calibration.coverage if found.calibration else ()
    return [words.coverage(sheet, row) for row in range(len(rows))]
