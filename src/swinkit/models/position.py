"""Relative position: learnt tables (v1), log-spaced coordinates (v2), and how both meet another window.

A bias table is `heads, 2Mh−1, 2Mw−1`: entry (h, Mh−1+Δy, Mw−1+Δx) is added to the score of a query that
lies Δy rows below and Δx columns right of its key.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.windows import Pair

Resampling = Literal["bicubic", "geometric"]


def centre(table: Tensor, window: Pair) -> Tensor:
    """The part of a bias table that a window no larger than the table's needs."""
    _, rows, columns = table.shape
    top, left = (rows + 1) // 2 - window[0], (columns + 1) // 2 - window[1]
    if top == 0 and left == 0:
        return table
    return table[:, top : rows - top, left : columns - left]


def log_coordinates(window: Pair, scaled_to: Pair, device: torch.device | None = None) -> Tensor:
    """Log-spaced offsets of a window in float32 (Liu et al. 2022, eq. 4). (2Mh−1, 2Mw−1, 2)

    `sign(z)·log2(|z| + 1) / log2(8)` of `z = 8·Δ/(M₀ − 1)`, with M₀ the window `scaled_to`: the one of
    pretraining where that was another. A window of one token has coordinate 0.
    """
    axes = []
    for side, reference in zip(window, scaled_to, strict=True):
        offsets = torch.arange(1 - side, side, device=device, dtype=torch.float32)
        z = offsets / max(reference - 1, 1) * 8  # in the originals' order, so that no bit differs
        axes.append(torch.sign(z) * torch.log2(z.abs() + 1) / math.log2(8))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def resize_bias_table(table: Tensor, window: Pair, how: Resampling) -> Tensor:
    """A learnt bias table for another window. (heads, 2Mh−1, 2Mw−1) in and out.

    bicubic: stretches all offsets alike, as Microsoft's fine-tuning code does.
    geometric: neighbouring offsets keep their meaning and far ones are stretched, as SimMIM's does.
    """
    target = 2 * window[0] - 1, 2 * window[1] - 1
    if tuple(table.shape[1:]) == target:
        return table.clone()
    if how == "bicubic":
        wide = torch.promote_types(table.dtype, torch.float32)
        resized = F.interpolate(table.to(wide)[None], size=target, mode="bicubic", align_corners=False)
        return resized[0].to(table.dtype)
    rows = _spline_weights(*_geometric_axis(table.shape[1], target[0]))  # target, source
    columns = _spline_weights(*_geometric_axis(table.shape[2], target[1]))
    resized = rows @ table.double() @ columns.T
    return resized.to(table.dtype).contiguous()


def resize_position(position: Tensor, size: Pair) -> Tensor:
    """An absolute position embedding for another map, bicubic. (1, H, W, C) in and out."""
    if tuple(position.shape[1:3]) == tuple(size):
        return position
    channels_first = position.permute(0, 3, 1, 2)
    resized = F.interpolate(channels_first, size=size, mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1)


def _geometric_axis(source: int, target: int) -> tuple[Tensor, Tensor]:
    """Where the entries of a source axis lie, and where those of the target are wanted.

    Source offsets are spaced 1, q, q², … from the centre with q such that they span the target.
    """
    half = source // 2
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        ratio = (low + high) / 2
        if (1 - ratio**half) / (1 - ratio) > target // 2:
            high = ratio
        else:
            low = ratio
    steps = [sum(ratio**k for k in range(n)) for n in range(1, half + 1)]
    places = torch.tensor([-x for x in reversed(steps)] + [0.0] + steps, dtype=torch.float64)
    wanted = torch.arange(target, dtype=torch.float64) - target // 2
    return places, wanted.clamp(places[0], places[-1])


def _spline_weights(places: Tensor, wanted: Tensor) -> Tensor:
    """Matrix of cubic spline interpolation with not-a-knot ends. (wanted, places), float64

    A cubic spline is linear in its values, so that one matrix serves all heads and both axes.
    """
    count = len(places)
    if count < 4:
        return _polynomial_weights(places, wanted)
    step = places.diff()
    # Second derivatives m of the spline solve A·m = R·y (de Boor 1978, ch. IV).
    a = torch.zeros(count, count, dtype=torch.float64)
    r = torch.zeros(count, count, dtype=torch.float64)
    for i in range(1, count - 1):
        before, after = step[i - 1], step[i]
        a[i, i - 1], a[i, i], a[i, i + 1] = before, 2 * (before + after), after
        r[i, i - 1], r[i, i], r[i, i + 1] = 6 / before, -6 / before - 6 / after, 6 / after
    a[0, 0], a[0, 1], a[0, 2] = step[1], -(step[0] + step[1]), step[0]
    a[-1, -1], a[-1, -2], a[-1, -3] = step[-2], -(step[-1] + step[-2]), step[-1]
    curvature = torch.linalg.solve(a, r)  # places, places
    left = (torch.searchsorted(places, wanted, right=True) - 1).clamp(0, count - 2)
    width = step[left]
    to_right, to_left = (places[left + 1] - wanted) / width, (wanted - places[left]) / width
    identity = torch.eye(count, dtype=torch.float64)
    return (
        to_right[:, None] * identity[left]
        + to_left[:, None] * identity[left + 1]
        + ((to_right**3 - to_right) * width**2 / 6)[:, None] * curvature[left]
        + ((to_left**3 - to_left) * width**2 / 6)[:, None] * curvature[left + 1]
    )


def _polynomial_weights(places: Tensor, wanted: Tensor) -> Tensor:
    """The same for axes too short for a cubic: the polynomial through all points."""
    weights = torch.ones(len(wanted), len(places), dtype=torch.float64)
    for i, place in enumerate(places):
        for j, other in enumerate(places):
            if i != j:
                weights[:, i] *= (wanted - other) / (place - other)
    return weights
