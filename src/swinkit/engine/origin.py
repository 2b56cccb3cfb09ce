"""Where a value that is no number first appeared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class _Found(Exception):
    def __init__(self, where: str) -> None:
        self.where = where


def origin(model: nn.Module, again: Callable[[], object]) -> str:
    """Which module made the first infinity or NaN of a step, in words.

    again: does the step's forward and backward pass once more, with the same numbers.
    """
    for name, parameter in model.named_parameters():
        if not _finite(parameter):
            return f"the weights {name}, which the step before has made so"
    handles = [handle for name, module in _leaves(model) for handle in _watch(name, module)]
    try:
        again()
    except _Found as found:
        return found.where
    finally:
        for handle in handles:
            handle.remove()
    return "the loss, from outputs that are numbers"


def _leaves(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if not any(module.children())]


def _watch(name: str, module: nn.Module) -> list[Any]:
    inside = name.rpartition(".")[0]  # what lies between two leaves is the work of the module around them

    def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not _finite(*inputs):
            raise _Found(inside or "the pictures themselves")

    def after(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not _finite(output):
            raise _Found(name)

    def backward(_: nn.Module, to_inputs: tuple[Any, ...], from_outputs: tuple[Any, ...]) -> None:
        if not _finite(*from_outputs):
            raise _Found(f"the gradient that reaches {name}")
        if not _finite(*to_inputs):
            raise _Found(f"the gradient that leaves {name}")

    return [
        module.register_forward_pre_hook(before),
        module.register_forward_hook(after),
        module.register_full_backward_hook(backward),
    ]


def _finite(*values: Any) -> bool:
    return all(
        bool(torch.isfinite(value).all())
        for value in values
        if isinstance(value, Tensor) and value.is_floating_point()
    )
