"""Probabilities that mean what they say: one temperature, and the probability below which a model is unsure.

Both are chosen on val alone, and then stated for the pictures that are reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from swinkit.trust.assessment import Bin, Coverage, Reliability

FEWEST = 100
"""Pictures of val from which a temperature is fitted; fewer would make it a matter of luck."""
ERROR_RATES = (0.05, 0.01)
"""Shares of wrong answers that may be left after saying `unsure`: the first one below what there is."""
_BINS = 15
"""As in Guo et al. 2017."""
_LOG_LIMIT = math.log(100.0)
_STEPS = 100
_CLOSE = 1e-10


def fit_temperature(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The temperature by which to divide logits so that the likelihood of the labels is largest.

    Guo et al. 2017, §4.2; outputs (N, K), targets (N,). The likelihood is convex in 1/temperature, so that
    Newton's method finds the one maximum, in double precision. As in Platt 1999, targets are softened by one
    picture in N + 2: where every answer is right the likelihood alone would ask for temperature 0. Bounded
    by 1/100 and 100.
    """
    outputs = np.asarray(outputs, dtype=np.float64)
    count, classes = outputs.shape
    wanted = np.full(outputs.shape, 1 / (count + 2) / classes)
    wanted[np.arange(count), targets] += 1 - 1 / (count + 2)
    expected = (wanted * outputs).sum(axis=1)  # what the outputs should be on average, by picture
    inverse = 1.0
    for _ in range(_STEPS):
        shares = softmax(outputs * inverse)
        mean = (shares * outputs).sum(axis=1)
        slope = float((mean - expected).sum())
        curvature = float(((shares * outputs**2).sum(axis=1) - mean**2).sum())
        if curvature <= 0:  # all outputs alike: no temperature changes anything
            break
        # A step of Newton, no longer than a factor of e, so that it cannot overshoot far from the maximum.
        step = max(-1.0, min(1.0, -slope / (curvature * inverse)))
        inverse *= math.exp(step)
        if abs(step) < _CLOSE or abs(math.log(inverse)) > _LOG_LIMIT:
            break
    return float(np.clip(1 / inverse, math.exp(-_LOG_LIMIT), math.exp(_LOG_LIMIT)))


def reliability(probabilities: np.ndarray, targets: np.ndarray) -> Reliability:
    """How well probabilities agree with what came true. probabilities: (N, K); targets: class indices (N,).

    ece: by how much probability and share of right answers differ, on average over the answers of each of 15
    equal ranges of probability (Guo et al. 2017, eq. 3). brier: mean squared distance from the label, from 0
    to 2 (Brier 1950).
    """
    count = len(targets)
    confidence, right = confidence_and_right(probabilities, targets)
    of_bin = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    bins = tuple(_bins(confidence, right, of_bin))
    squares = (probabilities**2).sum(axis=1) - 2 * probabilities[np.arange(count), targets] + 1
    return Reliability(
        ece=sum(one.pictures * abs(one.accuracy - one.confidence) for one in bins) / count,
        brier=float(squares.mean()),
        bins=bins,
    )


def coverages(probabilities: np.ndarray, targets: np.ndarray) -> tuple[Coverage, ...]:
    """What is answered, and how well, when answers less probable than a threshold are withheld."""
    thresholds = (*np.arange(20) * 0.05, 0.99)
    return tuple(coverage(probabilities, targets, float(round(threshold, 2))) for threshold in thresholds)


def coverage(probabilities: np.ndarray, targets: np.ndarray, threshold: float) -> Coverage:
    confidence, right = confidence_and_right(probabilities, targets)
    answered = confidence >= threshold
    return Coverage(
        threshold=threshold,
        coverage=float(answered.mean()),
        accuracy=float(right[answered].mean()) if answered.any() else None,
    )


def unsure_below(probabilities: np.ndarray, targets: np.ndarray) -> tuple[float, float] | None:
    """The probability from which answers are given, and the share of wrong ones among them that it keeps to.

    That is the lowest probability of an answer above which no larger share is wrong. None where the model
    is wrong less often than the least of `ERROR_RATES` in any case, and where no threshold keeps to a rate.
    """
    confidence, right = confidence_and_right(probabilities, targets)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)  # among the n most probable answers
    last_of_equals = np.append(np.diff(confidence[order]) != 0, True)
    for rate in ERROR_RATES:
        if wrong[-1] <= rate:
            continue
        kept = np.flatnonzero((wrong <= rate) & last_of_equals)
        return (float(confidence[order][kept[-1]]), rate) if len(kept) else None
    return None


def confidence_and_right(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each answer, and whether it is right. Both (N,)"""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == targets


def softmax(outputs: np.ndarray) -> np.ndarray:
    """In double precision, over the classes. (N, K)"""
    outputs = np.asarray(outputs, dtype=np.float64)
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def class_indices(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Each label as its place among the classes. (N,)"""
    index = {name: number for number, name in enumerate(classes)}
    return np.array([index[label] for label in labels], dtype=int)


def _bins(confidence: np.ndarray, right: np.ndarray, of_bin: np.ndarray) -> Iterator[Bin]:
    """The ranges of probability in which there are answers."""
    for number in np.unique(of_bin):
        here = of_bin == number
        yield Bin(
            low=float(number / _BINS),
            high=float((number + 1) / _BINS),
            pictures=int(here.sum()),
            confidence=float(confidence[here].mean()),
            accuracy=float(right[here].mean()),
        )
