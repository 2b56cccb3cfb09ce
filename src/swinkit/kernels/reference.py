"""The formula, spelled out (Liu et al. 2021, eq. 4; Liu et al. 2022, eq. 2). The specification.

Pad, roll, cut into windows, attend, and all of it back, in plain tensor operations of rank five at most
and without a branch on sizes: any type, any device, and compilers and exporters understand it. Half
precision is computed in float32 and rounded once at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.windows import WindowPlan, relative_index


def window_attention(qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float) -> Tensor:
    """softmax(q·kᵀ·scale + bias + mask)·v in each window; see contract.py for shapes."""
    q, k, v = windowed_heads(qkv, pad, bias.shape[0], plan)  # each B, G, h, N, d
    return image_order(attention_weights(q * scale, k, bias, plan) @ v, plan).to(qkv.dtype)


def cosine_window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor
) -> Tensor:
    """As above with q and k of unit length and a scale for each head."""
    q, k, v = windowed_heads(qkv, pad, bias.shape[0], plan)
    q, k = cosine_heads(q, k, scale)
    return image_order(attention_weights(q, k, bias, plan) @ v, plan).to(qkv.dtype)


def attention_weights(q: Tensor, k: Tensor, bias: Tensor, plan: WindowPlan) -> Tensor:
    """Softmax of the scores, for `q` that is scaled already. (B, G, h, N, N)"""
    bias = bias.to(q.dtype).flatten(1)[:, relative_index(plan.window, bias.device)]  # h, N, N
    mask = plan.mask(bias.device).to(q.dtype)[:, None]  # G, 1, N, N
    return torch.softmax(q @ k.transpose(-2, -1) + bias + mask, dim=-1)


def cosine_heads(q: Tensor, k: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """q and k of unit length, q times its head's scale."""
    return F.normalize(q, dim=-1) * scale.to(q.dtype).view(-1, 1, 1), F.normalize(k, dim=-1)


def windowed_heads(qkv: Tensor, pad: Tensor, heads: int, plan: WindowPlan) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v of each window and head, each (B, G, h, N, d), in float32 at least."""
    windows = partition(qkv, pad, plan).to(torch.promote_types(qkv.dtype, torch.float32))
    size = qkv.shape[-1] // 3 // heads
    q, k, v = (third.unflatten(-1, (heads, size)).transpose(2, 3) for third in windows.chunk(3, dim=-1))
    return q, k, v


def partition(tokens: Tensor, pad: Tensor, plan: WindowPlan) -> Tensor:
    """Pad, shift cyclically and cut into windows. (B, H, W, C) -> (B, G, N, C)"""
    (mh, mw), (rows, columns), (sh, sw) = plan.window, plan.grid, plan.shift
    if plan.rolls_first:
        tokens = _padded(tokens.roll((-sh, -sw), (1, 2)), pad, plan)
    else:
        tokens = _padded(tokens, pad, plan).roll((-sh, -sw), (1, 2))
    strips = tokens.reshape(tokens.shape[0], rows, mh, columns, -1).transpose(2, 3)
    return strips.reshape(tokens.shape[0], rows * columns, mh * mw, -1)


def unpartition(windows: Tensor, plan: WindowPlan) -> Tensor:
    """The way back: each token from the place to which padding and shift moved it.

    (B, G, N, C) -> (B, H, W, C)
    """
    (mh, mw), (rows, columns) = plan.window, plan.grid
    strips = windows.reshape(windows.shape[0], rows, columns, mh, -1).transpose(2, 3)
    tokens = strips.reshape(windows.shape[0], rows * mh, columns * mw, -1)
    device = windows.device
    return tokens.index_select(1, plan.places(0, device)).index_select(2, plan.places(1, device))


def image_order(windows: Tensor, plan: WindowPlan) -> Tensor:
    """Heads side by side, then `unpartition`. (B, G, h, N, d) -> (B, H, W, C)"""
    return unpartition(windows.transpose(2, 3).flatten(3), plan)


def _padded(tokens: Tensor, pad: Tensor, plan: WindowPlan) -> Tensor:
    """`pad` right of and below the map, up to whole windows."""
    (height, width), (padded_height, padded_width) = plan.map, plan.padded
    padded = F.pad(tokens, (0, 0, 0, padded_width - width, 0, padded_height - height))
    is_row = torch.arange(padded_height, device=tokens.device) < height
    is_column = torch.arange(padded_width, device=tokens.device) < width
    return torch.where((is_row[:, None] & is_column)[..., None], padded, pad.to(tokens.dtype))
