"""A model in training: what a step changes, and what resuming needs."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from swinkit.data.loader import Batch
from swinkit.engine.checkpoint import Continuation
from swinkit.engine.distillation import Teacher
from swinkit.engine.distributed import processes
from swinkit.engine.divergence import refuse_divergence
from swinkit.engine.ema import Average
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.schedule import learning_rate
from swinkit.engine.settings import TrainConfig
from swinkit.engine.sharding import blank, place, whole
from swinkit.engine.shards import load_shards
from swinkit.engine.step import Together, training_step
from swinkit.models import Backbone
from swinkit.tasks import Task


class Learner:
    """The model with its optimiser, its average and its position in a training of that many steps.

    continuation: what a training goes on with, be it from its beginning. teacher: whose answers are learnt
    beside the labels. say: is told in one line what happens.
    """

    def __init__(
        self,
        model: Backbone,
        task: Task,
        config: TrainConfig,
        *,
        steps: int,
        say: Callable[[str], object],
        continuation: Continuation,
        teacher: Teacher | None = None,
    ) -> None:
        self.model, self.task, self.config, self.steps = model, task, config, steps
        self.processes, self.position = processes(), continuation.position
        self.shared = config.shard and self.processes.size > 1
        """Whether each process has but a part of the model."""
        copied = blank(model) if config.ema and continuation.shards else None
        for one in (model, copied) if copied else (model,):
            prepare(one, config, processes=self.processes.size if self.shared else 1)
        self.optimiser = make_optimiser(model, config)
        self.average = Average(model, config.ema, copied=copied) if config.ema else None
        if continuation.shards:
            load_shards(continuation, model, self.optimiser, self.average)
        if continuation.optimiser:
            self.optimiser.load_state_dict(continuation.optimiser)
        if self.average and continuation.average:
            self.average.load_state_dict(continuation.average)
        self._teacher = teacher
        at_once = self.position.at_once or config.pictures_at_once
        self._portion = Portion(at_once, say, again=not self.shared)

    @property
    def looked_at(self) -> Backbone:
        """The model that is validated and kept: the average where there is one."""
        looked_at = self.average.model if self.average else self.model
        return whole(looked_at) if self.shared else looked_at

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, before the share of each layer."""
        config = self.config
        return learning_rate(
            step,
            steps=self.steps,
            peak=config.lr,
            warmup=config.warmup,
            final=config.final_lr,
            schedule=config.schedule,
            milestones=config.milestones,
        )

    def learn(self, batch: Batch, *, waited: float) -> float:
        """Take a step; its loss. waited: seconds for the batch. Raises RunError where it goes wrong."""
        began = time.monotonic()
        step, config = self.position.step, self.config
        counted, left_out = map(int, self.processes.sums(batch.counted, len(batch) - batch.counted))
        loss = training_step(
            self.model,
            self.task,
            self.optimiser,
            batch,
            config,
            lr=self.rate_at(step),
            step=step,
            portion=self._portion,
            teacher=self._teacher,
            together=Together(self.processes, counted, self.shared) if self.processes.size > 1 else None,
        )
        if self.average:
            self.average.update(step + 1)
        self.position.at_once = self._portion.pictures
        seconds = time.monotonic() - began
        self.position.count(loss, counted=counted, left_out=left_out, seconds=seconds, waited=waited)
        refuse_divergence(
            self.position.losses,
            first=self.position.first_loss,
            classes=len(self.task.classes),
            lr=config.lr,
        )
        return loss


def prepare(model: Backbone, config: TrainConfig, *, processes: int = 1) -> None:
    """What is not to learn frozen, what is not to be kept recomputed; then to the device.

    processes: among which the model is shared out.
    """
    if config.frozen_stages:
        model.freeze(config.frozen_stages)
    if config.checkpointing:
        model.recompute()
    place(model, torch.device(config.device), processes)
