"""How fast this machine trains, measured and not guessed: with which threads, and how long an epoch takes."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from swinkit.data import Sample
from swinkit.data.loader import Images, train_loader
from swinkit.engine.distillation import Teacher
from swinkit.engine.feed import steps_per_epoch
from swinkit.engine.inference import validate
from swinkit.engine.learner import prepare
from swinkit.engine.loop import computing
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import training_step
from swinkit.models import Backbone
from swinkit.tasks import Task

_FEW = 8
_TIMED = 3
_LONG = 2.0  # seconds
_WORTH_A_PROCESS = 0.3  # seconds of loading in an epoch
_AS_FAST = 1.15
"""So much longer a way may be expected to take that loads beside the training, and still be chosen. In the
other way all threads wait while each batch is loaded: at 32 × 32 pixels on two cores, where the one was
expected to take 0.95 to 1.13 of the other's time, it took 0.75 to 1.03, and half the processor time."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The fastest way found to share out the cores. workers: processes that load beside the training."""

    threads: int
    workers: int
    seconds_per_epoch: float
    seconds_to_look: float = 0.0
    """At one picture, to answer and not to learn."""


def measured_pace(
    model: Backbone,
    task: Task,
    train: Images,
    val: Sequence[Sample],
    config: TrainConfig,
    *,
    cores: int,
    threads_asked: bool = False,
    teacher: Teacher | None = None,
) -> Pace:
    """Time a few steps, loading and validation; the model is not changed.

    With several threads and with fewer: a small model gains little from a second thread, and on a busy
    machine threads that wait for each other cost more than they bring. cores: that there are.
    """
    pictures = steps_per_epoch(len(train), config.batch) * min(config.batch, len(train))
    loading = _seconds_to_load(train, config)
    most = cores // 2 if loading * pictures > _WORTH_A_PROCESS else 0
    copied = copy.deepcopy(model)
    prepare(copied, config)
    learning = {config.threads: _seconds_to_learn(copied, task, train, config, teacher)}
    workers = min(most, math.ceil(loading / learning[config.threads]))
    fewer = max(1, config.threads - max(workers, 1))
    if not threads_asked and fewer < config.threads:
        learning[fewer] = _seconds_to_learn(copied, task, train, replace(config, threads=fewer), teacher)
    ways = {(threads, 0): seconds + loading for threads, seconds in learning.items()}
    if workers:
        spare = cores if config.device.startswith("cuda") else cores - workers
        ways |= {(n, workers): max(s, loading / workers) for n, s in learning.items() if n <= spare}
    enough = _AS_FAST * min(ways.values())
    fast = [way for way, seconds in ways.items() if seconds <= enough]
    threads, workers = max(fast, key=lambda way: (way[1], -ways[way]))
    looking = _seconds_to_look(copied, task, val[: config.batch], replace(config, threads=threads))
    return Pace(
        threads=threads,
        workers=workers,
        seconds_per_epoch=pictures * ways[threads, workers] + len(val) * looking,
        seconds_to_look=looking,
    )


def _seconds_to_load(train: Images, config: TrainConfig) -> float:
    """For one picture: decoding and varying it, by one thread."""
    few = [number % len(train) for number in range(_FEW)]
    with computing(replace(config, threads=1)):
        return _typically(lambda: [train[index] for index in few]) / _FEW


def _seconds_to_learn(
    model: Backbone, task: Task, train: Images, config: TrainConfig, teacher: Teacher | None
) -> float:
    """For one picture: its share of a step. Where a step on 8 pictures takes long, it is left at those."""
    with computing(config):
        few = replace(config, batch=min(config.batch, _FEW))
        seconds = _seconds_a_step(model, task, train, few, teacher)
        if seconds < 0.25 and config.batch > _FEW:
            return _seconds_a_step(model, task, train, config, teacher) / min(config.batch, len(train))
        return seconds / min(config.batch, _FEW, len(train))


def _seconds_a_step(
    model: Backbone, task: Task, train: Images, config: TrainConfig, teacher: Teacher | None
) -> float:
    batch = next(iter(train_loader(train, epochs=[0], batch=config.batch)))
    optimiser = make_optimiser(model.train(), config)
    return _typically(
        lambda: training_step(model, task, optimiser, batch, config, lr=0.0, step=0, teacher=teacher)
    )


def _seconds_to_look(model: Backbone, task: Task, samples: Sequence[Sample], config: TrainConfig) -> float:
    """For one picture of validation."""
    with computing(config):
        return _typically(lambda: validate(model, task, samples)) / len(samples)


def _typically(act: Callable[[], object]) -> float:
    """Seconds, not counting the first time, when libraries are loaded and kernels chosen."""
    act()
    found: list[float] = []
    while len(found) < _TIMED and sum(found) < _LONG:
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return statistics.median(found)
