"""Any number of classes for each picture: each is a question of its own, answered yes from a threshold on.

K classes, in the order of the model's outputs; outputs are logits B, K. Targets are B, K as well: 1 where a
picture has the class, 0 where it has not, NaN where nobody said, which counts nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.data.loader import known_classes
from swinkit.errors import ConfigError, DataError
from swinkit.tasks.imbalance import Imbalance
from swinkit.tasks.results import LabelScore, MultiLabelEvaluation, Prediction

EVEN = 0.5
"""Threshold of a class for which none was chosen."""
ENOUGH = 5
"""Pictures that a class has to have for a threshold of its own."""


@dataclass(frozen=True)
class MultiLabel:
    """Learning which of the classes a picture has.

    thresholds: the probability of each class from which a picture is given it; None: a half for all.
    weights: what a picture that has a class counts in its loss, one that has not counting 1. offsets: what is
    added to the outputs in the loss alone. Both are for classes that few pictures have (`imbalance.py`).
    """

    classes: tuple[str, ...]
    name: str = "multilabel"
    thresholds: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None
    offsets: tuple[float, ...] | None = None

    def against(self, imbalance: Imbalance, samples: Sequence[Sample]) -> MultiLabel:
        """Here a class is balanced against its absence. Raises ConfigError for the sampler."""
        if imbalance == "sampler":
            raise ConfigError(
                "pictures with several labels cannot be drawn so that every class comes equally often",
                hint="--imbalance weights or logit-adjust does it in the loss",
            )
        targets = self.targets(samples)
        having, lacking = (targets == 1).sum(dim=0), (targets == 0).sum(dim=0)
        odds = [(no or 1) / (yes or 1) for yes, no in zip(having.tolist(), lacking.tolist(), strict=True)]
        return replace(
            self,
            weights=tuple(odds) if imbalance == "weights" else None,
            offsets=tuple(-math.log(each) for each in odds) if imbalance == "logit-adjust" else None,
        )

    def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        """Binary cross-entropy, the mean over classes and pictures; smoothing draws targets to a half."""
        outputs = outputs.float()
        if self.offsets is not None:
            outputs = outputs + outputs.new_tensor(self.offsets)
        weight = None if self.weights is None else outputs.new_tensor(self.weights)
        known = ~targets.isnan()
        smoothed = targets.nan_to_num() * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = F.binary_cross_entropy_with_logits(outputs, smoothed, pos_weight=weight, reduction="none")
        return torch.where(known, losses, 0.0).mean()

    def distilled(self, outputs: Tensor, taught: Tensor, *, hard: bool, temperature: float) -> Tensor:
        """For every class by itself: binary cross-entropy with the teacher's answer or probability."""
        if hard:
            return F.binary_cross_entropy_with_logits(outputs.float(), (taught > 0).float())
        theirs = (taught.float() / temperature).sigmoid()
        return F.binary_cross_entropy_with_logits(outputs.float() / temperature, theirs) * temperature**2

    def shares(self, targets: Tensor) -> Tensor:
        return targets

    def targets(self, samples: Sequence[Sample]) -> Tensor:
        strangers = sorted({name for sample in samples for name in sample.shown} - set(self.classes))
        if strangers:
            raise DataError(f"labels that are no class of this model: {', '.join(strangers)}")
        return torch.tensor([known_classes(sample, self.classes) for sample in samples]).view(
            len(samples), len(self.classes)
        )

    def scores(self) -> MultiLabelScores:
        return MultiLabelScores()

    def rank(self, numbers: dict[str, float]) -> tuple[float, ...]:
        """By mean average precision; ties go to the smaller loss."""
        return numbers["mean_average_precision"], -numbers["loss"]

    def headline(self, numbers: dict[str, float]) -> str:
        return f"mean average precision {numbers['mean_average_precision']:.1%}"

    def chosen_on(self, outputs: Tensor, samples: Sequence[Sample]) -> MultiLabel:
        """With the threshold of each class at which its F1 is best.

        That of a class with few pictures would be a matter of luck, and mostly far too low. Those classes
        share the one at which the F1 of all labels together is best.
        """
        probabilities, targets = outputs.double().sigmoid(), self.targets(samples)
        shared = best_threshold(probabilities.flatten(), targets.flatten())
        return replace(
            self,
            thresholds=tuple(
                best_threshold(given, truth) if (truth == 1).sum() >= ENOUGH else shared
                for given, truth in zip(probabilities.T, targets.T, strict=True)
            ),
        )

    def facts(self) -> dict[str, Any]:
        if self.thresholds is None:
            return {}
        return {"thresholds": dict(zip(self.classes, self.thresholds, strict=True))}

    def knowing(self, facts: Mapping[str, Any]) -> MultiLabel:
        stored = facts.get("thresholds") or {}
        return replace(self, thresholds=tuple(float(stored.get(name, EVEN)) for name in self.classes))

    def decode(self, outputs: Tensor, *, top: int) -> list[dict[str, float]]:
        probabilities, order = outputs.double().sigmoid().cpu().sort(dim=1, descending=True, stable=True)
        return [
            {self.classes[index]: value for index, value in zip(indices, values, strict=True)}
            for indices, values in zip(order[:, :top].tolist(), probabilities[:, :top].tolist(), strict=True)
        ]

    def sets(self, outputs: Tensor) -> list[tuple[str, ...] | None]:
        thresholds = dict(zip(self.classes, self._thresholds().tolist(), strict=True))
        return [
            tuple(name for name, share in shares.items() if share >= thresholds[name])
            for shares in self.decode(outputs, top=len(self.classes))
        ]

    def evaluate(self, outputs: Tensor, samples: Sequence[Sample]) -> MultiLabelEvaluation:
        targets = self.targets(samples)
        probabilities = outputs.double().sigmoid().cpu()
        given = probabilities >= self._thresholds()
        per_class = [
            label_score(probabilities[:, index], given[:, index], targets[:, index], threshold)
            for index, threshold in enumerate(self._thresholds().tolist())
        ]
        whole = ~targets.isnan().any(dim=1)
        right = (given == (targets == 1)).all(dim=1)[whole]
        return MultiLabelEvaluation(
            pictures=len(samples),
            mean_average_precision=_mean([score.average_precision for score in per_class]),
            f1=_mean([score.f1 for score in per_class if score.pictures]),
            exact=right.double().mean().item() if len(right) else None,
            loss=math.fsum(losses(outputs, targets)) / max(int((~targets.isnan()).sum()), 1),
            classes=self.classes,
            per_class=dict(zip(self.classes, per_class, strict=True)),
            predictions=tuple(self._predictions(outputs, samples)),
            answers=tuple(sample.shown for sample in samples),
            unknown=tuple(sample.unknown for sample in samples),
        )

    def _predictions(self, outputs: Tensor, samples: Sequence[Sample]) -> Iterator[Prediction]:
        shares = self.decode(outputs, top=len(self.classes))
        for sample, best, given in zip(samples, shares, self.sets(outputs), strict=True):
            label = next(iter(best))
            yield Prediction(
                image=sample.name,
                label=label,
                probability=best[label],
                labels=given,
                probabilities=best,
            )

    def _thresholds(self) -> Tensor:
        return torch.tensor(self.thresholds or (EVEN,) * len(self.classes), dtype=torch.float64)


@dataclass
class MultiLabelScores:
    """A tally over one pass: all outputs, since a mean average precision is no sum over pictures."""

    outputs: list[Tensor] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        self.outputs.append(outputs.double().cpu())
        self.targets.append(targets)

    def result(self) -> dict[str, float]:
        """loss and mean_average_precision, which is 0 where no class can be scored."""
        if not self.outputs:
            raise DataError("there are no pictures to score")
        outputs, targets = torch.cat(self.outputs), torch.cat(self.targets)
        precisions = [
            average_precision(given, truth) for given, truth in zip(outputs.T, targets.T, strict=True)
        ]
        return {
            "loss": math.fsum(losses(outputs, targets)) / max(int((~targets.isnan()).sum()), 1),
            "mean_average_precision": _mean(precisions) or 0.0,
        }


def losses(outputs: Tensor, targets: Tensor) -> list[float]:
    """Binary cross-entropy of every label that is known."""
    known = ~targets.isnan()
    found = F.binary_cross_entropy_with_logits(
        outputs.double().cpu()[known], targets[known].double(), reduction="none"
    )
    values: list[float] = found.tolist()
    return values


def average_precision(scores: Tensor, targets: Tensor) -> float | None:
    """Area under the steps of precision over recall, for one class; equal scores make one step. Both N.

    None where no picture is known to have the class.
    """
    known = ~targets.isnan()
    scores, order = scores[known].sort(descending=True, stable=True)
    hits = targets[known][order].double().cumsum(dim=0)
    if not len(hits) or hits[-1] == 0:
        return None
    last = torch.cat([scores[1:] != scores[:-1], torch.tensor([True])])  # of each run of equal scores
    taken, hits = torch.arange(1, len(hits) + 1)[last], hits[last]
    gained = hits.diff(prepend=hits.new_zeros(1))
    return float((gained * hits / taken).sum() / hits[-1])


def best_threshold(probabilities: Tensor, targets: Tensor) -> float:
    """The probability from which a class is best given, by F1, half-way between two pictures. Both N.

    A half where that cannot be said: where no picture is known to have the class, or none to lack it.
    """
    known = ~targets.isnan()
    given, order = probabilities[known].double().sort(descending=True, stable=True)
    truth = targets[known][order]
    if not (truth == 1).any() or not (truth == 0).any():
        return EVEN
    below = torch.cat([given[1:], given.new_zeros(1)])
    hits, taken = truth.double().cumsum(dim=0), torch.arange(1, len(truth) + 1)
    f1 = torch.where(given > below, 2 * hits / (taken + truth.sum()), 0.0)
    cut = int(f1.argmax())
    return float((given[cut] + below[cut]) / 2)


def label_score(probabilities: Tensor, given: Tensor, targets: Tensor, threshold: float) -> LabelScore:
    """How one class fares. All N."""
    has, lacks = targets == 1, targets == 0
    hits, alarms, having = int((given & has).sum()), int((given & lacks).sum()), int(has.sum())
    return LabelScore(
        pictures=having,
        without=int(lacks.sum()),
        average_precision=average_precision(probabilities, targets),
        threshold=threshold,
        recall=hits / having if having else None,
        precision=hits / (hits + alarms) if hits + alarms else None,
        f1=2 * hits / (having + hits + alarms) if having + hits + alarms else None,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
