"""Runs beside each other on the same pictures, compared here in the plainest way."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from swinkit.trust.assessment import Interval
from swinkit.trust.comparison import Comparison, Contender, Duel
from tests.report.runs import Finished


def compared(runs: dict[str, Finished]) -> Comparison:
    contenders = tuple(
        Contender(
            name=name,
            model="swin_nano",
            weights="fresh ones",
            accuracy=run.found.accuracy,
            balanced_accuracy=run.found.balanced_accuracy,
            parameters=650,
            epochs=len(run.history),
            seconds=run.history[-1]["seconds"],
            seconds_per_picture=0.0042,
        )
        for name, run in runs.items()
    )
    pictures = len(next(iter(runs.values())).found.pictures)
    duels = tuple(duel(a, b, runs[a], runs[b]) for a, b in combinations(runs, 2))
    return Comparison(pictures=pictures, left_out=2, contenders=contenders, duels=duels)


def duel(a: str, b: str, first: Finished, second: Finished) -> Duel:
    truth = np.array([one.label for one in first.found.pictures])
    one, other = (np.array([p.label == p.predicted for p in run.found.pictures]) for run in (first, second))
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    rng = np.random.default_rng(0)
    draws = [np.arange(len(truth)), *rng.integers(0, len(truth), (500, len(truth)))]
    return Duel(
        first=a,
        second=b,
        accuracy=difference([float(other[d].mean() - one[d].mean()) for d in draws]),
        balanced_accuracy=difference(
            [
                balanced(truth[d], other[d]) - balanced(truth[d], one[d])
                for d in (np.arange(len(truth)), *draws)
            ]
        ),
        only_first=only_one,
        only_second=only_other,
        p=mcnemar(only_one, only_other),
        p_balanced=mcnemar(only_one, only_other),
    )


def balanced(truth: np.ndarray, right: np.ndarray) -> float:
    return float(np.mean([right[truth == name].mean() for name in np.unique(truth)]))


def difference(drawn: list[float]) -> Interval:
    """The first is of the pictures as they are."""
    low, high = np.percentile(drawn[1:], (2.5, 97.5))
    return Interval(value=drawn[0], low=float(low), high=float(high))


def mcnemar(a: int, b: int) -> float:
    n, least = a + b, min(a, b)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(least + 1)) / 2**n)
