"""Where a value that is no number first appeared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from swinkit.engine.sharding import local

Where = str | None


def origin(
    model: nn.Module, again: Callable[[], object], *, in_any: Callable[[Where], Where] | None = None
) -> str:
    """Which module made the first infinity or NaN of a step, in words.

    again: does the step's forward and backward pass once more, with the same numbers. in_any: what one of
    several processes has found, told what this one has; all of them look together.
    """
    in_any = in_any or (lambda where: where)
    broken = next((name for name, one in model.named_parameters() if not _finite(local(one))), None)
    if weights := in_any(broken):
        return f"the weights {weights}, which the step before has made so"
    found: list[str] = []
    handles = [handle for name, module in _leaves(model) for handle in _watch(name, module, found.append)]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "FSDP2-wrapped module")  # which hooks make views of its outputs
            again()
    finally:
        for handle in handles:
            handle.remove()
    return in_any(found[0] if found else None) or "the loss, from outputs that are numbers"


def _leaves(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if not any(module.children())]


def _watch(name: str, module: nn.Module, tell: Callable[[str], object]) -> list[Any]:
    """Tell of values that are no numbers, each time some come along."""
    inside = name.rpartition(".")[0]  # what lies between two leaves is the work of the module around them

    def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not _finite(*inputs):
            tell(inside or "the pictures themselves")

    def after(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not _finite(output):
            tell(name)

    def backward(_: nn.Module, to_inputs: tuple[Any, ...], from_outputs: tuple[Any, ...]) -> None:
        if not _finite(*from_outputs):
            tell(f"the gradient that reaches {name}")
        if not _finite(*to_inputs):
            tell(f"the gradient that leaves {name}")

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
