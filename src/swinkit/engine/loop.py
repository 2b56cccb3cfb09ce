"""The training loop, for any task: read `fit` from top to bottom.

What is random in a step depends on (seed, step), in a picture on (seed, epoch, picture), so a run that was
interrupted goes on as if nothing had happened, on a CPU to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from swinkit.data import Sample, write_atomically
from swinkit.data.loader import Images
from swinkit.engine.checkpoint import Continuation, Position, save_checkpoint
from swinkit.engine.distillation import Teacher
from swinkit.engine.divergence import refuse_divergence
from swinkit.engine.ema import Average
from swinkit.engine.feed import Feed, steps_per_epoch
from swinkit.engine.inference import validate
from swinkit.engine.interrupt import Interrupted, stop_on_request
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.progress import Pace, Progress, time_left
from swinkit.engine.run import Run, jsonl
from swinkit.engine.schedule import learning_rate
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import training_step
from swinkit.engine.stopping import reason_to_stop
from swinkit.models import Swin
from swinkit.tasks import Task
from swinkit.weights import save

SAVE_EVERY = 60.0
"""Seconds of work that a crash may cost at most; an interrupt costs none."""
WORTH_SAYING = 0.1
"""Share of the time spent waiting for pictures above which a person is told."""


def fit(
    model: Swin,
    task: Task,
    train: Images,
    val: Sequence[Sample],
    config: TrainConfig,
    run: Run,
    progress: Progress,
    *,
    continuation: Continuation | None = None,
    teacher: Teacher | None = None,
) -> Position:
    """Train a model and keep its best and its last state in the run's folder.

    continuation: what a run that was stopped goes on with. teacher: whose answers are learnt beside the
    labels. The model is changed in place.
    Raises RunError when the loss is no longer a number, Interrupted after saving when asked to stop.
    """
    position = continuation.position if continuation else Position()
    per_epoch = steps_per_epoch(len(train), config.batch)
    steps = config.epochs * per_epoch
    with (
        computing(config),
        stop_on_request() as stop,
        progress.training(steps=steps, done=position.step) as pace,
    ):
        prepare(model, config)
        optimiser = make_optimiser(model, config)
        average = Average(model, config.ema) if config.ema else None
        if continuation:
            optimiser.load_state_dict(continuation.optimiser)
        if continuation and average and continuation.average:
            average.load_state_dict(continuation.average)
        looked_at = average.model if average else model
        saver = _Saver(run, model, optimiser, average, position, pace)
        portion = Portion(position.at_once or config.pictures_at_once, progress.say)
        feed = Feed(train, config, step=position.step, say=progress.say)
        if position.step == 0:
            if config.warm_start:
                position.beginning = _keep_beginning(run, model, task, config, val, progress)
            saver.save()

        for epoch in range(len(position.history), config.epochs):
            if reason := reason_to_stop(task, position.history, config.patience):
                progress.say(reason)
                break
            model.train()
            while position.step < (epoch + 1) * per_epoch:
                began, batch = time.monotonic(), feed.next()
                lr = rate_at(position.step, steps, config)
                loss = training_step(
                    model,
                    task,
                    optimiser,
                    batch,
                    config,
                    lr=lr,
                    step=position.step,
                    portion=portion,
                    teacher=teacher,
                )
                if average:
                    average.update(position.step + 1)
                position.at_once = portion.pictures
                position.count(batch, loss, seconds=time.monotonic() - began, waited=feed.waited)
                refuse_divergence(
                    position.losses, first=position.first_loss, classes=len(task.classes), lr=config.lr
                )
                pace.step(f"epoch {epoch + 1} of {config.epochs}, loss {loss:.3f}")
                if stop.made or saver.is_due():
                    saver.save()
                if stop.made:
                    raise Interrupted(f"stopped at step {position.step} of {steps}")

            numbers = validate(looked_at, task, val)
            position.seconds = saver.seconds()
            lr = rate_at(position.step - 1, steps, config)
            _finish_epoch(run, looked_at, task, config, position, numbers, lr=lr)
            saver.save()
            progress.say(_epoch_line(task, config, position, numbers, pace))
            progress.keep()
    return position


def prepare(model: Swin, config: TrainConfig) -> None:
    """To the device; what is not to learn frozen, what is not to be kept recomputed."""
    model.to(config.device)
    if config.frozen_stages:
        model.freeze(config.frozen_stages)
    if config.checkpointing:
        model.recompute()


def rate_at(step: int, steps: int, config: TrainConfig) -> float:
    return learning_rate(
        step,
        steps=steps,
        peak=config.lr,
        warmup=config.warmup,
        final=config.final_lr,
        schedule=config.schedule,
        milestones=config.milestones,
    )


@contextmanager
def computing(config: TrainConfig) -> Iterator[None]:
    """The run's threads, and random numbers of its own; the caller's are as before afterwards."""
    threads = torch.get_num_threads()
    devices = [torch.device(config.device)] if config.device.startswith("cuda") else []
    with torch.random.fork_rng(devices):
        torch.set_num_threads(config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


class _Saver:
    """Saves the run where it stands; knows when the last time was too long ago."""

    def __init__(
        self,
        run: Run,
        model: Swin,
        optimiser: torch.optim.Optimizer,
        average: Average | None,
        position: Position,
        pace: Pace,
    ) -> None:
        self._parts = run, model, optimiser, position, average
        self._position, self._pace = position, pace
        self._earlier_sessions = position.seconds
        self._saved = time.monotonic()

    def seconds(self) -> float:
        return self._earlier_sessions + self._pace.seconds

    def is_due(self) -> bool:
        return time.monotonic() - self._saved > SAVE_EVERY

    def save(self) -> None:
        self._position.seconds = self.seconds()
        save_checkpoint(*self._parts)
        self._saved = time.monotonic()


def _finish_epoch(
    run: Run,
    model: Swin,
    task: Task,
    config: TrainConfig,
    position: Position,
    numbers: dict[str, float],
    *,
    lr: float,
) -> None:
    """Add the epoch's numbers to the history, its last rate too; keep the model if it is the best so far."""
    epoch = len(position.history) + 1
    before = [position.beginning, *position.history] if position.beginning else position.history
    if all(task.rank(numbers) > task.rank(earlier) for earlier in before):
        _keep(run, model, task, config, numbers, epochs=epoch)
    position.history.append(
        {
            "epoch": epoch,
            "step": position.step,
            "train_loss": position.loss_sum / position.pictures,
            **numbers,
            "lr": lr,
            "left_out": position.left_out,
            "waiting": round(position.waited / position.learning, 3),
            "seconds": round(position.seconds, 1),
        }
    )
    position.begin_epoch()
    write_atomically(run.folder / "metrics.jsonl", jsonl(position.history))


def _keep_beginning(
    run: Run, model: Swin, task: Task, config: TrainConfig, val: Sequence[Sample], progress: Progress
) -> dict[str, float]:
    """Keep the model with the linear classifier it begins with: the best until an epoch beats it."""
    numbers = validate(model, task, val)
    _keep(run, model, task, config, numbers, epochs=0)
    progress.say(f"linear classifier on the features of {config.weights}: {task.headline(numbers)}")
    return numbers


def _keep(
    run: Run, model: Swin, task: Task, config: TrainConfig, numbers: dict[str, float], *, epochs: int
) -> None:
    trained = {"data": config.data, "epochs": epochs, "model": config.model, "weights": config.weights}
    save(model, run.best, extra={"task": task.name, "scores": numbers, "trained": trained})


def _epoch_line(
    task: Task, config: TrainConfig, position: Position, numbers: dict[str, float], pace: Pace
) -> str:
    epoch, width = len(position.history), len(str(config.epochs))
    loss = position.history[-1]["train_loss"]
    waiting = position.history[-1]["waiting"]
    waited = f"   {waiting:.0%} of the time waiting for pictures" if waiting > WORTH_SAYING else ""
    left = f"   {time_left(pace)}" if epoch < config.epochs else ""
    return (
        f"epoch {epoch:>{width}} of {config.epochs}   loss {loss:.3f}   "
        f"{task.headline(numbers)}{waited}{left}"
    )
