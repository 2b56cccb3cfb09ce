from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from swinkit.engine.origin import origin
from swinkit.models import Swin
from tests.models.builders import small_swin

Act = Callable[[], object]


def learning(model: Swin, x: torch.Tensor | None = None) -> Act:
    pixels = torch.randn(2, 3, 32, 32) if x is None else x
    return lambda: model(pixels).square().sum().backward()


@pytest.mark.parametrize("name", ["stages.2.blocks.1.mlp.fc1", "stages.1.merge.reduction", "head"])
@pytest.mark.parametrize("checkpointed", [(), (0, 1, 2)], ids=["kept", "recomputed"])
def test_the_module_that_overflows_is_named(name: str, checkpointed: tuple[int, ...]) -> None:
    model = small_swin().train()
    model.checkpoint_stages = checkpointed
    model.get_submodule(name).weight.detach().fill_(3e38)  # type: ignore[operator]

    assert name == origin(model, learning(model))


def test_what_happens_between_modules_is_the_work_of_the_one_around_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = small_swin().train()
    attention = model.stages[1].blocks[0].attention
    attention.bias_table.detach().fill_(torch.inf)  # type: ignore[union-attr]
    monkeypatch.setattr(model, "named_parameters", lambda: iter(()))

    assert "stages.1.blocks.0.attention" == origin(model, learning(model))


def test_pictures_that_are_no_numbers_are_told_apart() -> None:
    model = small_swin().train()

    found = origin(model, learning(model, torch.full((1, 3, 32, 32), torch.nan)))

    assert found in ("patch_embed", "patch_embed.norm", "the pictures themselves")


class Wild(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return gradient * torch.inf


def test_a_gradient_that_overflows_is_found_where_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_swin().train()
    merge = model.stages[2].merge
    forward = merge.forward
    monkeypatch.setattr(merge, "forward", lambda x: Wild.apply(forward(x)))

    assert "the gradient that reaches stages.2.merge.reduction" == origin(model, learning(model))


def test_weights_that_are_no_numbers_come_first() -> None:
    model = small_swin().train()
    model.norm.bias.detach().fill_(torch.nan)  # type: ignore[union-attr]

    assert "the weights norm.bias, which the step before has made so" == origin(model, learning(model))


def test_the_model_is_left_without_hooks() -> None:
    model = small_swin().train()

    assert "the loss, from outputs that are numbers" == origin(model, learning(model))
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules() if isinstance(m, nn.Module))
