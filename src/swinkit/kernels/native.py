"""The compiled kernel of one call, for training and for models that are not optimised; kernel name `native`.

Each window of each head is gathered, attended and scattered while it stays in the nearest cache. Nothing but
the arguments is kept for the gradient, which computes the weights anew (docs/decisions/0012). On the CPU,
for maps of float32 and bfloat16; inside, all is float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from swinkit.errors import KernelRefused
from swinkit.kernels import portable
from swinkit.kernels.library import (
    HEAD_PAD,
    Attention,
    Block,
    Library,
    Target,
    chosen_target,
    library,
    padded,
    turned_table,
)
from swinkit.windows import WindowPlan

_TYPES = (torch.float32, torch.bfloat16)


def applies_to(qkv: Tensor) -> bool:
    """Whether this kernel can do a call, here and for such a map."""
    plain = type(qkv) is Tensor and qkv.device.type == "cpu" and qkv.dtype in _TYPES
    return plain and _target() is not None


def window_attention(qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float) -> Tensor:
    scales = torch.full((bias.shape[0],), scale, dtype=torch.float32, device=qkv.device)
    return _Attention.apply(qkv, pad.to(qkv.dtype), bias, scales, plan, False)


def cosine_window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor
) -> Tensor:
    return _Attention.apply(qkv, pad.to(qkv.dtype), bias, scale, plan, True)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, pad: Tensor, bias: Tensor, scale: Tensor, plan: WindowPlan, cosine: bool
    ) -> Tensor:
        ctx.save_for_backward(qkv, pad, bias, scale)
        ctx.plan, ctx.cosine = plan, cosine
        call = _Call(qkv, pad, bias, scale, plan, cosine=cosine)
        out = qkv.new_empty((*qkv.shape[:3], qkv.shape[3] // 3))
        call.attention.out = out.data_ptr()
        call.run(goes_back=False)
        return out

    @staticmethod
    def backward(ctx: Any, out_gradient: Tensor) -> tuple[Tensor | None, ...]:
        qkv, pad, bias, scale = ctx.saved_tensors
        plan, cosine = ctx.plan, ctx.cosine
        if torch.is_grad_enabled():  # somebody wants the gradient of the gradient
            again = _differentiable_gradients(qkv, pad, bias, scale, plan, out_gradient, cosine=cosine)
            return *again, None, None
        call = _Call(qkv, pad, bias, scale, plan, cosine=cosine)
        out_gradient = out_gradient.contiguous()
        gradient = torch.empty_like(call.qkv)
        sums = qkv.new_zeros(_library_here().attention_sums(call.attention), dtype=torch.float32)
        call.attention.out_gradient = out_gradient.data_ptr()
        call.attention.qkv_gradient = gradient.data_ptr()
        call.attention.sums = sums.data_ptr()
        call.run(goes_back=True)
        sizes = [bias.numel(), pad.numel(), scale.numel()]
        of_bias, of_pad, of_scale = sums.sum(0)[: sum(sizes)].split(sizes)
        return (
            gradient,
            of_pad.to(pad.dtype),
            of_bias.view_as(bias).flip(1, 2).to(bias.dtype),
            of_scale.to(scale.dtype) if cosine else None,
            None,
            None,
        )


class _Call:
    """The arguments of a call as the library wants them, and what they point to."""

    def __init__(
        self, qkv: Tensor, pad: Tensor, bias: Tensor, scale: Tensor, plan: WindowPlan, *, cosine: bool
    ) -> None:
        batch, height, width, channels = qkv.shape
        heads = bias.shape[0]
        self.qkv = qkv.detach().contiguous()
        self._pad, self._scale = pad.detach().float().contiguous(), scale.detach().float().contiguous()
        self._table = turned_table(bias.detach())
        block = Block(
            bias_table=self._table.data_ptr(),
            scale=self._scale.data_ptr(),
            heads=heads,
            head_size=padded(channels // 3 // heads, HEAD_PAD),
        )
        block.follow(plan)
        self.attention = Attention(
            block=block,
            version=2 if cosine else 1,
            is_bfloat16=qkv.dtype == torch.bfloat16,
            batch=batch,
            height=height,
            width=width,
            channels=channels // 3,
            pad=self._pad.data_ptr(),
            qkv=self.qkv.data_ptr(),
        )

    def run(self, *, goes_back: bool) -> None:
        calls, target, threads = _library_here(), chosen_target("float32"), torch.get_num_threads()
        size = calls.attention_workspace(target, self.attention, threads)
        workspace = self.qkv.new_empty(size, dtype=torch.uint8)
        calls.attend(
            target, self.attention, goes_back=goes_back, workspace=workspace.data_ptr(), threads=threads
        )


def _target() -> Target | None:
    """What computes in float32 here; nothing where there is no library, or SWINKIT_ISA names another type."""
    try:
        return chosen_target("float32")
    except KernelRefused:
        return None


def _library_here() -> Library:
    """The library, in a process for which `applies_to` has said yes."""
    found = library()
    assert isinstance(found, Library)
    return found


def _differentiable_gradients(
    qkv: Tensor,
    pad: Tensor,
    bias: Tensor,
    scale: Tensor,
    plan: WindowPlan,
    out_gradient: Tensor,
    *,
    cosine: bool,
) -> tuple[Tensor | None, ...]:
    """Those of the portable kernel, which can be differentiated again."""
    wanted = (qkv, pad, bias, scale) if cosine else (qkv, pad, bias)
    if cosine:
        out = portable.cosine_window_attention(qkv, pad, bias, plan, scale)
    else:
        out = portable.window_attention(qkv, pad, bias, plan, float(scale[0]))
    given = [tensor for tensor in wanted if tensor.requires_grad]
    found = iter(torch.autograd.grad(out, given, out_gradient, create_graph=True))
    gradients = [next(found) if tensor.requires_grad else None for tensor in wanted]
    return (*gradients, None) if not cosine else tuple(gradients)
