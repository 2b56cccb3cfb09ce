"""Very many classes and pictures, answered by a model that is right four times in five."""

from __future__ import annotations

import numpy as np

from swinkit.data import ImageSet, Sample
from swinkit.tasks.results import ClassScore, Evaluation
from swinkit.trust.assessment import Assessment, Scored
from swinkit.trust.intervals import Resampled


def many_classes(*, classes: int, pictures: int, side: int = 96) -> tuple[Assessment, ImageSet]:
    """Pictures are of noise, which no JPEG makes small."""
    rng = np.random.default_rng(0)
    names = tuple(f"class {number}, with a name that is rather long" for number in range(classes))
    truth = rng.integers(0, classes, pictures)
    said = np.where(rng.random(pictures) < 0.8, truth, rng.integers(0, classes, pictures))
    sure = rng.random(pictures)
    noise = [rng.integers(0, 255, (side, side, 3), np.uint8) for _ in range(8)]
    samples = tuple(
        Sample(name=f"{names[label]}/picture-{i}.jpg", label=names[label], split="val", source=noise[i % 8])
        for i, label in enumerate(truth)
    )
    drawn = Resampled(truth.tolist(), said.tolist(), classes=classes)
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (truth, said), 1)
    evaluation = Evaluation(
        pictures=pictures,
        accuracy=accuracy.value,
        balanced_accuracy=balanced.value,
        top5=None,
        loss=1.0,
        classes=names,
        per_class={name: ClassScore(pictures=1, recall=None, precision=None, f1=None) for name in names},
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        predictions=(),
        answers=(),
        data="many",
        split="val",
    )
    scored = tuple(
        Scored(
            image=sample.name,
            label=names[true],
            predicted=names[answer],
            probability=float(p),
            content="",
            group=None,
            rank=1 if true == answer else 2,
            probability_of_label=float(p if true == answer else 1 - p),
            probabilities=(),
        )
        for sample, true, answer, p in zip(samples, truth, said, sure, strict=True)
    )
    found = Assessment(
        evaluation=evaluation,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        per_class={name: drawn.of_class(number) for number, name in enumerate(names)},
        pictures=scored,
    )
    return found, ImageSet(name="many", samples=samples, classes=names)
