"""A training on pictures with several labels: what is true of a digit, learnt by a linear model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from swinkit.data import ImageSet, Sample, digits
from swinkit.report.background import Trained
from swinkit.tasks.multilabel import MultiLabel
from swinkit.trust.answers import Answers
from swinkit.trust.assessment import (
    Cost,
    Interval,
    LabelBaselines,
    LookedFor,
    MultiLabelAssessment,
    ShakenSets,
)
from swinkit.trust.sets import assess_sets
from tests.report.runs import _answers, _facts, _features, _fewer

TRUE_OF = {"even": "02468", "large": "56789", "with a hole": "0689", "straight strokes": "147"}


@dataclass(frozen=True)
class Labelled:
    found: MultiLabelAssessment
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
    scored = replace(task.chosen_on(outputs, val).evaluate(outputs, val), data="digits", split="val")
    facts: dict[str, Any] = _facts(images)
    answers = Answers(samples=val, outputs=outputs, looks=torch.zeros(0), features=torch.zeros(0))
    found = assess_sets(scored, answers, [sample.name for sample in val], chosen_on_same=True)
    return Labelled(_with_the_rest(found), images, Trained(facts=facts, history=history))


def _with_the_rest(found: MultiLabelAssessment) -> MultiLabelAssessment:
    """What many passes of a model would find out."""
    scored = found.evaluation
    said = [
        (one.image, one.labels[0], true)
        for one, true in zip(scored.predictions, scored.answers, strict=True)
        if one.labels
    ]
    return replace(
        found,
        baselines=LabelBaselines(
            guessing=0.45, probe=Interval(value=0.6, low=0.5, high=0.7), probe_features="the starting weights"
        ),
        robustness=tuple(
            ShakenSets(change=change, level=level, pictures=150, mean_average_precision=share)
            for change, level, share in (("nothing", "the same pictures", 0.9), ("JPEG", "quality 10", 0.7))
        ),
        looked=tuple(
            LookedFor(
                image=image, given=name, probability=0.8, right=name in true, heat=((0.0, 1.0), (0.5, 0.2))
            )
            for image, name, true in said[:20]
        ),
        cost=Cost(
            parameters=260,
            macs=260,
            seconds_per_picture=0.0042,
            device="cpu",
            threads=1,
            kernel="none",
            file_bytes=1040,
        ),
    )


def _relabelled(sample: Sample, called: dict[str, str]) -> Sample:
    given = tuple(called[name] for name, those in TRUE_OF.items() if str(sample.label) in those)
    return replace(sample, label=None, labels=given)
