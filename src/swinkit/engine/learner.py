"""A model in training: what a step changes, and what resuming needs."""

from __future__ import annotations

import time
from collections.abc import Callable

from swinkit.data.loader import Batch
from swinkit.engine.checkpoint import Continuation, Position
from swinkit.engine.distillation import Teacher
from swinkit.engine.distributed import processes
from swinkit.engine.divergence import refuse_divergence
from swinkit.engine.ema import Average
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.schedule import learning_rate
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import Together, training_step
from swinkit.models import Swin
from swinkit.tasks import Task


class Learner:
    """The model with its optimiser, its average and its position in a training of that many steps.

    continuation: what a training that was stopped goes on with. teacher: whose answers are learnt beside the
    labels. say: is told in one line what happens.
    """

    def __init__(
        self,
        model: Swin,
        task: Task,
        config: TrainConfig,
        *,
        steps: int,
        say: Callable[[str], object],
        continuation: Continuation | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        prepare(model, config)
        self.model, self.task, self.config, self.steps = model, task, config, steps
        self.optimiser = make_optimiser(model, config)
        self.average = Average(model, config.ema) if config.ema else None
        self.position = continuation.position if continuation else Position()
        if continuation:
            self.optimiser.load_state_dict(continuation.optimiser)
        if continuation and self.average and continuation.average:
            self.average.load_state_dict(continuation.average)
        self.processes = processes()
        self._teacher = teacher
        self._portion = Portion(self.position.at_once or config.pictures_at_once, say)

    @property
    def looked_at(self) -> Swin:
        """The model that is validated and kept: the average where there is one."""
        return self.average.model if self.average else self.model

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
            together=Together(self.processes, counted) if self.processes.size > 1 else None,
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


def prepare(model: Swin, config: TrainConfig) -> None:
    """To the device; what is not to learn frozen, what is not to be kept recomputed."""
    model.to(config.device)
    if config.frozen_stages:
        model.freeze(config.frozen_stages)
    if config.checkpointing:
        model.recompute()
