"""What every attention kernel takes and gives.

    window_attention(qkv, pad, bias, plan, scale) -> out             v1: softmax(q·kᵀ·scale + bias + mask)·v
    cosine_window_attention(qkv, pad, bias, plan, scale) -> out      v2: q and k normalised first

    qkv    B, H, W, 3C            q, k, v of the unshifted, unpadded map; inside each third, head by head
    pad    3C                     q, k, v of a padded token
    bias   h, 2Mh−1, 2Mw−1        relative position bias by offset (query − key), rows first
    plan   WindowPlan             integers only
    scale  float (v1), or h       v2: exp of the clamped logit scale, one per head
    out    B, H, W, C             heads side by side, in image order, padding cropped

Differentiable in qkv, pad, bias and scale. Inputs may be any floating type; bias and pad are cast to
that of qkv. `reference.py` is the specification; the others agree with it within its tolerance.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from swinkit.errors import ShapeError
from swinkit.windows import WindowPlan


class Kernel(Protocol):
    """A module that implements both calls of the contract."""

    def window_attention(
        self, qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float
    ) -> Tensor: ...

    def cosine_window_attention(
        self, qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor
    ) -> Tensor: ...


def check_call(qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan) -> None:
    """Raise ShapeError when the arguments do not fit each other."""
    problems = []
    if qkv.dim() != 4 or tuple(qkv.shape[1:3]) != tuple(plan.map):
        problems.append(f"qkv is B, H, W, 3C with the plan's map {tuple(plan.map)}; got {tuple(qkv.shape)}")
    rows, columns = plan.window
    if bias.dim() != 3 or tuple(bias.shape[1:]) != (2 * rows - 1, 2 * columns - 1):
        problems.append(
            f"bias is heads, {2 * rows - 1}, {2 * columns - 1} for window {rows} × {columns}; "
            f"got {tuple(bias.shape)}"
        )
    elif qkv.shape[-1] % (3 * bias.shape[0]):
        problems.append(f"{qkv.shape[-1]} channels of qkv do not divide by 3 × {bias.shape[0]} heads")
    if tuple(pad.shape) != (qkv.shape[-1],):
        problems.append(f"pad has one entry per channel of qkv ({qkv.shape[-1]}); got {tuple(pad.shape)}")
    if problems:
        raise ShapeError("window attention got arguments that do not fit: " + "; ".join(problems))
