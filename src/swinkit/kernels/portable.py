"""The fast path that needs nothing but PyTorch; kernel name `torch`.

Where the time goes in other implementations is copying: roll, pad, partition, mask, and all of it back.
Here one gather takes the tokens from image order straight to windows, and one takes them back. Windows
that share a mask lie together, so that each kind (inner, right edge, bottom edge, corner) is one call of
scaled_dot_product_attention with one bias that broadcasts over windows and images; no mask of all
windows ever exists. Indices depend on integers only and are kept; `memory.py` keeps biases at inference.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.kernels.memory import remembered
from swinkit.windows import WindowPlan, relative_index


def window_attention(qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float) -> Tensor:
    route = route_of(plan, qkv.shape[0], qkv.device)
    q, k, v = _windowed_heads(qkv, pad, bias.shape[0], plan, route)  # each B·G, h, N, d
    return _image_order(_attend(q, k, v, bias, plan, route, scale), qkv, route)


def cosine_window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor
) -> Tensor:
    route = route_of(plan, qkv.shape[0], qkv.device)
    q, k, v = _windowed_heads(qkv, pad, bias.shape[0], plan, route)
    # Lengths and scale in float32 at least: rounded cosines would be multiplied by up to 100.
    compute_type = torch.promote_types(q.dtype, torch.float32)
    q = F.normalize(q.to(compute_type), dim=-1) * scale.to(compute_type).view(-1, 1, 1)
    k = F.normalize(k.to(compute_type), dim=-1)
    out = _attend(q.to(v.dtype), k.to(v.dtype), v, bias, plan, route, 1.0)
    return _image_order(out, qkv, route)


# ------------------------------------------------------------------------------------ attention

_HAS_BF16_PRODUCTS: bool = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def _attend(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor, plan: WindowPlan, route: Route, scale: float
) -> Tensor:
    """Attention kind by kind of window. (B·G·N, C)"""
    biases = _biases(bias, plan, route, q.dtype)
    sizes = route.windows
    results = [
        _attention(*heads, kind_bias, scale)
        for heads, kind_bias in zip(
            zip(q.split(sizes), k.split(sizes), v.split(sizes), strict=True), biases, strict=True
        )
    ]
    joined = results[0] if len(results) == 1 else torch.cat(results)  # B·G, N, h, d
    return joined.flatten(2).flatten(0, 1)


def _attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float) -> Tensor:
    """softmax(q·kᵀ·scale + bias)·v, (…, h, N, d) to (…, N, h, d)."""
    # On a CPU scaled_dot_product_attention takes its slowest path where the bias needs a gradient, and its
    # fast one does not use the processor's bf16 products as well as a batched product does.
    written_out = bias.requires_grad or (q.dtype == torch.bfloat16 and _HAS_BF16_PRODUCTS)
    if written_out and q.device.type == "cpu":
        scores = (q * scale) @ k.transpose(-2, -1)
        scores += bias
        return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale).transpose(1, 2)


def _biases(bias: Tensor, plan: WindowPlan, route: Route, dtype: torch.dtype) -> list[Tensor]:
    """Bias plus mask of each kind of window. (each 1, h, N, N)"""

    def compute() -> list[Tensor]:
        heads = bias.shape[0]
        index = relative_index(plan.window, bias.device).flatten().expand(heads, -1)
        looked_up = bias.flatten(1).gather(1, index).unflatten(1, (plan.tokens, plan.tokens))[None]
        return [(looked_up if mask is None else looked_up + mask).to(dtype) for mask in route.masks]

    return remembered(bias, (bias,), (plan, dtype), compute)


# ------------------------------------------------------------------------------------ gathering


class Route(NamedTuple):
    """The indices and masks of one plan and batch size. Windows of one kind lie together."""

    source: Tensor
    """For each token of each window its row among the B·H·W tokens; 0 for padding. (B·G·N)"""
    padding: Tensor | None
    """Which of them are padding; None when none is. (B·G·N, 1)"""
    destination: Tensor
    """For each of the B·H·W tokens its row among the windows' tokens. (B·H·W)"""
    windows: list[int]
    """Windows of each kind, over all images."""
    masks: list[Tensor | None]
    """What each kind adds to its scores; None for nothing. (each N, N)"""


@lru_cache(maxsize=128)
def route_of(plan: WindowPlan, batch: int, device: torch.device) -> Route:
    """The route of a plan for that many images; kept, for integers are all it depends on."""
    with torch.inference_mode(False):  # kept tensors must serve training later
        return _make_route(plan, batch, device)


def _make_route(plan: WindowPlan, batch: int, device: torch.device) -> Route:
    (rows, columns), tokens, size = plan.grid, plan.tokens, plan.map[0] * plan.map[1]
    kinds = [(r, c) for r, c in plan.kinds() if r.start < r.stop and c.start < c.stop]
    places = plan.source(device).view(rows, columns, tokens)
    images = torch.arange(batch, device=device)[:, None] * size  # B, 1
    source, padding = [], []
    for kind in kinds:
        place = places[kind].reshape(1, -1).expand(batch, -1)  # B, tokens of the kind
        source.append((place + images).flatten())
        padding.append((place == size).flatten())
    from_row, is_padding = torch.cat(source), torch.cat(padding)
    # Each token of the map stands in exactly one place.
    destination = torch.empty(batch * size, dtype=torch.long, device=device)
    destination[from_row[~is_padding]] = (~is_padding).nonzero().flatten()
    masks = [plan.window_mask(r.start, c.start, device) for r, c in kinds]
    return Route(
        source=from_row.masked_fill(is_padding, 0),
        padding=is_padding[:, None] if plan.padded != plan.map else None,
        destination=destination,
        windows=[batch * (r.stop - r.start) * (c.stop - c.start) for r, c in kinds],
        masks=[mask if bool(mask.any()) else None for mask in masks],
    )


def _windowed_heads(
    qkv: Tensor, pad: Tensor, heads: int, plan: WindowPlan, route: Route
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v of each window and head, without a copy beyond the gather. (each B·G, h, N, d)"""
    channels = qkv.shape[-1]
    tokens = _ToWindows.apply(
        qkv.reshape(-1, channels), pad.to(qkv.dtype), route.source, route.padding, route.destination
    )
    split = tokens.view(-1, plan.tokens, 3, heads, channels // 3 // heads)  # B·G, N, 3, h, d
    q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
    return q, k, v


def _image_order(windows: Tensor, qkv: Tensor, route: Route) -> Tensor:
    """B·G·N, C to B, H, W, C."""
    batch, height, width, _ = qkv.shape
    tokens = _FromWindows.apply(windows, route.source, route.padding, route.destination)
    return tokens.view(batch, height, width, -1)


# Gather and its inverse know each other, so that either's gradient is a gather too: index_select's own
# gradient adds row by row and is several times slower than the whole attention.


class _ToWindows(torch.autograd.Function):
    """Rows of the map, and `pad` for padding, to windows. (B·H·W, 3C) -> (B·G·N, 3C)"""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        pad: Tensor,
        source: Tensor,
        padding: Tensor | None,
        destination: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(source, padding, destination)
        windows = rows.index_select(0, source)
        return windows if padding is None else torch.where(padding, pad, windows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        source, padding, destination = ctx.saved_tensors
        grad_rows = _FromWindows.apply(grad, source, padding, destination)
        grad_pad = grad.new_zeros(grad.shape[1]) if padding is None else (grad * padding).sum(0)
        return grad_rows, grad_pad, None, None, None


class _FromWindows(torch.autograd.Function):
    """Windows back to rows of the map; padding is left behind. (B·G·N, C) -> (B·H·W, C)"""

    @staticmethod
    def forward(
        ctx: Any, windows: Tensor, source: Tensor, padding: Tensor | None, destination: Tensor
    ) -> Tensor:
        ctx.save_for_backward(source, padding, destination)
        return windows.index_select(0, destination)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        source, padding, destination = ctx.saved_tensors
        nothing = grad.new_zeros(grad.shape[1])
        return _ToWindows.apply(grad, nothing, source, padding, destination), None, None, None
