"""Weights as the native kernels read them: padded with zeros, in panels.

A panel holds the weights of a few outputs, and in it those of one input lie together: as the kernel walks
over the inputs of a product, it walks straight through memory (csrc/kernels/product.h).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinkit.kernels.library import HEAD_PAD, PAD, Linear, Norm, Target, padded


class Packer:
    """Packs for one target, and keeps what it packed alive: the structs hold bare addresses."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.kept: list[Tensor] = []

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.kept)

    def keep(self, tensor: Tensor) -> int:
        """The address of a tensor's memory, which stays; in float32."""
        return self._keep(tensor.detach().float())

    def _keep(self, tensor: Tensor) -> int:
        tensor = tensor.contiguous()
        self.kept.append(tensor)
        return tensor.data_ptr()

    def norm(self, norm: nn.Module | None) -> Norm:
        """A LayerNorm; of anything else, no norm."""
        if not isinstance(norm, nn.LayerNorm):
            return Norm()
        extra = padded(norm.weight.shape[0]) - norm.weight.shape[0]
        return Norm(self.keep(F.pad(norm.weight, (0, extra))), self.keep(F.pad(norm.bias, (0, extra))))

    def linear(
        self, weight: Tensor, bias: Tensor | None, outputs: int | None = None, chunk: int | None = None
    ) -> Linear:
        """weight (outputs, inputs), bias (outputs).

        outputs: what is computed at a time, where fewer. chunk: inputs rounded together, where fewer.
        """
        weight, bias, linear = self._padded(weight, bias, self.target.inputs, self.target.panel)
        if outputs is not None:
            linear.outputs = outputs
        if self.target.dtype == "int8":
            weight, scale = rounded_to_int8(weight)
            linear.scale = self.keep(scale)
            linear.chunk = chunk or linear.inputs
            totals = [part.sum(1, dtype=torch.int32) for part in weight.split(linear.chunk, dim=1)]
            linear.totals = self._keep(torch.stack(totals))
        linear.panels = self._keep(panels(weight, self.target.panel, self.target.dtype))
        linear.bias = self.keep(bias)
        return linear

    def end(self, weight: Tensor, bias: Tensor | None) -> Linear:
        """The same of patch embedding or head, which are not rounded to int8."""
        dtype = "float32" if self.target.dtype == "int8" else self.target.dtype
        weight, bias, linear = self._padded(weight, bias, PAD, self.target.end_panel)
        linear.panels = self._keep(panels(weight, self.target.end_panel, dtype))
        linear.bias = self.keep(bias)
        return linear

    def _padded(
        self, weight: Tensor, bias: Tensor | None, to_inputs: int, panel: int
    ) -> tuple[Tensor, Tensor, Linear]:
        """Weight and bias with zeros in the room that is left, and a layer that knows its counts."""
        count, inputs = weight.shape
        rows = padded(padded(count), panel)
        bias = weight.new_zeros(count) if bias is None else bias
        weight = F.pad(weight.detach(), (0, padded(inputs, to_inputs) - inputs, 0, rows - count))
        return weight, F.pad(bias, (0, rows - count)), Linear(inputs=weight.shape[1], outputs=padded(count))


def panels(weight: Tensor, panel: int, dtype: str) -> Tensor:
    """(outputs, inputs) to (panels, inputs, outputs of a panel); of narrow types 2 or 4 inputs together."""
    cut = weight.unflatten(0, (-1, panel))  # panels, outputs, inputs
    if dtype == "float32":
        return cut.transpose(1, 2)
    together, kind = {"bfloat16": (2, torch.bfloat16), "int8": (4, torch.int8)}[dtype]
    return cut.unflatten(2, (-1, together)).transpose(1, 2).to(kind)


def rounded_to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights from −127 to 127, and what 1 stands for in each output. (outputs, inputs)"""
    scale = weight.abs().amax(1).float() / 127
    steps = (weight / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round()
    return steps.clamp(-127, 127).to(torch.int8), scale


def heads_padded(weight: Tensor, heads: int, axis: int) -> Tensor:
    """An axis of heads · d to heads · d', padded."""
    size = weight.shape[axis] // heads
    extra = [0, 0] * (weight.dim() - 1 - axis) + [0, padded(size, HEAD_PAD) - size]
    return F.pad(weight.unflatten(axis, (heads, size)), extra).flatten(axis, axis + 1)


def qkv_by_heads(weight: Tensor, heads: int, panel: int) -> Tensor:
    """(3·C, …) to heads × (q, k, v), each padded as above, and each head to whole panels."""
    size = weight.shape[0] // 3 // heads
    extra = [0, 0] * (weight.dim() - 1) + [0, padded(size, HEAD_PAD) - size]
    by_head = F.pad(weight.unflatten(0, (3, heads, size)).transpose(0, 1), extra).flatten(1, 2)
    outputs = by_head.shape[1]
    return F.pad(by_head, [0, 0] * (weight.dim() - 1) + [0, padded(outputs, panel) - outputs]).flatten(0, 1)
