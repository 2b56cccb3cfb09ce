"""Find a learning rate by trying all of them: it rises from step to step, and the loss tells (Smith 2017)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from swinkit.data.loader import Images, train_loader
from swinkit.engine.distillation import Teacher
from swinkit.engine.learner import prepare
from swinkit.engine.loop import computing
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import training_step
from swinkit.errors import RunError
from swinkit.models import Backbone
from swinkit.tasks import Task

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 80
_SMOOTHED = 0.85
"""Share of the running mean of the loss that a step keeps."""
_BLOWN_UP = 2.0
"""Times the least loss, beyond which higher rates are not tried."""
_BACK = 5.0
"""From the rate at which the loss was least, which is already too high to stay at, down to the one taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeTest:
    """lr: the rate to take. tried: each rate with the smoothed loss after a step with it."""

    lr: float
    tried: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def range_test(
    model: Backbone, task: Task, train: Images, config: TrainConfig, *, teacher: Teacher | None = None
) -> RangeTest:
    """Train a copy of the model for some steps with ever higher rates.

    Raises RunError where the loss never fell, so that no rate can be told.
    """
    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)) for step in range(STEPS)]
    learner = copy.deepcopy(model).train()
    tried: list[tuple[float, float]] = []
    mean = 0.0
    with computing(config):
        prepare(learner, config)
        optimiser = make_optimiser(learner, config)
        batches = train_loader(train, epochs=range(STEPS), batch=config.batch)  # as many as it takes
        for step, batch in enumerate(islice(batches, STEPS)):
            try:
                loss = training_step(
                    learner, task, optimiser, batch, config, lr=rates[step], step=step, teacher=teacher
                )
            except RunError:
                break  # no number any more: the rates above are of no use either
            mean = _SMOOTHED * mean + (1 - _SMOOTHED) * loss
            tried.append((rates[step], mean / (1 - _SMOOTHED ** (step + 1))))
            if tried[-1][1] > _BLOWN_UP * min(found for _, found in tried):
                break
    return RangeTest(lr=_chosen(tried), tried=tuple(tried))


def _chosen(tried: Sequence[tuple[float, float]]) -> float:
    """Some way below the rate at which the loss was least, in two digits."""
    if not tried or min(found for _, found in tried) > 0.98 * tried[0][1]:
        raise RunError(
            f"the loss fell with no learning rate from {LOWEST:g} to {HIGHEST:g}, so none can be told",
            hint="give one: --lr 0.001",
        )
    best, _ = min(tried, key=lambda pair: pair[1])
    lr = best / _BACK
    digits = 1 - math.floor(math.log10(lr))
    return round(lr, digits)
