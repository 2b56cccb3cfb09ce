"""How far to trust a model that may give a picture several classes or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from swinkit.data import Sample
from swinkit.data.loader import known_classes
from swinkit.tasks import LabelScore, MultiLabelEvaluation
from swinkit.trust.answers import Answers
from swinkit.trust.assessment import Interval, LabelIntervals, MultiLabelAssessment, ScoredSet
from swinkit.trust.intervals import Resampled, groups_of
from swinkit.trust.reweighted import Reweighted, interval, mean_of


def assess_sets(
    evaluation: MultiLabelEvaluation,
    answers: Answers,
    contents: Sequence[str],
    *,
    chosen_on_same: bool = False,
    seed: int = 0,
) -> MultiLabelAssessment:
    """The numbers with their 95 % intervals, and every picture. contents: a hash of each."""
    shares = answers.outputs.double().sigmoid().numpy()  # N, K
    truth = truth_of(answers.samples, evaluation.classes)  # N, K
    drawn = _reweighted(answers.samples, seed)
    scores = evaluation.per_class
    precisions = [drawn.average_precision(*both) for both in zip(shares.T, truth.T, strict=True)]
    f1s = [
        drawn.f1(given >= score.threshold, true)
        for given, true, score in zip(shares.T, truth.T, scores.values(), strict=True)
        if score.pictures
    ]
    return MultiLabelAssessment(
        evaluation=evaluation,
        mean_average_precision=interval(mean_of(precisions), evaluation.mean_average_precision),
        f1=interval(mean_of(f1s), evaluation.f1),
        per_class={
            name: _of_class(score, precision, given, true, answers.samples, seed)
            for (name, score), precision, given, true in zip(
                scores.items(), precisions, shares.T, truth.T, strict=True
            )
        },
        pictures=tuple(_scored(evaluation, answers, contents, shares)),
        chosen_on_same=chosen_on_same,
    )


def mean_precision(
    shares: np.ndarray, samples: Sequence[Sample], classes: Sequence[str], value: float, seed: int
) -> Interval | None:
    """A mean average precision with its interval. shares: N, K."""
    truth, drawn = truth_of(samples, classes), _reweighted(samples, seed)
    each = [drawn.average_precision(*both) for both in zip(shares.T, truth.T, strict=True)]
    return interval(mean_of(each), value)


def _reweighted(samples: Sequence[Sample], seed: int) -> Reweighted:
    return Reweighted(groups_of(samples) or [sample.name for sample in samples], seed)


def truth_of(samples: Sequence[Sample], classes: Sequence[str]) -> np.ndarray:
    """1 where a sample has a class, 0 where not, NaN where nobody said. (N, K)"""
    return np.array([known_classes(sample, classes) for sample in samples])


def _of_class(
    score: LabelScore,
    precision: np.ndarray | None,
    shares: np.ndarray,
    truth: np.ndarray,
    samples: Sequence[Sample],
    seed: int,
) -> LabelIntervals:
    """What is at the threshold is counted as of two classes: having it, and not."""
    known = np.flatnonzero(~np.isnan(truth))
    counted = Resampled(
        truth[known] == 1,
        shares[known] >= score.threshold,
        classes=2,
        groups=groups_of([samples[index] for index in known.tolist()]),
        seed=seed,
    ).of_class(1)
    return LabelIntervals(
        pictures=score.pictures,
        average_precision=interval(precision, score.average_precision),
        recall=counted.recall,
        precision=counted.precision,
        f1=counted.f1,
    )


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
