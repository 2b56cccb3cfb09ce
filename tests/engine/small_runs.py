"""Trainings that last a second: the smallest Swin on a few of the embedded digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from swinkit.data import ImageSet, digits
from swinkit.data.loader import Images
from swinkit.data.transforms import Augmentation, train_transform
from swinkit.engine.loop import fit
from swinkit.engine.progress import Progress
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks import Task
from swinkit.tasks.classification import Classification

SETTINGS = TrainConfig(
    model="swin_pico",
    image_size=(16, 16),
    epochs=2,
    batch=8,
    lr=2e-3,
    drop_path=0.3,
    augmentation=Augmentation(padding=2, flip=0.0, rotation=10.0, colour=0.0, erasing=0.3),
)
PICTURES = 28  # three whole batches and a shorter one


def few_digits() -> ImageSet:
    """The first scans of train and of val."""
    images = digits()
    train, val = images.split("train").samples[:PICTURES], images.split("val").samples[:12]
    return replace(images, samples=(*train, *val))


def training_images(config: TrainConfig) -> Images:
    images = few_digits()
    transform = train_transform(
        config.augmentation, image_size=config.image_size, mean=(0.5,) * 3, std=(0.5,) * 3
    )
    return Images(
        samples=images.split("train").samples, classes=images.classes, transform=transform, seed=config.seed
    )


def begin(folder: Path, config: TrainConfig = SETTINGS, task: Task | None = None) -> tuple[Run, Swin]:
    """Train a fresh model in a folder, as `fit` leaves it."""
    images = few_digits()
    model = fresh_model(config, images.classes)
    run = Run(folder)
    fit(
        model,
        task or Classification(images.classes),
        training_images(config),
        images.split("val").samples,
        config,
        run,
        Progress(run),
    )
    return run, model


def weights_of(model: Swin) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
