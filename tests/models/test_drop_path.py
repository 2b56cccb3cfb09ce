from __future__ import annotations

import pytest
import torch
from torch import nn

from swinkit.models.drop_path import DropPath, part_of_batch
from tests.models.builders import small_swin


def in_parts(model: nn.Module, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    outputs, first = [], 0
    for size in sizes:
        torch.manual_seed(7)
        with part_of_batch(first, len(x)):
            outputs.append(model(x[first : first + size]))
        first += size
    return torch.cat(outputs)


@pytest.mark.parametrize("sizes", [[8], [3, 5], [1] * 8], ids=str)
def test_parts_drop_what_the_whole_would_have_dropped(sizes: list[int]) -> None:
    model = small_swin(drop_path=0.5).train()
    x = torch.randn(8, 3, 32, 32)
    torch.manual_seed(7)
    expected = model(x)

    torch.testing.assert_close(in_parts(model, x, sizes), expected, atol=1e-5, rtol=1e-5)


def test_a_checkpointed_part_finds_its_place_again_in_the_backward_pass() -> None:
    model = small_swin(drop_path=0.5).train()
    x = torch.randn(3, 3, 32, 32)
    gradients = []
    for stages in ((), (0, 1, 2)):
        model.checkpoint_stages = stages
        model.zero_grad()
        torch.manual_seed(7)
        with part_of_batch(2, 8):
            model(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])

    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_batch_of_its_own_draws_for_itself_again_afterwards() -> None:
    drop = DropPath(0.5).train()
    torch.manual_seed(1)
    expected = drop(torch.ones(4, 1))
    torch.manual_seed(1)
    with part_of_batch(2, 100):
        inside = drop(torch.ones(4, 1))
    torch.manual_seed(1)

    assert torch.equal(expected, drop(torch.ones(4, 1)))
    assert inside.shape == expected.shape


def test_a_compiled_step_drops_paths_too() -> None:
    torch._dynamo.reset()
    drop = DropPath(0.5).train()
    compiled = torch.compile(drop, backend="aot_eager", fullgraph=True)
    x = torch.ones(6, 2)

    kept = compiled(x)

    assert torch.equal(kept, 2.0 * (kept > 0))
