"""How far a number measured on a few pictures may lie from the one that many would show: 95 % intervals.

Shares of independent pictures get Wilson's interval (1927), which neither leaves 0…1 nor shrinks to a point
at 100 %. Means of shares and F1 have no such formula. For them every picture gets a random weight again and
again (the Bayesian bootstrap, Rubin 1981) and the middle 95 % of the results are taken. Each count starts
from half a picture (half a group), so that for a single share this is the interval of Jeffreys, right at
100 % too, where a plain bootstrap says [100 %, 100 %]. It also draws the share of every class to 50 %, and
the mean of sixty small classes then lies there however wrong they all were; so means have that taken out
again, and keep the width.

Pictures of one group (a patient, a film) resemble each other and get one weight together; then every
interval is made this way, for Wilson's counts pictures as if each brought news.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from swinkit.data import Sample
from swinkit.trust.assessment import ClassIntervals, Interval

Z = 1.959963984540054
"""Of a normal distribution, 95 % lies within this many deviations."""
DRAWS = 2000
PRIOR = 0.5
_AT_ONCE = 1000  # groups, so that many of them need no more memory
_ENDS = (2.5, 97.5)


def groups_of(samples: Sequence[Sample]) -> list[str] | None:
    """What each picture belongs to, by itself where to no group; None where no picture has one."""
    if all(sample.group is None for sample in samples):
        return None
    return [
        f"alone: {sample.name}" if sample.group is None else f"group: {sample.group}" for sample in samples
    ]


def wilson(hits: int, of: int) -> Interval | None:
    """A share of independent pictures (Wilson 1927); None where there are none."""
    if of == 0:
        return None
    share, z2 = hits / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Interval(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


class Resampled:
    """Many versions of one confusion matrix, as other pictures of the same kind might have given it.

    truth, answers: class indices, one for each picture. groups: what each picture belongs to, or None where
    all are independent. The draws depend on `seed` alone.
    """

    def __init__(
        self,
        truth: ArrayLike,
        answers: ArrayLike,
        *,
        classes: int,
        groups: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        true, said = np.asarray(truth, dtype=int), np.asarray(answers, dtype=int)
        right = true == said
        self.grouped = groups is not None
        self._drawn = drawn(
            ((true, right), (true, ~right), (said, ~right)), classes=classes, groups=groups, seed=seed
        )
        self.right, self.missed, self.wrongly = self._drawn.totals

    def accuracy(self) -> Interval | None:
        hits, misses, _ = (int(count.sum()) for count in self._drawn.counts)
        return self._drawn.share(1, 0) if self.grouped else wilson(hits, hits + misses)

    def balanced_accuracy(self) -> Interval | None:
        """The mean recall of the classes that have pictures."""
        return self._drawn.mean_share(1, 0)

    def of_class(self, index: int) -> ClassIntervals:
        hits, misses, wrongly = (int(count[index]) for count in self._drawn.counts)
        return ClassIntervals(
            pictures=hits + misses,
            recall=self._share(hits, misses, self.right[:, index], self.missed[:, index]),
            precision=self._share(hits, wrongly, self.right[:, index], self.wrongly[:, index]),
            f1=self._f1(index),
        )

    def _share(self, hits: int, others: int, right: np.ndarray, other: np.ndarray) -> Interval | None:
        if not self.grouped:
            return wilson(hits, hits + others)
        return middle(right / (right + other), hits / (hits + others)) if hits + others else None

    def _f1(self, index: int) -> Interval | None:
        hits, misses, wrongly = (int(count[index]) for count in self._drawn.counts)
        if hits + misses + wrongly == 0:
            return None
        right = 2 * self.right[:, index]
        f1 = right / (right + self.missed[:, index] + self.wrongly[:, index])
        return middle(f1, 2 * hits / (2 * hits + misses + wrongly))


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Pictures counted by class (K), in several ways, and so again and again with random weights.

    counts: of each way, as they are (K). totals: of each way, weighed (DRAWS, K). prior: of pictures, what
    every total starts from.
    """

    counts: Sequence[np.ndarray]
    totals: Sequence[np.ndarray]
    prior: float

    def share(self, *signs: int) -> Interval | None:
        """Of all pictures that the first ways count, those of each way taken with its sign.

        (1, 0): the share of the first of two ways. (1, -1, 0): how far the first of three leads the second.
        None where there are none.
        """
        return self._middle(signs, of_class=False)

    def mean_share(self, *signs: int) -> Interval | None:
        """The mean of such shares over the classes that have pictures."""
        return self._middle(signs, of_class=True)

    def _middle(self, signs: Sequence[int], *, of_class: bool) -> Interval | None:
        ways = len(signs)
        present = np.sum(self.counts[:ways], axis=0) > 0
        if not present.any():
            return None
        counts = np.stack([count[None, present] for count in self.counts[:ways]])  # ways, 1, K
        totals = np.stack([total[:, present] for total in self.totals[:ways]])  # ways, DRAWS, K
        priors = np.full_like(counts, self.prior, dtype=float)
        if not of_class:
            counts, totals, priors = (each.sum(axis=2, keepdims=True) for each in (counts, totals, priors))
        signed = np.reshape(signs, (-1, 1, 1))
        pictures, shares = counts.sum(axis=0), (signed * totals).sum(axis=0) / totals.sum(axis=0)
        unbiased = (shares * (counts + priors).sum(axis=0) - (signed * priors).sum(axis=0)) / pictures
        value = (signed * counts).sum(axis=0) / pictures
        return middle(unbiased.mean(axis=1).clip(min(0, *signs), 1), float(value.mean()))


def drawn(
    kinds: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    classes: int,
    groups: Sequence[str] | None,
    seed: int,
) -> Drawn:
    """kinds: for each way of counting, the class of every picture (N) and whether it counts (N).

    A group has one weight in all of them. Of pictures alone none is counted twice for a class, so that their
    weights are drawn apart.
    """
    rng = np.random.default_rng(seed)
    counts = [np.bincount(of[chosen], minlength=classes) for of, chosen in kinds]
    if groups is None:  # no weight for each picture is needed: n exponential ones together are gamma(n)
        totals = [rng.standard_gamma(count + PRIOR, (DRAWS, classes)) for count in counts]
        return Drawn(counts=counts, totals=totals, prior=PRIOR)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    size = len(group) / max(1, len(names))
    totals = [size * rng.standard_gamma(PRIOR, (DRAWS, classes)) for _ in counts]
    for first in range(0, len(names), _AT_ONCE):
        weights = rng.standard_exponential((DRAWS, _AT_ONCE))
        for total, (of, chosen) in zip(totals, kinds, strict=True):
            here = chosen & (group >= first) & (group < first + _AT_ONCE)
            pictures = np.zeros((_AT_ONCE, classes))
            np.add.at(pictures, (group[here] - first, of[here]), 1.0)
            total += weights @ pictures
    return Drawn(counts=counts, totals=totals, prior=PRIOR * size)


def middle(draws: np.ndarray, value: float) -> Interval:
    """The middle 95 % of the draws, widened where need be to hold the value itself, as at 100 %."""
    low, high = (float(end) for end in np.percentile(draws, _ENDS))
    return Interval(value=value, low=min(low, value), high=max(high, value))
