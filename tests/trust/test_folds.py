"""The number over all pictures, where they are few."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swinkit.data import digits
from swinkit.tasks.classification import Classification
from swinkit.tasks.multilabel import MultiLabel
from swinkit.trust.assess import Frozen
from swinkit.trust.assessment import ByFolds, LabelByFolds
from swinkit.trust.folds import FOLDS, by_folds

CLASSES = ("0", "1", "7")


def frozen(count: int, *, noise: bool = False) -> Frozen:
    """Scans of three digits with their pixels, or with numbers that mean nothing."""
    samples = [sample for sample in digits().samples if sample.label in CLASSES][:count]
    pixels = torch.stack([torch.from_numpy(sample.pixels(1)).flatten().float() for sample in samples])
    random = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    return Frozen(of="pixels", samples=samples, features=random if noise else pixels)


def test_every_picture_is_asked_about_once_and_the_rounds_scatter_about_the_whole() -> None:
    found = by_folds(Classification(CLASSES), frozen(120), seed=0)

    assert isinstance(found, ByFolds)
    assert (120, "pixels", FOLDS) == (found.pictures, found.features, len(found.each))
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high or found.accuracy.value == 1
    assert 0.9 < found.balanced_accuracy.value
    assert min(found.each) <= found.balanced_accuracy.value <= max(found.each)


def test_features_that_mean_nothing_are_not_called_good() -> None:
    """A classifier that had seen the pictures would know them all by heart: more features than pictures."""
    found = by_folds(Classification(CLASSES), frozen(60, noise=True), seed=0)

    assert isinstance(found, ByFolds)
    assert found.balanced_accuracy.value < 0.6


def test_copies_lie_in_one_round() -> None:
    """Of noise, a copy that was taught gives the answer away."""
    once = frozen(50, noise=True)
    copied = Frozen(
        of="noise",
        samples=[*once.samples, *(replace(one, name=f"copy of {one.name}") for one in once.samples)],
        features=once.features.repeat(2, 1),
    )
    pairs = [(one.name, f"copy of {one.name}") for one in once.samples]

    apart = by_folds(Classification(CLASSES), copied, seed=0, together=pairs)
    torn = by_folds(Classification(CLASSES), replace(copied, samples=_unalike(copied)), seed=0)

    assert isinstance(apart, ByFolds) and isinstance(torn, ByFolds)
    assert apart.accuracy.value < 0.6 < torn.accuracy.value


def _unalike(copied: Frozen) -> list:
    """Copies whose contents differ, so that nobody knows."""
    return [
        replace(one, source=one.pixels(1) + (number % 2)) if number >= len(copied.samples) // 2 else one
        for number, one in enumerate(copied.samples)
    ]


def test_of_enough_pictures_none_is_needed() -> None:
    assert by_folds(Classification(CLASSES), frozen(200), seed=0) is None


def test_several_labels_are_judged_by_mean_average_precision() -> None:
    few = frozen(90)
    labelled = [replace(one, label=None, labels=(str(one.label),)) for one in few.samples]

    found = by_folds(MultiLabel(CLASSES), replace(few, samples=labelled), seed=0)

    assert isinstance(found, LabelByFolds)
    assert 0.9 < found.mean_average_precision.value == pytest.approx(sum(found.each) / FOLDS, abs=0.1)
