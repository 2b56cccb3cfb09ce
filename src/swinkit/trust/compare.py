"""Which of several models is better on the same pictures, and whether chance would part them as far.

For accuracy McNemar's exact test (1947): of the pictures that one of two models got right and the other
wrong, each would fall to either side like a coin if they were equally good. For balanced accuracy, and
wherever pictures come in groups, the same thought with weights: the two answers to each picture, or to each
group together, are exchanged at random again and again, and it is counted how often the models then differ
as much. Where more than two models are compared, every p is Holm's (1979), so that the chance of any false
alarm among all pairs stays at 5 %. The intervals of the differences are of one pair alone, by random weights
as in intervals.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from swinkit.trust.assessment import Interval
from swinkit.trust.comparison import Duel
from swinkit.trust.intervals import drawn

SHUFFLES = 9999
_AT_ONCE = 500
_EQUAL = 1e-12  # two sums of the same weights in another order


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """The N pictures that all models answered. groups: what each belongs to; None where all stand alone."""

    labels: Sequence[str]
    groups: Sequence[str] | None


def duels(
    names: Sequence[str], right: Sequence[np.ndarray], common: Common, *, seed: int = 0
) -> tuple[Duel, ...]:
    """Each pair once, in order, with Holm's correction. right: for each model, which answers are. (N,)"""
    pairs = list(combinations(range(len(names)), 2))
    found = [
        _duel(names[first], names[second], right[first], right[second], common, seed)
        for first, second in pairs
    ]
    p, balanced = holm([one.p for one in found]), holm([one.p_balanced for one in found])
    return tuple(
        replace(one, p=each, p_balanced=other) for one, each, other in zip(found, p, balanced, strict=True)
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """How often a coin would fall so unevenly, both sides counted: exact, from the binomial distribution."""
    tosses, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(tosses, heads) for heads in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**tosses))


def exchanged(gains: np.ndarray, seed: int) -> float:
    """How often models that are alike differ as much. gains: of the second one, by picture or group. (G,)"""
    rng = np.random.default_rng(seed)
    gains = gains[gains != 0]
    reached = 0
    for first in range(0, SHUFFLES, _AT_ONCE):
        signs = rng.integers(0, 2, (min(_AT_ONCE, SHUFFLES - first), len(gains))) * 2 - 1
        reached += int((np.abs(signs @ gains) >= abs(gains.sum()) - _EQUAL).sum())
    return (reached + 1) / (SHUFFLES + 1)


def holm(values: Sequence[float]) -> list[float]:
    """Each p, corrected for there being several (Holm 1979)."""
    corrected = [0.0] * len(values)
    least = 0.0
    for place, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        least = max(least, min(1.0, (len(values) - place) * values[index]))
        corrected[index] = least
    return corrected


def _duel(first: str, second: str, before: np.ndarray, after: np.ndarray, common: Common, seed: int) -> Duel:
    names, of_class = np.unique(np.asarray(common.labels), return_inverse=True)
    better, worse = after & ~before, before & ~after
    gain = better.astype(float) - worse
    size = np.bincount(of_class)
    weighed = gain / size[of_class] / len(names)  # which sum to the difference in balanced accuracy
    if common.groups is None:
        p, p_balanced = mcnemar(int(worse.sum()), int(better.sum())), exchanged(weighed, seed)
    else:
        _, group = np.unique(np.asarray(common.groups), return_inverse=True)
        p = exchanged(np.bincount(group, weights=gain), seed)
        p_balanced = exchanged(np.bincount(group, weights=weighed), seed)
    accuracy, balanced = _intervals(of_class, better, worse, common, len(names), seed)
    return Duel(
        first=first,
        second=second,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        only_first=int(worse.sum()),
        only_second=int(better.sum()),
        p=p,
        p_balanced=p_balanced,
    )


def _intervals(
    of_class: np.ndarray, better: np.ndarray, worse: np.ndarray, common: Common, classes: int, seed: int
) -> tuple[Interval, Interval]:
    """The differences in accuracy and in balanced accuracy."""
    kinds = ((of_class, better), (of_class, worse), (of_class, ~(better | worse)))
    found = drawn(kinds, classes=classes, groups=common.groups, seed=seed)
    accuracy, balanced = found.share(1, -1, 0), found.mean_share(1, -1, 0)
    assert accuracy is not None and balanced is not None  # there is a picture
    return accuracy, balanced
