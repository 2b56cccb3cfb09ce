"""What shifted windows and the cyclic shift replaced, written out for comparison (Liu et al. 2021, §3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def sliding_window_attention(qkv: Tensor, heads: int, window: int) -> Tensor:
    """Every token attends to the window around itself, of an odd number of tokens on each side.

    Keys and values are gathered for each query, which is what makes it slow: no two queries share them.
    qkv: B, H, W, 3C. Places outside the map do not take part. Returns B, H, W, C.
    """
    batch, height, width, channels = qkv.shape[0], *qkv.shape[1:3], qkv.shape[3] // 3
    q, k, v = qkv.split(channels, dim=-1)
    size = channels // heads
    q = q.reshape(batch, height, width, heads, 1, size)
    k, v = (_around(one, window).view(batch, height, width, heads, size, window**2) for one in (k, v))
    inside = _around(torch.ones(1, height, width, 1), window).view(height, width, 1, 1, window**2) > 0
    scores = (q @ k) * size**-0.5
    shares = scores.masked_fill(~inside, float("-inf")).softmax(-1)  # B, H, W, h, 1, M²
    return (shares @ v.transpose(-1, -2)).reshape(batch, height, width, channels)


def _around(x: Tensor, window: int) -> Tensor:
    """B, H, W, C -> B, H, W, C·M²: what lies around each place, zero outside the map."""
    batch, height, width, channels = x.shape
    columns = F.unfold(x.permute(0, 3, 1, 2), window, padding=window // 2)  # B, C·M², H·W
    return columns.transpose(1, 2).reshape(batch, height, width, channels * window**2)


def padded_window_attention(qkv: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Displaced windows without the cyclic shift: the pieces at the edges are padded to whole windows.

    The map grows by a window on each axis, so 4 windows become 9. qkv: B, H, W, 3C, whole windows.
    Returns B, H, W, C.
    """
    batch, height, width = qkv.shape[:3]
    before = window - shift
    x = F.pad(qkv, (0, 0, before, shift, before, shift))
    there = F.pad(torch.ones(1, height, width, 1), (0, 0, before, shift, before, shift))
    q, k, v = _windows(x, window).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # G, h, N, d
    takes_part = _windows(there, window).view(-1, 1, 1, window**2).repeat(batch, 1, 1, 1) > 0
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=takes_part)
    whole = _unwindowed(out.transpose(1, 2).flatten(2), window, (batch, *x.shape[1:3]))
    return whole[:, before : before + height, before : before + width]


def _windows(x: Tensor, window: int) -> Tensor:
    """B, H, W, C -> B·G, N, C"""
    batch, height, width, channels = x.shape
    grid = x.view(batch, height // window, window, width // window, window, channels)
    return grid.transpose(2, 3).reshape(-1, window**2, channels)


def _unwindowed(x: Tensor, window: int, shape: tuple[int, int, int]) -> Tensor:
    """B·G, N, C -> B, H, W, C"""
    batch, height, width = shape
    grid = x.view(batch, height // window, width // window, window, window, -1)
    return grid.transpose(2, 3).reshape(batch, height, width, -1)
