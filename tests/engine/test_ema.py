from __future__ import annotations

import pytest
import torch

from swinkit.engine.ema import Average
from tests.models.builders import small_swin


def filled(value: float) -> torch.nn.Module:
    model = small_swin()
    for parameter in model.parameters():
        parameter.detach().fill_(value)
    return model


def test_it_moves_towards_the_weights_by_what_the_decay_leaves() -> None:
    model = filled(0.0)
    average = Average(model, decay=0.9)  # type: ignore[arg-type]
    for parameter in model.parameters():
        parameter.detach().fill_(1.0)

    average.update(10_000)
    average.update(10_001)

    for tensor in average.state_dict().values():
        torch.testing.assert_close(tensor, torch.full_like(tensor, 0.19))


@pytest.mark.parametrize(("steps", "kept"), [(1, 2 / 11), (8, 9 / 18), (1_000_000, 0.9999)])
def test_early_steps_keep_less_of_what_it_began_with(steps: int, kept: float) -> None:
    model = filled(1.0)
    average = Average(model, decay=0.9999)  # type: ignore[arg-type]
    for parameter in model.parameters():
        parameter.detach().fill_(0.0)

    average.update(steps)

    tensor = next(iter(average.state_dict().values()))
    torch.testing.assert_close(tensor, torch.full_like(tensor, kept))


def test_counts_are_copied_and_not_averaged() -> None:
    model = small_swin()
    model.register_buffer("seen", torch.tensor(0))
    average = Average(model, decay=0.5)
    model.seen += 7  # type: ignore[operator]

    average.update(100)

    assert 7 == int(average.state_dict()["seen"])
