"""How long an epoch will take, measured on this machine and not guessed."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from swinkit.data import Sample
from swinkit.data.loader import Images, train_loader
from swinkit.engine.inference import validate
from swinkit.engine.loop import computing, make_optimiser, steps_per_epoch, training_step
from swinkit.engine.settings import TrainConfig
from swinkit.models import Swin
from swinkit.tasks import Task

_FEW = 8
_TIMED_STEPS = 3


def seconds_per_epoch(
    model: Swin, task: Task, train: Images, val: Sequence[Sample], config: TrainConfig
) -> float:
    """Seconds for one epoch, validation included; the model is not changed.

    A few steps are timed after one to warm up. Where already 8 pictures take long, it is left at those.
    """
    copied = copy.deepcopy(model)
    with computing(config):
        copied.to(config.device).train()
        first = _seconds_per_picture(copied, task, train, replace(config, batch=min(config.batch, _FEW)))
        learning = first
        if first * config.batch < 1.0 and config.batch > _FEW:
            learning = _seconds_per_picture(copied, task, train, config)
        looking = _seconds_to_look(copied, task, val[: config.batch])
    pictures = steps_per_epoch(len(train), config.batch) * min(config.batch, len(train))
    return pictures * learning + len(val) * looking


def _seconds_per_picture(model: Swin, task: Task, train: Images, config: TrainConfig) -> float:
    """Of training: loading, varying and one step, the fastest of a few."""
    optimiser = make_optimiser(model, config)
    loader = train_loader(train, epoch=0, batch=config.batch)
    fastest = float("inf")
    began = time.perf_counter()
    for step, (inputs, targets, _) in enumerate(islice(loader, 1 + _TIMED_STEPS)):
        training_step(model, task, optimiser, inputs, targets, config, lr=0.0, step=step)
        now = time.perf_counter()
        if step or len(train) <= config.batch:
            fastest = min(fastest, (now - began) / len(inputs))
        began = now
    return fastest


def _seconds_to_look(model: Swin, task: Task, samples: Sequence[Sample]) -> float:
    """Of validation, for one picture."""
    began = time.perf_counter()
    validate(model, task, samples)
    return (time.perf_counter() - began) / len(samples)
