"""Labels that may be wrong: others of their kind, seen without them, say otherwise.

A model that has learnt a wrong label repeats it, so only answers by a classifier count that has not seen the
picture: features are frozen, and a linear classifier on them is fitted to four fifths of the pictures and
asked about the rest (Northcutt et al. 2021, "Confident learning"). The features must not know the labels
either: they are the starting weights', or, for pictures that were not trained on, the model's own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.data.kin import units_of
from swinkit.data.splits import folds
from swinkit.engine.probe import fitted
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


def suspects(
    task: Task, samples: Sequence[Sample], features: Tensor, *, together: Sequence[Sequence[str]] = ()
) -> Found:
    """Pictures whose label others contradict.

    features: of the samples, knowing no label (N, C). together: names of pictures that show the same, which
    would vouch for each other, as those of one group and exact copies would.
    """
    units = units_of(samples, seed=0, together=together)
    fewest = min(Counter(label for unit in units for label in unit.labels).values(), default=0)
    if fewest < FOLDS:
        return Found(
            skipped=f"a class has {fewest} pictures here, groups and copies counted once, and {FOLDS} are "
            "needed to judge by others"
        )
    targets = class_indices([str(sample.label) for sample in samples], task.classes)
    guessed = float(np.bincount(targets).max()) / len(targets)
    needed = guessed + _TRUSTED * (1 - guessed)
    answers = _by_fold(task, samples, features, folds(samples, count=FOLDS, together=together))
    parts = [next(answers)]
    right = _agreement(parts, targets)
    # What a fifth leaves no doubt of need not be asked of all: with many classes that takes minutes.
    if right + 2 * math.sqrt(needed * (1 - needed) / len(parts[0].asked)) >= needed:
        parts += answers
        right = _agreement(parts, targets)
    if right < needed:
        return Found(
            skipped=f"others agree with {right:.0%} of the labels, where guessing agrees with {guessed:.0%}: "
            "too few for their doubts to count"
        )
    shares = _likeliest(parts, targets)
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


@dataclass(frozen=True)
class _Fold:
    """asked: which pictures (n). shares: of the classes, with each of `PENALTIES` (P, n, K)."""

    asked: np.ndarray
    shares: np.ndarray


def _by_fold(
    task: Task, samples: Sequence[Sample], features: Tensor, number_of: Sequence[int]
) -> Iterator[_Fold]:
    """Of one fold of the pictures after the other, what classifiers say that learnt from all others."""
    fold = torch.tensor(number_of)
    for number in fold.unique():
        taught, asked = (fold != number).nonzero().flatten(), (fold == number).nonzero().flatten()
        some = [samples[index] for index in taught.tolist()]
        shares = [softmax(probe(features[asked]).numpy()) for probe in fitted(task, features[taught], some)]
        yield _Fold(asked.numpy(), np.stack(shares))


def _likeliest(parts: Sequence[_Fold], targets: np.ndarray) -> np.ndarray:
    """With the penalty whose answers make the labels likeliest, for the pictures in the order of `targets`.

    By accuracy, as for a baseline, a weaker one would win, which follows every wrong label. (N, K)
    """
    asked = np.concatenate([part.asked for part in parts])
    shares = np.concatenate([part.shares for part in parts], axis=1)
    of_label = shares[:, np.arange(len(asked)), targets[asked]]
    likely = np.log(of_label.clip(1e-12)).mean(axis=1)
    chosen: np.ndarray = shares[likely.argmax()]
    return chosen[asked.argsort()]


def _agreement(parts: Sequence[_Fold], targets: np.ndarray) -> float:
    """How many of the labels are what others say."""
    asked = np.sort(np.concatenate([part.asked for part in parts]))
    return float((_likeliest(parts, targets).argmax(axis=1) == targets[asked]).mean())


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
