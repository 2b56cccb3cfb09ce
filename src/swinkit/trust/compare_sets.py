"""Which of several models is better where a picture may have several classes, and whether that may be chance.

The interval of a difference is its middle 95 % where every picture, or every group, is weighed at random
again and again, alike for both models (reweighted.py). Of 60 pictures that alone would call 12 in 100 equal
pairs different. So a p stands beside it, as in compare.py: the answers of the two models to each picture, or
to each group together, are exchanged at random, and it is counted how often they then differ as much. What is
exchanged is the place of a picture in its model's order, for two models may mean different things by one
probability. Where more than two models are compared, every p is Holm's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from swinkit.trust.assessment import Interval
from swinkit.trust.compare import holm
from swinkit.trust.comparison import SetDuel
from swinkit.trust.intervals import middle
from swinkit.trust.reweighted import Reweighted, mean_of

SHUFFLES = 999
_AT_ONCE = 1_000_000  # numbers
_EQUAL = 1e-12  # two sums of the same numbers in another order


@dataclass(frozen=True, kw_only=True, slots=True)
class CommonSets:
    """The N pictures that all models answered. truth: 1, 0, or NaN where nobody said (N, K), of classes that
    some picture has. groups: what each picture belongs to."""

    truth: np.ndarray
    groups: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What one model said of them.

    precision, f1: as they are, and with random weights (1 + DRAWS,). places: of each picture among those that
    are known to have a class or not, from 0 to 1; NaN where nobody said (N, K).
    """

    precision: np.ndarray
    f1: np.ndarray
    places: np.ndarray

    def intervals(self) -> tuple[Interval, Interval]:
        """Mean average precision and F1."""
        return _interval(self.precision), _interval(self.f1)


def answered(shares: np.ndarray, given: np.ndarray, common: CommonSets, *, seed: int = 0) -> Answered:
    """shares: of every class; given: whether each was. Both (N, K)."""
    drawn = Reweighted(common.groups, seed)
    columns = list(zip(shares.T, given.T, common.truth.T, strict=True))
    return Answered(
        precision=_mean([drawn.average_precision(share, truth) for share, _, truth in columns]),
        f1=_mean([drawn.f1(said, truth) for _, said, truth in columns]),
        places=np.stack([_places(share, truth) for share, _, truth in columns], axis=1),
    )


def set_duels(
    names: Sequence[str], models: Sequence[Answered], common: CommonSets, *, seed: int = 0
) -> tuple[SetDuel, ...]:
    """Each pair once, in order, with Holm's correction."""
    found = [
        _duel(names[first], names[second], models[first], models[second], common, seed)
        for first, second in combinations(range(len(names)), 2)
    ]
    corrected = holm([one.p for one in found])
    return tuple(replace(one, p=p) for one, p in zip(found, corrected, strict=True))


def _duel(
    first: str, second: str, before: Answered, after: Answered, common: CommonSets, seed: int
) -> SetDuel:
    return SetDuel(
        first=first,
        second=second,
        mean_average_precision=_interval(after.precision - before.precision),
        f1=_interval(after.f1 - before.f1),
        p=exchanged(before.places, after.places, common, seed),
    )


def exchanged(before: np.ndarray, after: np.ndarray, common: CommonSets, seed: int) -> float:
    """How often models that are alike differ as much in mean average precision. places: (N, K)"""
    _, group = np.unique(np.asarray(common.groups), return_inverse=True)
    random, groups = np.random.default_rng(seed), int(group.max()) + 1
    some = max(1, _AT_ONCE // len(group))
    wanted = abs(_gain(before, after, np.zeros((1, len(group)), bool), common.truth)[0])
    reached = 0
    for done in range(0, SHUFFLES, some):
        swapped = random.integers(0, 2, (min(some, SHUFFLES - done), groups)).astype(bool)[:, group]
        reached += int((np.abs(_gain(before, after, swapped, common.truth)) >= wanted - _EQUAL).sum())
    return (reached + 1) / (SHUFFLES + 1)


def _gain(before: np.ndarray, after: np.ndarray, swapped: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What the second has more of mean average precision, with some answers exchanged. (D, N) -> (D,)"""
    gain = np.zeros(len(swapped))
    for one, other, true in zip(before.T, after.T, truth.T, strict=True):
        known = ~np.isnan(true)
        first, second, swap, has = one[known], other[known], swapped[:, known], true[known] == 1
        gain += _precisions(np.where(swap, first, second), has)
        gain -= _precisions(np.where(swap, second, first), has)
    return gain / truth.shape[1]


def _precisions(places: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Average precision of every row; equal places make one step. (D, N), (N,) -> (D,)"""
    order = np.argsort(-places, axis=1, kind="stable")
    ordered, hit = np.take_along_axis(places, order, axis=1), has[order]
    count = places.shape[1]
    last = np.ones(places.shape, bool)
    last[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.where(last, np.arange(count), count)  # of the step that each picture is in
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    precision = hit.cumsum(axis=1) / np.arange(1, count + 1)
    return (hit * np.take_along_axis(precision, ends, axis=1)).sum(axis=1) / has.sum()


def _places(shares: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each picture in the order of its probability, equal ones in the middle of theirs. (N,)"""
    places = np.full(len(shares), np.nan)
    known = ~np.isnan(truth)
    ordered = np.sort(shares[known])
    below, within = (np.searchsorted(ordered, shares[known], side=side) for side in ("left", "right"))
    places[known] = (below + within) / (2 * len(ordered))
    return places


def _mean(each: Sequence[np.ndarray | None]) -> np.ndarray:
    found = mean_of(each)
    assert found is not None  # of every class there is a picture
    return found


def _interval(drawn: np.ndarray) -> Interval:
    return middle(drawn[1:], float(drawn[0]))
