"""Labels that may be wrong: others of their kind, seen without them, say otherwise.

A model that has learnt a wrong label repeats it, so only answers by a classifier count that has not seen the
picture: features are frozen, and a linear classifier on them is fitted to four fifths of the pictures and
asked about the rest (Northcutt et al. 2021, "Confident learning"). The features must not know the labels
either: they are the starting weights', or, for pictures that were not trained on, the model's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.engine.probe import PENALTIES, fitted
from swinkit.tasks import Task
from swinkit.trust.assessment import Suspect
from swinkit.trust.calibration import class_indices, softmax

FOLDS = 5
MOST = 100
_TRUSTED = 0.75
"""How far the classifier's agreement with the labels must lie from guessing (0) to all of them (1).

Where 5 % of the labels are wrong, even the best classifier of overlapping classes finds them, among the
likeliest 5 %, with a precision of 0.6 only from about here on: 0.57 at 0.61 of two classes, 0.69 at 0.81 of
five, 0.57 at 0.74 of ten. Of photographs (flowers5, 950, 57 % right by edges and colours) 0.26 of the
likeliest were wrong, and no better when their nearest neighbours had a say.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """suspects: the likeliest first. skipped: why none were looked for."""

    suspects: tuple[Suspect, ...] = ()
    skipped: str | None = None


def suspects(task: Task, samples: Sequence[Sample], features: Tensor) -> Found:
    """Pictures whose label others contradict. features: of the samples, knowing no label. (N, C)"""
    fewest = min(Counter(sample.label for sample in samples).values(), default=0)
    if fewest < FOLDS:
        return Found(skipped=f"a class has {fewest} pictures here, and {FOLDS} are needed to judge by others")
    shares = out_of_fold(task, samples, features)
    targets = class_indices([str(sample.label) for sample in samples], task.classes)
    right = float((shares.argmax(axis=1) == targets).mean())
    guessed = float(np.bincount(targets).max()) / len(targets)
    if right < guessed + _TRUSTED * (1 - guessed):
        return Found(
            skipped=f"others agree with {right:.0%} of the labels, where guessing agrees with {guessed:.0%}: "
            "too few for their doubts to count"
        )
    return Found(
        suspects=tuple(
            Suspect(
                image=samples[index].name,
                label=task.classes[targets[index]],
                suggested=task.classes[suggested],
                probability_of_label=float(shares[index, targets[index]]),
            )
            for index, suggested in ranked(shares, targets)[:MOST]
        )
    )


def out_of_fold(task: Task, samples: Sequence[Sample], features: Tensor) -> np.ndarray:
    """Probabilities of the classes by a linear classifier that never saw the picture or its group. (N, K)

    Of several penalties the one whose answers make the labels likeliest is taken: by accuracy, as for a
    baseline, a weaker one would win, which follows every wrong label.
    """
    fold = torch.tensor(_folds(samples))
    shares = np.empty((len(PENALTIES), len(samples), len(task.classes)))
    for number in fold.unique():
        taught, asked = (fold != number).nonzero().flatten(), (fold == number).nonzero().flatten()
        some = [samples[index] for index in taught.tolist()]
        for penalty, probe in enumerate(fitted(task, features[taught], some)):
            shares[penalty, asked] = softmax(probe(features[asked]).numpy())
    targets = task.targets(samples).numpy()
    likely = np.log(shares[:, np.arange(len(targets)), targets].clip(1e-12)).mean(axis=1)
    chosen: np.ndarray = shares[likely.argmax()]
    return chosen


def ranked(shares: np.ndarray, targets: np.ndarray) -> list[tuple[int, int]]:
    """Pictures that resemble another class more than their label, with that class, the most doubtful first.

    First come those for which the other class is as probable as it usually is for pictures that have it as
    their label (confident learning's threshold), then the others; each by how far it leads.
    """
    rows, classes = np.arange(len(targets)), np.arange(shares.shape[1])
    usual = np.array(
        [shares[targets == one, one].mean() if (targets == one).any() else 1.0 for one in classes]
    )
    suggested = shares.argmax(axis=1)
    probable = shares[rows, suggested]
    lead = probable - shares[rows, targets]
    confident = probable >= usual[suggested]
    order = sorted(
        np.flatnonzero(suggested != targets), key=lambda index: (not confident[index], -lead[index])
    )
    return [(int(index), int(suggested[index])) for index in order]


def _folds(samples: Sequence[Sample]) -> list[int]:
    """One of five for each picture: evenly by class, groups together, the same whatever the order."""
    place: dict[str, int] = {}
    seen: Counter[str | None] = Counter()
    for sample in sorted(samples, key=lambda sample: sample.name):
        key = sample.group or sample.name
        if key not in place:
            place[key] = seen[sample.label] % FOLDS
            seen[sample.label] += 1
    return [place[sample.group or sample.name] for sample in samples]
