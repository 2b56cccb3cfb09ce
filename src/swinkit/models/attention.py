"""(Shifted) window attention with its two ways of scoring: dot product (v1) and scaled cosine (v2)."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinkit import kernels
from swinkit.kernels import reference
from swinkit.kernels.memory import remembered
from swinkit.models.position import centre, log_coordinates
from swinkit.windows import Pair, WindowPlan


class DotProductAttention(nn.Module):
    """W-MSA and SW-MSA of v1 (Liu et al. 2021, §3.2, eq. 4)."""

    def __init__(self, dim: int, heads: int, window: Pair, *, qkv_bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.bias_table = nn.Parameter(torch.zeros(heads, 2 * window[0] - 1, 2 * window[1] - 1))
        self.proj = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.bias_table, std=0.02)

    def forward(self, x: Tensor, plan: WindowPlan) -> Tensor:  # B, H, W, C
        bias = centre(self.bias_table, plan.window)
        qkv = self.qkv(x)
        return self.proj(kernels.window_attention(qkv, self.padding(), bias, plan, self.scale(x.shape[-1])))

    def weights(self, x: Tensor, plan: WindowPlan) -> Tensor:
        """Attention weights of every window. (B, G, h, N, N)"""
        qkv = self.qkv(x)
        q, k, _ = reference.windowed_heads(qkv, self.padding(), self.heads, plan)
        return reference.attention_weights(
            q * self.scale(x.shape[-1]), k, centre(self.bias_table, plan.window), plan
        )

    def position_bias(self, window: Pair) -> Tensor:
        """Bias by offset for a window. (h, 2Mh−1, 2Mw−1)"""
        return centre(self.bias_table, window)

    def scale(self, channels: int) -> float:
        """d^−½, computed anew: a compiler takes a float that a module holds for a variable."""
        return (channels // self.heads) ** -0.5

    def padding(self) -> Tensor:
        """q, k, v of a token that is zero: the qkv bias. (3C)"""
        weight = self.qkv.weight
        return weight.new_zeros(weight.shape[0]) if self.qkv.bias is None else self.qkv.bias


class CosineAttention(nn.Module):
    """The same of v2: cosine scores and a continuous position bias (Liu et al. 2022, §3.3)."""

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        pretrained_window: Pair | None,
        qkv_bias: bool,
        rounded_logit_limit: bool = False,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.pretrained_window = pretrained_window
        self.rounded_logit_limit = rounded_logit_limit
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        # There is no k bias: it would shift all scores of a query alike.
        self.q_bias = nn.Parameter(torch.zeros(dim)) if qkv_bias else None
        self.v_bias = nn.Parameter(torch.zeros(dim)) if qkv_bias else None
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10)))
        self.cpb = nn.ModuleList([nn.Linear(2, 512), nn.Linear(512, heads, bias=False)])
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, plan: WindowPlan) -> Tensor:  # B, H, W, C
        pad = self.padding()
        qkv = F.linear(x, self.qkv.weight, pad)
        out = kernels.cosine_window_attention(qkv, pad, self.position_bias(plan.window), plan, self.scale())
        return self.proj(out)

    def weights(self, x: Tensor, plan: WindowPlan) -> Tensor:
        """Attention weights of every window. (B, G, h, N, N)"""
        pad = self.padding()
        q, k, _ = reference.windowed_heads(F.linear(x, self.qkv.weight, pad), pad, self.heads, plan)
        q, k = reference.cosine_heads(q, k, self.scale())
        return reference.attention_weights(q, k, self.position_bias(plan.window), plan)

    def position_bias(self, window: Pair) -> Tensor:
        """16·sigmoid of a small network of log-spaced offsets (eq. 3). (h, 2Mh−1, 2Mw−1)

        A window that shrank without a pretrained one is its own measure. Coordinates and network run
        in float32 at least: rounded coordinates would move the bias.
        """
        first, second = cast("list[nn.Linear]", list(self.cpb))

        def compute() -> Tensor:
            coordinates = log_coordinates(
                window, self.pretrained_window or window, device=first.weight.device
            )
            compute_type = torch.promote_types(first.weight.dtype, torch.float32)
            with torch.autocast(first.weight.device.type, enabled=False):
                hidden = F.linear(
                    coordinates.to(compute_type), first.weight.to(compute_type), first.bias.to(compute_type)
                )
                bias = F.linear(F.relu(hidden), second.weight.to(compute_type))
                return (16 * torch.sigmoid(bias)).permute(2, 0, 1).contiguous()

        weights = (first.weight, first.bias, second.weight)
        return remembered(second.weight, weights, (window, self.pretrained_window), compute)

    def scale(self) -> Tensor:
        """exp of the logit scale, clamped at 100 before exp. (h)"""
        compute_type = torch.promote_types(self.logit_scale.dtype, torch.float32)
        limit = 4.605170249938965 if self.rounded_logit_limit else math.log(100)
        return self.logit_scale.to(compute_type).clamp(max=limit).exp().flatten()

    def padding(self) -> Tensor:
        """q, k, v of a token that is zero: the qkv bias. (3C)"""
        if self.q_bias is None or self.v_bias is None:
            return self.qkv.weight.new_zeros(self.qkv.weight.shape[0])
        return torch.cat((self.q_bias, torch.zeros_like(self.q_bias), self.v_bias))
