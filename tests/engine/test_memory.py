"""What a step keeps is counted, not guessed."""

from __future__ import annotations

import pytest
import torch

from swinkit.engine.memory import bytes_kept
from swinkit.models import create_model


def test_what_a_picture_makes_a_step_keep_grows_with_its_area() -> None:
    model = create_model("swin_pico", classes=10)

    small, large = bytes_kept(model, (32, 32), 3), bytes_kept(model, (64, 64), 3)

    assert 4 * small == pytest.approx(large, rel=0.1)


def test_every_hidden_tensor_of_a_block_is_among_it() -> None:
    """The input and output of GELU alone are 2 × 4C numbers for each token."""
    model = create_model("swin_pico", classes=10)
    tokens = [(16 * 16, 16), (8 * 8, 32)]

    assert bytes_kept(model, (32, 32), 3) > sum(2 * n * 2 * 4 * c * 4 for n, c in tokens)


def test_the_model_is_as_it_was() -> None:
    model = create_model("swin_pico", classes=10).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    bytes_kept(model, (32, 32), 3)

    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
