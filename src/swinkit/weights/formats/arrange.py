"""The few rearrangements of tensors between formats; each has its inverse beside it.

`q`, `k` and `v` are names of ours only until they are fused; a `qkv.bias` of v2, with a third for k that v2
does not have, only until that third is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.models.position import log_coordinates
from swinkit.windows import POLICIES, relative_index, window_plan

Tensors = dict[str, Tensor]


def each(tensors: Tensors, ending: str, change: Callable[[Tensor], Tensor]) -> Tensors:
    """Apply `change` to the tensors whose name is `ending` or ends with `.ending`."""
    return {
        name: change(tensor) if name == ending or name.endswith(f".{ending}") else tensor
        for name, tensor in tensors.items()
    }


# Bias tables: (rows, heads) there, (heads, 2Mh−1, 2Mw−1) here; (heads, rows) until the window is known ------


def flat_tables(tensors: Tensors) -> Tensors:
    return each(tensors, "bias_table", lambda table: table.T if table.dim() == 2 else table)


def row_tables(tensors: Tensors) -> Tensors:
    return each(tensors, "bias_table", lambda table: table.flatten(1).T.contiguous())


# Mask token and absolute position: (1, 1, C) and (1, L, C) there, (1, 1, 1, C) and (1, H, W, C) here --------


def tokens_as_map(tensors: Tensors) -> Tensors:
    """The position stays (1, L, C) until the map is known; (1, C, H, W) is turned at once."""
    tensors = each(tensors, "mask_token", lambda token: token[:, None] if token.dim() == 3 else token)
    return each(tensors, "position", lambda where: where.permute(0, 2, 3, 1) if where.dim() == 4 else where)


def tokens_as_row(tensors: Tensors) -> Tensors:
    tensors = each(tensors, "mask_token", lambda token: token.flatten(1, 2))
    return each(tensors, "position", lambda where: where.flatten(1, 2))


def position_channels_first(tensors: Tensors) -> Tensors:
    return each(tensors, "position", lambda where: where.permute(0, 3, 1, 2).contiguous())


# q, k, v: three matrices there, one of 3C rows here ---------------------------------------------------------

_ATTENTION = re.compile(r"(stages\.\d+\.blocks\.\d+\.attention)\.(.+)")


def _attentions(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    names = (match[1] for match in map(_ATTENTION.fullmatch, tensors) if match)
    return iter(dict.fromkeys(names))


def fuse_qkv(tensors: Tensors) -> Tensors:
    """Three matrices become `qkv.weight`, and their biases `qkv.bias` (v1) or `q_bias` and `v_bias` (v2).

    An incomplete triple is left as it is, and then found to be missing.
    """
    result = dict(tensors)
    for attention in _attentions(tensors):
        v2 = f"{attention}.logit_scale" in tensors
        if v2:
            for letter in "qv":
                if f"{attention}.{letter}.bias" in result:
                    result[f"{attention}.{letter}_bias"] = result.pop(f"{attention}.{letter}.bias")
        for leaf in ("weight",) if v2 else ("weight", "bias"):
            parts = [f"{attention}.{letter}.{leaf}" for letter in "qkv"]
            if all(part in result for part in parts):
                result[f"{attention}.qkv.{leaf}"] = torch.cat([result.pop(part) for part in parts])
    return result


def split_qkv(tensors: Tensors) -> Tensors:
    result = dict(tensors)
    for attention in _attentions(tensors):
        for leaf in ("weight", "bias"):
            if f"{attention}.qkv.{leaf}" in result:
                fused = result.pop(f"{attention}.qkv.{leaf}")
                for letter, third in zip("qkv", fused.chunk(3), strict=True):
                    result[f"{attention}.{letter}.{leaf}"] = third.clone()
        for letter in "qv":
            if f"{attention}.{letter}_bias" in result:
                result[f"{attention}.{letter}.bias"] = result.pop(f"{attention}.{letter}_bias")
    return result


def without_k_bias(tensors: Tensors) -> Tensors:
    """v2 with a whole `qkv.bias`: the middle third is unused there, and does not exist here."""
    result = dict(tensors)
    for attention in _attentions(tensors):
        if f"{attention}.logit_scale" in tensors and f"{attention}.qkv.bias" in result:
            q, _, v = result.pop(f"{attention}.qkv.bias").chunk(3)
            result[f"{attention}.q_bias"], result[f"{attention}.v_bias"] = q.clone(), v.clone()
    return result


def with_k_bias(tensors: Tensors) -> Tensors:
    result = dict(tensors)
    for attention in _attentions(tensors):
        if f"{attention}.q_bias" in result and f"{attention}.v_bias" in result:
            q, v = result.pop(f"{attention}.q_bias"), result.pop(f"{attention}.v_bias")
            result[f"{attention}.qkv.bias"] = torch.cat((q, torch.zeros_like(q), v))
    return result


# Merging: `nn.Unfold` orders the four neighbours channel by channel, Microsoft's code neighbour by neighbour

_ROWS_AND_COLUMNS = [0, 2, 1, 3]  # unfold counts columns fastest, Microsoft rows; its own inverse


def _from_unfold(tensor: Tensor) -> Tensor:
    channels = tensor.shape[-1] // 4
    by_channel = tensor.unflatten(-1, (channels, 4))
    return by_channel.transpose(-1, -2)[..., _ROWS_AND_COLUMNS, :].flatten(-2).contiguous()


def _to_unfold(tensor: Tensor) -> Tensor:
    channels = tensor.shape[-1] // 4
    by_neighbour = tensor.unflatten(-1, (4, channels))[..., _ROWS_AND_COLUMNS, :]
    return by_neighbour.transpose(-1, -2).flatten(-2).contiguous()


def merging_from_unfold(tensors: Tensors, *, norm: bool) -> Tensors:
    """norm: whether the norm lies before the reduction (v1), over the four neighbours too."""
    return _merging(tensors, _from_unfold, norm=norm)


def merging_to_unfold(tensors: Tensors, *, norm: bool) -> Tensors:
    return _merging(tensors, _to_unfold, norm=norm)


def _merging(tensors: Tensors, change: Callable[[Tensor], Tensor], *, norm: bool) -> Tensors:
    endings = ("merge.reduction.weight", *(("merge.norm.weight", "merge.norm.bias") if norm else ()))
    for ending in endings:
        tensors = each(tensors, ending, lambda t: change(t) if t.shape[-1] % 4 == 0 else t)
    return tensors


# Buffers that strict loading elsewhere wants to find --------------------------------------------------------


def index_buffers(config: SwinConfig, *, flat: bool = False) -> Tensors:
    """`relative_index` of every block: (N, N), or flat."""
    indices = {window: relative_index(window) for window in config.window}
    return {
        f"{block}.attention.relative_index": indices[config.window[stage]].flatten().clone()
        if flat
        else indices[config.window[stage]].clone()
        for stage, _, block in _blocks(config)
    }


def coordinate_buffers(config: SwinConfig) -> Tensors:
    """`relative_coordinates` of every block of a v2: (1, 2Mh−1, 2Mw−1, 2)."""
    if config.version == 1:
        return {}
    measures = config.pretrained_window or (None,) * len(config.depths)
    return {
        f"{block}.attention.relative_coordinates": log_coordinates(
            config.window[stage], measures[stage] or config.window[stage]
        )[None]
        for stage, _, block in _blocks(config)
    }


def mask_buffers(config: SwinConfig, policy: str = "microsoft") -> Tensors:
    """`mask` of every shifted block at `config.image_size`: (G, N, N). None where that is unknown."""
    masks = {}
    for stage, j, block in _blocks(config):
        if config.image_size is None or j % 2 == 0:
            continue
        rows, columns = config.map_size(config.image_size, stage)
        plan = window_plan(rows, columns, window=config.window[stage], shifted=True, policy=POLICIES[policy])
        if any(plan.shift):
            masks[f"{block}.mask"] = plan.mask()
    return masks


def _blocks(config: SwinConfig) -> Iterator[tuple[int, int, str]]:
    for stage, depth in enumerate(config.depths):
        for j in range(depth):
            yield stage, j, f"stages.{stage}.blocks.{j}"
