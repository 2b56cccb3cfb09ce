"""How far to trust a model that may give a picture several classes or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from swinkit.data import Sample
from swinkit.data.loader import known_classes
from swinkit.tasks import MultiLabelEvaluation
from swinkit.trust.answers import Answers
from swinkit.trust.assessment import Interval, LabelIntervals, MultiLabelAssessment, ScoredSet

DRAWS = 1000
_AT_ONCE = 4_000_000  # numbers
_ENDS = (2.5, 97.5)


def assess_sets(
    evaluation: MultiLabelEvaluation,
    answers: Answers,
    contents: Sequence[str],
    *,
    chosen_on_same: bool = False,
    seed: int = 0,
) -> MultiLabelAssessment:
    """The numbers with their 95 % intervals, and every picture. contents: a hash of each.

    Every picture, or every group of pictures, gets a random weight again and again (the Bayesian bootstrap,
    Rubin 1981), and the middle 95 % of what the numbers then are is taken.
    """
    shares = answers.outputs.double().sigmoid().numpy()  # N, K
    truth = _truth(answers.samples, evaluation.classes)  # N, K
    precisions, f1s = [], []
    for index, score in enumerate(evaluation.per_class.values()):
        known = ~np.isnan(truth[:, index])
        drawn = _Drawn(known, answers.samples, seed)
        given, has = shares[known, index], truth[known, index] == 1
        precisions.append(drawn.average_precision(given, has) if has.any() else None)
        f1s.append(drawn.f1(given >= score.threshold, has) if score.f1 is not None else None)
    scores = evaluation.per_class.values()
    counted = [f1 for f1, score in zip(f1s, scores, strict=True) if score.pictures]
    return MultiLabelAssessment(
        evaluation=evaluation,
        mean_average_precision=_mean(precisions, evaluation.mean_average_precision),
        f1=_mean(counted, evaluation.f1),
        per_class={
            name: LabelIntervals(
                pictures=score.pictures,
                average_precision=_middle(precision, score.average_precision),
                f1=_middle(f1, score.f1),
            )
            for (name, score), precision, f1 in zip(
                evaluation.per_class.items(), precisions, f1s, strict=True
            )
        },
        pictures=tuple(_scored(evaluation, answers, contents, shares)),
        chosen_on_same=chosen_on_same,
    )


class _Drawn:
    """Random weights of the pictures that are known to have a class or not, the same whatever the class.

    known: which of all pictures those are, M of them. Groups share a weight.
    """

    def __init__(self, known: np.ndarray, samples: Sequence[Sample], seed: int) -> None:
        names = [sample.group or f"alone: {sample.name}" for sample in samples]
        _, self._group = np.unique(np.array(names), return_inverse=True)
        self._known, self._seed = known, seed

    def _weights(self) -> Iterator[np.ndarray]:
        """Some draws at a time: d, M."""
        random = np.random.default_rng(self._seed)
        groups = int(self._group.max()) + 1
        some = max(1, _AT_ONCE // groups)
        for first in range(0, DRAWS, some):
            drawn = random.standard_exponential((min(some, DRAWS - first), groups))
            yield drawn[:, self._group[self._known]]

    def average_precision(self, given: np.ndarray, has: np.ndarray) -> np.ndarray:
        """Of every draw; equal probabilities make one step."""
        order = np.argsort(-given, kind="stable")
        ends = np.append(given[order][1:] != given[order][:-1], True)
        found = []
        for weights in self._weights():
            ordered = weights[:, order]
            hits = (ordered * has[order]).cumsum(axis=1)[:, ends]
            taken = ordered.cumsum(axis=1)[:, ends]
            gained = np.diff(hits, axis=1, prepend=0.0)
            found.append((gained * hits / taken).sum(axis=1) / hits[:, -1])
        return np.concatenate(found)

    def f1(self, said: np.ndarray, has: np.ndarray) -> np.ndarray:
        hits, either = 2.0 * (said & has), 1.0 * said + has
        return np.concatenate([(drawn @ hits) / (drawn @ either) for drawn in self._weights()])


def _truth(samples: Sequence[Sample], classes: Sequence[str]) -> np.ndarray:
    """1 where a sample has a class, 0 where not, NaN where nobody said. (N, K)"""
    return np.array([known_classes(sample, classes) for sample in samples])


def _middle(drawn: np.ndarray | None, value: float | None) -> Interval | None:
    if drawn is None or value is None:
        return None
    low, high = (float(end) for end in np.percentile(drawn, _ENDS))
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _mean(drawn: Sequence[np.ndarray | None], value: float | None) -> Interval | None:
    """Of the mean over the classes. The draws of all classes are of the same weights."""
    there = [each for each in drawn if each is not None]
    return _middle(np.mean(there, axis=0), value) if there else None


def _scored(
    found: MultiLabelEvaluation, answers: Answers, contents: Sequence[str], shares: np.ndarray
) -> Iterator[ScoredSet]:
    for sample, told, content, row in zip(answers.samples, found.predictions, contents, shares, strict=True):
        yield ScoredSet(
            image=told.image,
            labels=sample.shown,
            unknown=sample.unknown,
            predicted=told.labels or (),
            unsure=told.unsure,
            strangeness=told.strangeness,
            content=content,
            group=sample.group,
            probabilities=tuple(row.tolist()),
        )
