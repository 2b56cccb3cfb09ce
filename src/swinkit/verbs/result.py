"""The last lines of a training: how good, beside what, what was written, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from swinkit.engine.run import Run

if TYPE_CHECKING:
    from swinkit.trust.assessment import Assessment, Baselines, Interval

_CLASSES = 8  # that are named, worst first
_FEW = 30  # pictures of a class, below which its number says little


def result_lines(run: Run, found: Assessment) -> Iterator[str]:
    """For a person, on the screen."""
    scored = found.evaluation
    yield _headline(found)
    if found.baselines is not None:
        yield f"beside it: {_beside(found.baselines)}"
    yield _classes(found)
    if found.chosen_on_same:
        yield "note: chosen on the same pictures, so a little too good; pictures for a test split would tell"
    wrong = sum(said.label != true for said, true in zip(scored.predictions, scored.answers, strict=True))
    suspects = f", {len(found.suspects)} likely wrong labels" if found.suspects else ""
    yield f"{wrong} mistakes{suspects}, with pictures: {run.report}"
    names = sorted(path.name for path in run.folder.iterdir() if path.is_file())
    yield f"{run.folder}/: {', '.join(names)}"
    yield f"next: swinkit predict PICTURES --weights {run.folder}"


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


def _classes(found: Assessment) -> str:
    recalls = [(name, one.recall, one.pictures) for name, one in found.per_class.items()]
    told = sorted((recall.value, name, pictures) for name, recall, pictures in recalls if recall is not None)
    words = [f"{name} {value:.0%}{_little(pictures)}" for value, name, pictures in told[:_CLASSES]]
    silent = [f"{name} – (no pictures)" for name, recall, _ in recalls if recall is None]
    more = f", and {len(told) - _CLASSES} better ones" if len(told) > _CLASSES else ""
    return f"found of each class, worst first: {', '.join([*words, *silent[:_CLASSES]])}{more}"


def _little(pictures: int) -> str:
    return f" (of {pictures})" if pictures < _FEW else ""


def _range(interval: Interval) -> str:
    return f"95 %: {interval.low:.1%} to {interval.high:.1%}"
