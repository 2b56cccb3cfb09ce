"""One class for each picture: loss, scores and answers in names.

K classes, in the order of the model's outputs; outputs are logits B, K.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.errors import DataError
from swinkit.tasks.imbalance import Imbalance, class_weights, log_shares
from swinkit.tasks.results import ClassScore, Evaluation, Prediction

TOP = 5


@dataclass(frozen=True)
class Classification:
    """Learning which of the classes a picture shows.

    weights: what a picture of each class counts in the loss. offsets: what is added to the outputs in the
    loss alone. Both are for classes of unequal size (`imbalance.py`).
    """

    classes: tuple[str, ...]
    name: str = "classification"
    weights: tuple[float, ...] | None = None
    offsets: tuple[float, ...] | None = None

    def against(self, imbalance: Imbalance, samples: Sequence[Sample]) -> Classification:
        counted = Counter(sample.label for sample in samples)
        counts = [counted[name] for name in self.classes]
        return replace(
            self,
            weights=class_weights(counts) if imbalance == "weights" else None,
            offsets=log_shares(counts) if imbalance == "logit-adjust" else None,
        )

    def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        """Cross-entropy. targets: numbers of classes (B,), or their shares in blended pictures (B, K).

        The sum is divided by the number of pictures, not by their weights, so that a batch in parts gives the
        gradient of the whole.
        """
        outputs = outputs.float()
        if self.offsets is not None:
            outputs = outputs + outputs.new_tensor(self.offsets)
        weight = None if self.weights is None else outputs.new_tensor(self.weights)
        losses = F.cross_entropy(
            outputs, targets, weight, label_smoothing=label_smoothing, reduction="none"
        )  # B
        return losses.mean()

    def distilled(self, outputs: Tensor, taught: Tensor, *, hard: bool, temperature: float) -> Tensor:
        """Touvron et al. 2021, eq. 2 and 3; times temperature², which keeps the size of the gradient."""
        if hard:
            return F.cross_entropy(outputs.float(), taught.argmax(dim=1))
        ours = (outputs.float() / temperature).log_softmax(dim=1)
        theirs = (taught.float() / temperature).log_softmax(dim=1)
        return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2

    def shares(self, targets: Tensor) -> Tensor:
        return F.one_hot(targets, len(self.classes)).float()

    def targets(self, samples: Sequence[Sample]) -> Tensor:
        index = {name: number for number, name in enumerate(self.classes)}
        strangers = sorted({str(sample.label) for sample in samples} - index.keys())
        if strangers:
            raise DataError(f"labels that are no class of this model: {', '.join(strangers)}")
        return torch.tensor([index[str(sample.label)] for sample in samples])

    def scores(self) -> ClassificationScores:
        return ClassificationScores(len(self.classes))

    def rank(self, numbers: dict[str, float]) -> tuple[float, ...]:
        """By balanced accuracy; ties go to the smaller loss."""
        return numbers["balanced_accuracy"], -numbers["loss"]

    def headline(self, numbers: dict[str, float]) -> str:
        accuracy, balanced = numbers["accuracy"], numbers["balanced_accuracy"]
        differs = abs(accuracy - balanced) >= 0.0005
        return f"accuracy {accuracy:.1%}" + (f", balanced {balanced:.1%}" if differs else "")

    def decode(self, outputs: Tensor, *, top: int) -> list[dict[str, float]]:
        outputs = outputs.float().cpu()
        order = _best(outputs, top)  # B, top
        probabilities = outputs.softmax(dim=1).gather(1, order)
        return [
            {self.classes[index]: value for index, value in zip(indices, values, strict=True)}
            for indices, values in zip(order.tolist(), probabilities.tolist(), strict=True)
        ]

    def sets(self, outputs: Tensor) -> list[tuple[str, ...] | None]:
        return [None] * len(outputs)

    def chosen_on(self, outputs: Tensor, samples: Sequence[Sample]) -> Classification:
        return self  # nothing is chosen: the most probable class is the answer

    def facts(self) -> dict[str, Any]:
        return {}

    def knowing(self, facts: Mapping[str, Any]) -> Classification:
        return self

    def evaluate(self, outputs: Tensor, samples: Sequence[Sample]) -> Evaluation:
        targets = self.targets(samples)
        scores = self.scores()
        scores.add(outputs, targets)
        numbers, confusion = scores.result(), scores.confusion
        answers = self.decode(outputs, top=TOP)
        return Evaluation(
            pictures=len(samples),
            accuracy=numbers["accuracy"],
            balanced_accuracy=numbers["balanced_accuracy"],
            top5=numbers.get("top5"),
            loss=numbers["loss"],
            classes=self.classes,
            per_class=dict(zip(self.classes, class_scores(confusion), strict=True)),
            confusion=tuple(tuple(row) for row in confusion.tolist()),
            predictions=tuple(
                prediction(sample.name, best) for sample, best in zip(samples, answers, strict=True)
            ),
            answers=tuple(str(sample.label) for sample in samples),
        )


@dataclass
class ClassificationScores:
    """A tally over one pass; `confusion` counts true classes by rows and answers by columns. (K, K)"""

    classes: int
    confusion: Tensor = field(init=False)
    losses: list[float] = field(init=False, default_factory=list)
    among_top: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.confusion = torch.zeros(self.classes, self.classes, dtype=torch.long)

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        outputs = outputs.float().cpu()
        self.losses += F.cross_entropy(outputs.double(), targets, reduction="none").tolist()
        best = _best(outputs, TOP)  # B, TOP
        cells = torch.bincount(targets * self.classes + best[:, 0], minlength=self.classes**2)
        self.confusion += cells.view(self.classes, self.classes)
        self.among_top += int((best == targets[:, None]).sum())

    def result(self) -> dict[str, float]:
        """loss, accuracy, balanced_accuracy (over classes with pictures) and, above five classes, top5."""
        pictures = len(self.losses)
        if not pictures:
            raise DataError("there are no pictures to score")
        right, of_class = self.confusion.diag(), self.confusion.sum(dim=1)
        present = of_class > 0
        numbers = {
            "loss": math.fsum(self.losses) / pictures,  # exact, so that batches do not matter
            "accuracy": int(right.sum()) / pictures,
            "balanced_accuracy": float((right[present] / of_class[present].double()).mean()),
        }
        if self.classes > TOP:
            numbers["top5"] = self.among_top / pictures
        return numbers


def class_scores(confusion: Tensor) -> list[ClassScore]:
    """Recall, precision and F1 of each class, from a confusion matrix with true classes by rows. (K, K)"""
    right, pictures, given = confusion.diag(), confusion.sum(dim=1), confusion.sum(dim=0)
    return [
        ClassScore(
            pictures=n,
            recall=hits / n if n else None,
            precision=hits / answers if answers else None,
            f1=2 * hits / (n + answers) if n + answers else None,
        )
        for hits, n, answers in zip(right.tolist(), pictures.tolist(), given.tolist(), strict=True)
    ]


def prediction(image: str, best: dict[str, float]) -> Prediction:
    label = next(iter(best))
    return Prediction(image=image, label=label, probability=best[label], probabilities=best)


def _best(outputs: Tensor, count: int) -> Tensor:
    """The classes of the largest outputs, best first; among equals the first class comes first. (B, count)"""
    return outputs.sort(dim=1, descending=True, stable=True).indices[:, :count]
