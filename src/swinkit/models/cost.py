"""Multiply-adds of a Swin, part by part, as the paper counts them (Liu et al. 2021, §3.2, eq. 1 and 2).

Counted are convolutions, linear layers and the two products of attention. Softmax, scale, bias, mask,
norms and v2's small bias network, whose result is kept at inference, are left out. One multiply-add is
one operation here; the paper calls it a FLOP.
"""

from __future__ import annotations

from dataclasses import dataclass

from swinkit.models.config import SwinConfig
from swinkit.windows import Pair, window_plan


@dataclass(frozen=True)
class MacCount:
    """Multiply-adds for one image."""

    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def global_attention_macs(height: int, width: int, channels: int) -> int:
    """Attention of every token with every other: 4hwC² + 2(hw)²C (eq. 1). Sizes in tokens."""
    tokens = height * width
    return 4 * tokens * channels**2 + 2 * tokens**2 * channels


def window_attention_macs(height: int, width: int, channels: int, window: Pair) -> int:
    """Attention within windows: 4hwC² + 2M²hwC (eq. 2). Sizes in tokens, whole windows."""
    tokens = height * width
    return 4 * tokens * channels**2 + 2 * window[0] * window[1] * tokens * channels


def macs(config: SwinConfig, image_size: Pair) -> MacCount:
    """What one image of that many pixels costs.

    Where a map is padded to whole windows, the two products count the padding; everything else is
    computed on the map alone.
    """
    parts = dict.fromkeys(
        ("patch embedding", "qkv", "scores", "weighted values", "projection", "MLP", "merging", "head"), 0
    )
    rows, columns = config.map_size(image_size, 0)
    patch = config.patch_size[0] * config.patch_size[1] * config.in_channels
    parts["patch embedding"] = rows * columns * patch * config.embed_dim
    for stage in range(config.built_stages):
        rows, columns = config.map_size(image_size, stage)
        tokens, channels, depth = rows * columns, config.channels[stage], config.depths[stage]
        if stage:
            parts["merging"] += tokens * (2 * channels) * channels  # 4C to 2C, C of the stage before
        parts["qkv"] += depth * tokens * 3 * channels**2
        parts["scores"] += depth * _score_entries(config, image_size, stage) * channels
        parts["projection"] += depth * tokens * channels**2
        parts["MLP"] += depth * tokens * 2 * channels * int(channels * config.mlp_ratio)
    parts["weighted values"] = parts["scores"]
    last = config.channels[config.built_stages - 1]
    parts["head"] = last * config.classes
    if config.masked_modelling:
        stride = config.strides[-1]
        parts["decoder"] = rows * columns * last * stride[0] * stride[1] * config.in_channels
    return MacCount(parts)


def _score_entries(config: SwinConfig, image_size: Pair, stage: int) -> int:
    """Scores of one head in one block: tokens of the padded map times tokens of a window."""
    plan = window_plan(
        *config.map_size(image_size, stage),
        window=config.window[stage],
        shifted=False,
        policy=config.policy,
        configured=config.configured_map(stage),
    )
    return plan.padded[0] * plan.padded[1] * plan.tokens
