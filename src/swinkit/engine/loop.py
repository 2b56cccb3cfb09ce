"""The training loop, for any task: read `fit` from top to bottom.

What is random in a step depends on (seed, step), in a picture on (seed, epoch, picture), so a run that was
interrupted goes on as if nothing had happened, on a CPU to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from swinkit.data import Sample
from swinkit.data.loader import Images
from swinkit.engine.checkpoint import Continuation, Position, save_checkpoint
from swinkit.engine.distillation import Teacher
from swinkit.engine.distributed import own_device, processes, validate_together
from swinkit.engine.feed import Feed, steps_per_epoch
from swinkit.engine.inference import validate
from swinkit.engine.interrupt import stop_on_request
from swinkit.engine.keeper import Keeper
from swinkit.engine.learner import Learner
from swinkit.engine.progress import Progress, Speed, time_left
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.engine.shards import begin_shards
from swinkit.engine.stopping import reason_to_stop
from swinkit.engine.trackers import tracking
from swinkit.models import Backbone
from swinkit.tasks import Task

WORTH_SAYING = 0.1
"""Share of the time spent waiting for pictures above which a person is told."""


def fit(
    model: Backbone,
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
    labels. The model is changed in place; where it is shared out, each process is left with its part.
    Raises RunError when the loss is no longer a number, Interrupted after saving when asked to stop.
    """
    config = replace(config, device=own_device(config.device))
    per_epoch = steps_per_epoch(len(train), config.batch)
    steps = config.epochs * per_epoch
    done = continuation.position.step if continuation else 0
    with (
        computing(config),
        stop_on_request() as stop,
        progress.training(steps=steps, done=done) as speed,
        tracking(config, run, progress.say) as follow,
    ):
        continuation = continuation or _begun(run, model, task, val, config, progress)
        if processes().rank == 0:
            processes().announce(str(run.folder))
        learner = Learner(
            model,
            task,
            config,
            steps=steps,
            say=progress.say,
            continuation=continuation,
            teacher=teacher,
        )
        position = learner.position
        keeper = Keeper(run, learner, speed, stop, follow)
        feed = Feed(train, config, step=position.step, say=progress.say)
        keeper.go_on()

        for epoch in range(len(position.history), config.epochs):
            if reason := reason_to_stop(task, position.beginning, position.history, config.patience):
                progress.say(reason)
                break
            model.train()
            while position.step < (epoch + 1) * per_epoch:
                batch = feed.next()
                loss = learner.learn(batch, waited=feed.waited)
                speed.step(f"epoch {epoch + 1} of {config.epochs}, loss {loss:.3f}")
                keeper.after_step()

            numbers = validate_together(
                learner.looked_at, task, keeper.unless_stopped(val), unreadable=feed.leave_out_of_validation
            )
            keeper.end_epoch(numbers)
            progress.say(_epoch_line(learner, speed))
            progress.keep()
    return position


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


def _begun(
    run: Run, model: Backbone, task: Task, val: Sequence[Sample], config: TrainConfig, progress: Progress
) -> Continuation:
    """What is saved before the first step, from which this and all other processes go on."""
    model.to(config.device)
    position = Position(beginning=_warm_start(model, task, val, config, progress))
    if config.shard:
        return begin_shards(run, model, position)
    save_checkpoint(run, model, None, position)
    return Continuation(position)


def _warm_start(
    model: Backbone, task: Task, val: Sequence[Sample], config: TrainConfig, progress: Progress
) -> dict[str, float] | None:
    """The numbers of the linear classifier that the head begins as, where it does."""
    if not config.warm_start:
        return None
    numbers = validate(model, task, val)
    progress.say(f"linear classifier on the features of {config.weights}: {task.headline(numbers)}")
    return numbers


def _epoch_line(learner: Learner, speed: Speed) -> str:
    history, epochs = learner.position.history, learner.config.epochs
    epoch, loss, waiting = len(history), history[-1]["train_loss"], history[-1]["waiting"]
    waited = f"   {waiting:.0%} of the time waiting for pictures" if waiting > WORTH_SAYING else ""
    left = f"   {time_left(speed)}" if epoch < epochs else ""
    return (
        f"epoch {epoch:>{len(str(epochs))}} of {epochs}   loss {loss:.3f}   "
        f"{learner.task.headline(learner.position.scores)}{waited}{left}"
    )
