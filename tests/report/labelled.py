"""A training on pictures with several labels: what is true of a digit, learnt by a linear model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from swinkit.data import ImageSet, Sample, digits
from swinkit.report.background import Trained
from swinkit.tasks.multilabel import MultiLabel
from swinkit.tasks.results import MultiLabelEvaluation
from tests.report.runs import _answers, _facts, _features, _fewer

TRUE_OF = {"even": "02468", "large": "56789", "with a hole": "0689", "straight strokes": "147"}


@dataclass(frozen=True)
class Labelled:
    found: MultiLabelEvaluation
    images: ImageSet
    trained: Trained


def labelled(name_of: dict[str, str] | None = None) -> Labelled:
    """name_of: other names for the classes."""
    called = name_of or {name: name for name in TRUE_OF}
    whole = _fewer(digits(), {"train": 300, "val": 150})
    samples = tuple(_relabelled(sample, called) for sample in whole.samples)
    images = ImageSet(name="digits", samples=samples, classes=tuple(called.values()), task="multilabel")
    task = MultiLabel(images.classes)
    train, val = images.split("train").samples, images.split("val").samples
    inputs, targets, seen = _features(train, 8), task.targets(train), _features(val, 8)
    weights = torch.zeros(inputs.shape[1] + 1, len(task.classes), requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=0.05)
    history: list[dict[str, float]] = []
    for epoch in range(1, 11):
        for _ in range(5):
            loss = F.binary_cross_entropy_with_logits(_answers(inputs, weights), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        scores = task.scores()
        scores.add(_answers(seen, weights.detach()), task.targets(val))
        history.append({"epoch": epoch, "train_loss": loss.item(), **scores.result()})
    outputs = _answers(seen, weights.detach())
    found = task.chosen_on(outputs, val).evaluate(outputs, val)
    facts: dict[str, Any] = _facts(images)
    described = replace(found, data="digits", split="val")
    return Labelled(described, images, Trained(facts=facts, history=history))


def _relabelled(sample: Sample, called: dict[str, str]) -> Sample:
    given = tuple(called[name] for name, those in TRUE_OF.items() if str(sample.label) in those)
    return replace(sample, label=None, labels=given)
