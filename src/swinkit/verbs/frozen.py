"""Features of all pictures that know no label: what a linear classifier makes of them measures a model.

Computed once before training, by the weights it starts from; from scratch, which knows nothing, the pixels of
the picture made small take their place. Kept in the run's folder for when the run is resumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from swinkit.engine.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from swinkit.data import ImageSet, Sample
    from swinkit.engine.progress import Progress
    from swinkit.engine.settings import TrainConfig
    from swinkit.models import Backbone, Preprocess
    from swinkit.tasks import Task
    from swinkit.trust.assess import Frozen

SIDE = 16
"""Pixels of a picture made small."""


def frozen_features(
    model: Backbone, images: ImageSet, config: TrainConfig, progress: Progress, *, most: int
) -> Frozen:
    """Features of val, test and at most `most` pictures of train, evenly picked."""
    from swinkit.engine.inference import preprocess_of
    from swinkit.engine.loop import computing
    from swinkit.engine.probe import features_of
    from swinkit.trust.assess import Frozen

    samples = [*_evenly(images.split("train").samples, most), *_held_out(images)]
    with computing(config), progress.counting("looking at pictures", len(samples)) as count:
        if config.weights is None:
            of, features = f"{SIDE} × {SIDE} pixels", _pixels(samples, preprocess_of(model))
        else:
            of, features = config.weights, features_of(model.to(config.device), samples, progress=count)
    return Frozen(of=of, samples=samples, features=features)


def channels_of(model: Backbone, config: TrainConfig) -> int:
    """How many numbers the features of a picture are."""
    if config.weights is None:
        return model.in_channels * SIDE * SIDE
    assert model.head is not None
    return model.head.in_features


def warm_start(model: Backbone, task: Task, frozen: Frozen) -> None:
    """Make the best linear classifier on the features of train, chosen by val, the head of the model."""
    from swinkit.engine.probe import fit_probe

    taught = [index for index, sample in enumerate(frozen.samples) if sample.split == "train"]
    chosen_by = [index for index, sample in enumerate(frozen.samples) if sample.split == "val"]
    probe = fit_probe(
        task,
        frozen.features[taught],
        [frozen.samples[index] for index in taught],
        val=(frozen.features[chosen_by], [frozen.samples[index] for index in chosen_by]),
    )
    probe.install(model)


def say_by_folds(
    task: Task,
    frozen: Frozen,
    seed: int,
    progress: Progress,
    *,
    together: Sequence[Sequence[str]] = (),
) -> None:
    """Of few pictures, how good the linear classifier is on all of them, none seen by who answers.

    together: names of pictures that are copies.
    """
    from swinkit.trust.assessment import ByFolds
    from swinkit.trust.folds import FOLDS, by_folds

    found = by_folds(task, frozen, seed=seed, together=together)
    if found is None:
        return
    told = (
        {"accuracy": found.accuracy.value, "balanced_accuracy": found.balanced_accuracy.value}
        if isinstance(found, ByFolds)
        else {"mean_average_precision": found.mean_average_precision.value}
    )
    progress.say(
        f"linear classifier, {FOLDS}-fold over all {found.pictures} pictures, none seen by who answers: "
        f"{task.headline(told)}"
    )


def keep_frozen(run: Run, frozen: Frozen) -> None:
    """Write the features into the run's folder."""
    import safetensors.torch

    from swinkit.data import write_atomically

    names = json.dumps([sample.name for sample in frozen.samples])  # ASCII, as some names are no Unicode
    metadata = {"of": frozen.of, "names": names}
    tensors = {"features": frozen.features.contiguous()}
    write_atomically(run.features, safetensors.torch.save(tensors, metadata))


def kept_frozen(run: Run, images: ImageSet) -> Frozen | None:
    """The features that a run has kept; None where it has none of these pictures."""
    import safetensors

    from swinkit.trust.assess import Frozen

    if not run.features.exists():
        return None
    by_name = {sample.name: sample for sample in images.samples}
    with safetensors.safe_open(run.features, framework="pt") as file:
        said = file.metadata()
        names = json.loads(said["names"])
        if not set(names) <= set(by_name):
            return None
        samples = [by_name[name] for name in names]
        return Frozen(of=said["of"], samples=samples, features=file.get_tensor("features"))


def _held_out(images: ImageSet) -> Sequence[Sample]:
    return [sample for sample in images.samples if sample.split in ("val", "test")]


def _evenly(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
    if len(samples) <= most:
        return samples
    return [samples[index * len(samples) // most] for index in range(most)]


def _pixels(samples: Sequence[Sample], preprocess: Preprocess) -> Tensor:
    """N, channels · SIDE · SIDE"""
    import torch

    small = replace(preprocess, image_size=(SIDE, SIDE), resize_to=None, squash=True)
    read = (sample.pixels(small.channels, own_values=small.own_values) for sample in samples)
    return torch.stack([small(pixels).flatten() for pixels in read])
