"""The last lines of a training: how good, beside what, what was written, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from swinkit.engine.run import Run

if TYPE_CHECKING:
    from swinkit.trust.assessment import (
        Assessment,
        Baselines,
        ByFolds,
        Interval,
        LabelByFolds,
        MultiLabelAssessment,
    )

_CLASSES = 8  # that are named, worst first
_FEW = 30  # pictures of a class, below which its number says little
_TOO_GOOD = "note: chosen on the same pictures, so a little too good; pictures for a test split would tell"


def result_lines(
    run: Run, found: Assessment | MultiLabelAssessment, *, linear: bool = False
) -> Iterator[str]:
    """For a person, on the screen. linear: whether nothing but a linear classifier has learnt."""
    from swinkit.trust.assessment import Assessment

    yield from _of_classes(run, found, linear) if isinstance(found, Assessment) else _of_sets(run, found)
    names = sorted(p.name for p in run.folder.iterdir() if p.is_file() and not p.name.startswith("."))
    yield f"{run.folder}/: {', '.join(names)}"
    yield f"next: swinkit predict PICTURES --weights {shlex.quote(str(run.folder))}"


def _of_classes(run: Run, found: Assessment, linear: bool) -> Iterator[str]:
    """Where each picture has one class."""
    scored = found.evaluation
    if found.by_folds is not None:
        folds = found.by_folds
        yield (f"accuracy {folds.accuracy.value:.1%} ({_range(folds.accuracy)}) of {_in_rounds(folds)}")
    yield _headline(found)
    if found.baselines is not None:
        yield f"beside it: {_beside(found.baselines)}"
        if linear:
            yield "note: there was no time for more than a linear classifier; given more, all of it learns"
        elif _is_beaten(found, found.baselines):
            yield "warning: no better than that: it has learnt too little; give it more time, or weights"
    yield _classes(found)
    if found.chosen_on_same:
        yield _TOO_GOOD
    wrong = sum(said.label != true for said, true in zip(scored.predictions, scored.answers, strict=True))
    suspects = f", {len(found.suspects)} likely wrong labels" if found.suspects else ""
    yield f"{wrong} mistake{'' if wrong == 1 else 's'}{suspects}, with pictures: {run.report}"


def _of_sets(run: Run, found: MultiLabelAssessment) -> Iterator[str]:
    """Where a picture may have several."""
    scored, precision, f1 = found.evaluation, found.mean_average_precision, found.f1
    if found.by_folds is not None:
        share = found.by_folds.mean_average_precision
        yield f"mean average precision {share.value:.1%} ({_range(share)}) of {_in_rounds(found.by_folds)}"
    if precision is None or f1 is None:
        yield f"nothing can be said: none of the pictures of {scored.split} is known to have a class"
        return
    yield (
        f"mean average precision {precision.value:.1%} ({_range(precision)}), "
        f"F1 {f1.value:.1%} ({_range(f1)}), on the {scored.pictures:,} pictures of {scored.split}"
    )
    each = [(name, one.average_precision, one.pictures) for name, one in found.per_class.items()]
    yield f"average precision of each class, worst first: {_listed(each)}"
    if found.chosen_on_same:
        yield _TOO_GOOD
    yield f"what was missed and what was given wrongly, with pictures: {run.report}"


def _in_rounds(folds: ByFolds | LabelByFolds) -> str:
    low, high = min(folds.each), max(folds.each)
    return (
        f"a linear classifier on {folds.features}, 5-fold over all {folds.pictures} pictures, none seen by "
        f"who answers (each fold {low:.0%} to {high:.0%})"
    )


def _headline(found: Assessment) -> str:
    scored, balanced = found.evaluation, found.balanced_accuracy
    return (
        f"accuracy {scored.accuracy:.1%} ({_range(found.accuracy)}), balanced {balanced.value:.1%} "
        f"({_range(balanced)}), on the {scored.pictures:,} pictures of {scored.split}"
    )


def _beside(baselines: Baselines) -> str:
    guess = f"always '{baselines.majority_class}' {baselines.majority:.1%}"
    if baselines.probe is None:
        return guess
    return f"{guess}, a linear classifier on {baselines.probe_features} {baselines.probe.value:.1%} balanced"


def _is_beaten(found: Assessment, baselines: Baselines) -> bool:
    """Whether guessing, or a linear classifier, does as well."""
    by_probe = baselines.probe is not None and baselines.probe.value >= found.balanced_accuracy.value
    return by_probe or baselines.majority >= found.evaluation.accuracy


def _classes(found: Assessment) -> str:
    recalls = [(name, one.recall, one.pictures) for name, one in found.per_class.items()]
    return f"found of each class, worst first: {_listed(recalls)}"


def _listed(each: Sequence[tuple[str, Interval | None, int]]) -> str:
    told = sorted((number.value, name, pictures) for name, number, pictures in each if number is not None)
    words = [f"{name} {value:.0%}{_little(pictures)}" for value, name, pictures in told[:_CLASSES]]
    silent = [f"{name} – (no pictures)" for name, number, _ in each if number is None]
    more = f", and {len(told) - _CLASSES} better ones" if len(told) > _CLASSES else ""
    return f"{', '.join([*words, *silent[:_CLASSES]])}{more}"


def _little(pictures: int) -> str:
    return f" (of {pictures})" if pictures < _FEW else ""


def _range(interval: Interval) -> str:
    return f"95 %: {interval.low:.1%} to {interval.high:.1%}"
