"""A linear classifier on frozen features: what the starting weights are worth before they learn anything.

N pictures, C features, K classes. Fitted by L-BFGS to the task's own loss, so that the features are computed
once and a fit takes a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.engine.inference import answers_of
from swinkit.models import Backbone
from swinkit.tasks import Task

PENALTIES = (1.0, 0.1, 0.01, 0.001, 0.0001)
"""Strengths that are tried, on features of deviation 1; each fit begins where the one before ended."""

_STEPS = 100
_HISTORY = 10
"""Steps that L-BFGS looks back on: with all 100, 60 classes take 2.5 times as long and end alike."""
_TIMED = 5  # steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """weight: K, C. bias: K. penalty: of the squared weights, as chosen."""

    weight: Tensor
    bias: Tensor
    penalty: float

    def __call__(self, features: Tensor) -> Tensor:
        """N, C -> N, K"""
        return features @ self.weight.T + self.bias

    def install(self, model: Backbone) -> None:
        """Make this the head of the model whose features it was fitted to."""
        assert model.head is not None
        with torch.no_grad():
            model.head.weight.copy_(self.weight)
            model.head.bias.copy_(self.bias)


def features_of(
    model: Backbone, samples: Sequence[Sample], *, progress: Callable[[int, int], None] | None = None
) -> Tensor:
    """The pooled vectors that the head would see. progress: told (done, in all). (N, C)"""
    rows: list[Tensor] = []
    done = 0
    for answered in answers_of(model, samples):
        rows.append(answered.features)
        done += len(answered.samples)
        if progress is not None:
            progress(done, len(samples))
    return torch.cat(rows)


def fit_probe(
    task: Task, features: Tensor, samples: Sequence[Sample], *, val: tuple[Tensor, Sequence[Sample]]
) -> Probe:
    """The classifier fitted to these features, with the penalty that does best on those of `val`."""
    probes = list(fitted(task, features, samples))
    tried = torch.stack([probe(val[0]) for probe in probes])
    return probes[_best(task, tried, task.targets(val[1]))]


def fit_by_folds(
    task: Task, features: Tensor, samples: Sequence[Sample], folds: Sequence[int]
) -> tuple[Probe, Tensor]:
    """The classifier fitted to all pictures, and for each picture what one answered that never saw its fold.

    folds: number of the fold of each picture. The penalty of a fold is chosen by the answers to the others.
    Answers: N, K.
    """
    fold = torch.tensor(folds)
    tried = torch.empty(len(PENALTIES), len(samples), len(task.classes))
    for number in fold.unique():
        taught = (fold != number).nonzero().flatten()
        some = [samples[index] for index in taught.tolist()]
        for penalty, probe in enumerate(fitted(task, features[taught], some)):
            tried[penalty, fold == number] = probe(features[fold == number])
    targets = task.targets(samples)
    answers = torch.empty_like(tried[0])
    for number in fold.unique():
        others = fold != number
        answers[fold == number] = tried[_best(task, tried[:, others], targets[others]), fold == number]
    whole = list(fitted(task, features, samples))[_best(task, tried, targets)]
    return whole, answers


def _best(task: Task, tried: Tensor, targets: Tensor) -> int:
    """Which of several sets of answers (P, N, K) ranks best."""

    def rank(number: int) -> tuple[float, ...]:
        scores = task.scores()
        scores.add(tried[number], targets)
        return task.rank(scores.result())

    return max(range(len(tried)), key=rank)


def fitted(task: Task, features: Tensor, samples: Sequence[Sample]) -> Iterable[Probe]:
    """One classifier for each of `PENALTIES`."""
    mean, deviation = features.mean(dim=0), features.std(dim=0, correction=0).clamp_min(1e-6)
    inputs, targets = (features - mean) / deviation, task.targets(samples)
    weight = torch.zeros(len(task.classes), features.shape[1], requires_grad=True)
    bias = torch.zeros(len(task.classes), requires_grad=True)
    for penalty in PENALTIES:
        _descend(task, inputs, targets, weight, bias, penalty, steps=_STEPS)
        scaled = weight.detach() / deviation
        yield Probe(weight=scaled, bias=bias.detach() - scaled @ mean, penalty=penalty)


def seconds_to_fit(task: Task, samples: Sequence[Sample], channels: int) -> float:
    """How long one fit to so many features takes at most, by some of its steps."""
    inputs = torch.randn(len(samples), channels, generator=torch.Generator().manual_seed(0))
    weight = torch.zeros(len(task.classes), channels, requires_grad=True)
    bias = torch.zeros(len(task.classes), requires_grad=True)
    targets = task.targets(samples)
    _descend(task, inputs, targets, weight, bias, PENALTIES[0], steps=1)  # the first time loads libraries
    began = time.perf_counter()
    _descend(task, inputs, targets, weight, bias, PENALTIES[-1], steps=_TIMED)
    return (time.perf_counter() - began) * _STEPS / _TIMED * len(PENALTIES)


def _descend(
    task: Task, inputs: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, penalty: float, *, steps: int
) -> None:
    """Minimise the task's loss with its penalty; weight and bias are changed in place."""
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=steps, history_size=_HISTORY, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        outputs = inputs @ weight.T + bias
        total = task.loss(outputs, targets, label_smoothing=0.0) + penalty / 2 * weight.square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        optimiser.step(loss)
