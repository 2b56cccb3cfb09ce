"""The rate that is found teaches; rates far from it do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swinkit.data.loader import train_loader
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.range_test import LOWEST, RangeTest, _chosen, range_test
from swinkit.engine.step import training_step
from swinkit.errors import RunError
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from tests.engine.small_runs import SETTINGS, few_digits, training_images

CONFIG = replace(SETTINGS, batch=28, drop_path=0.0, label_smoothing=0.0)
TASK = Classification(few_digits().classes)


@pytest.fixture(scope="module")
def found() -> RangeTest:
    return range_test(fresh_model(CONFIG, TASK.classes), TASK, training_images(CONFIG), CONFIG)


def loss_after(lr: float, steps: int = 25) -> float:
    """The mean of the last losses of a training at a constant rate."""
    model = fresh_model(CONFIG, TASK.classes).train()
    optimiser = make_optimiser(model, CONFIG)
    batches = train_loader(training_images(CONFIG), epochs=range(steps), batch=CONFIG.batch)
    losses = [
        training_step(model, TASK, optimiser, batch, CONFIG, lr=lr, step=step)
        for step, batch in enumerate(batches)
    ]
    return sum(losses[-5:]) / 5


def test_the_rate_that_is_found_teaches_more_than_one_a_hundred_times_lower_or_higher(
    found: RangeTest,
) -> None:
    reached = loss_after(found.lr)
    assert reached + 0.1 < loss_after(found.lr / 100)
    assert reached + 0.1 < loss_after(found.lr * 100)


def test_rates_rise_from_the_lowest_and_the_loss_is_told_of_each(found: RangeTest) -> None:
    rates = [rate for rate, _ in found.tried]

    assert LOWEST == rates[0]
    assert rates == sorted(rates)
    assert rates[0] < found.lr < rates[-1]
    assert found.tried == tuple(map(tuple, found.to_dict()["tried"]))


def test_the_model_is_not_changed() -> None:
    model = fresh_model(CONFIG, TASK.classes)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    range_test(model, TASK, training_images(CONFIG), CONFIG)

    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_rate_lies_below_that_of_the_least_loss_and_has_two_digits() -> None:
    assert 0.0025 == _chosen([(1e-6, 2.0), (1e-4, 1.5), (0.0123, 0.9), (0.5, 3.0)])


def test_a_loss_that_never_falls_tells_nothing() -> None:
    with pytest.raises(RunError, match="fell with no learning rate"):
        _chosen([(1e-6, 2.0), (1e-3, 2.0), (1e-1, 5.0)])
