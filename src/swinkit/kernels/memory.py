"""Results that are kept between calls, and when they must not be.

A kept result is used again only where the *contents* of all its inputs are what they were: a version
counter would miss an update through `tensor.data`, which optimisers and weight averaging do. Comparing a
bias table costs a few microseconds. Nothing is kept on a GPU (the comparison would wait for it), while
gradients are needed, or while a graph is traced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


@dataclass(frozen=True, slots=True)
class _Kept:
    inputs: tuple[Tensor, ...]
    result: Any


T = TypeVar("T")

_RESULTS: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
_LIMIT = 8
"""Results kept for one owner: a few window shapes and types, not one for each image size seen."""


def is_traced() -> bool:
    """Whether a graph is being recorded, or a dispatch mode (fake tensors, counters) is active."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


def remembered(owner: Tensor, inputs: tuple[Tensor, ...], key: Any, compute: Callable[[], T]) -> T:
    """`compute()`, or what it gave for inputs of the same contents; kept as long as `owner` lives."""
    needs_gradient = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    if needs_gradient or is_traced() or owner.device.type != "cpu":
        return compute()
    results: dict[Any, _Kept] = _RESULTS.setdefault(owner, {})
    kept = results.get(key)
    if kept is None or not all(map(_same, kept.inputs, inputs)):
        with torch.inference_mode(False), torch.no_grad():
            kept = _Kept(tuple(tensor.detach().clone() for tensor in inputs), compute())
        if len(results) >= _LIMIT:
            results.clear()
        results[key] = kept
    return kept.result


def _same(before: Tensor, now: Tensor) -> bool:
    return before.dtype == now.dtype and torch.equal(before, now)
