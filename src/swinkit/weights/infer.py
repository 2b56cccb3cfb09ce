"""The architecture of a Swin, from its tensors' names, shapes and buffers and from what stands beside them.

What the tensors tell is taken from them; a description that contradicts them is an error. What neither tells
is asked for by the name of a keyword of `load`, never guessed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import SwinConfig
from swinkit.weights.described import Facts
from swinkit.weights.formats import Format, microsoft, simmim
from swinkit.weights.geometry import BLOCK, Asked, image_size_of_masks, in_stage, pretrained_of, windows_of
from swinkit.weights.names import Translation
from swinkit.windows import POLICIES, Pair, pair


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """The architecture of a file as it stands, its tensors in their final shapes, remarks for the report."""

    config: SwinConfig
    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def infer(found: Translation, form: Format, facts: Facts, asked: Asked) -> Inferred:
    """Raises CheckpointError naming what contradicts the tensors, or the keyword that would tell the rest."""
    if facts.config is not None:
        return Inferred(config=facts.config, tensors=found.tensors)
    try:
        frame = _frame(found)
        facts, notes = _with_name(frame, facts)
        _check(frame, facts)
        frame = _with_surroundings(frame, found, form, facts, asked)
        windows = windows_of(frame, found, facts, asked)
        pretrained, remark = pretrained_of(frame, found, facts, asked, windows)
        config = replace(frame, window=windows, pretrained_window=pretrained)
    except ConfigError as error:
        raise CheckpointError(error.message, hint=error.hint) from None
    tensors = {name: _shaped(name, tensor, config) for name, tensor in found.tensors.items()}
    return Inferred(config=config, tensors=tensors, notes=(*notes, *remark))


# What names and shapes tell ---------------------------------------------------------------------------------


def _frame(found: Translation) -> SwinConfig:
    """All but windows, image size and policy; windows of one token stand in for the time being."""
    tensors = found.tensors
    conv = _required(tensors, "patch_embed.proj.weight")
    depths = _depths(tensors)
    version = _version(tensors)
    stages = len(depths)
    head, norms = tensors.get("head.weight"), _numbers(tensors, r"norms\.(\d+)\.weight")
    classes = 0 if head is None or not head.dim() else head.shape[0]
    headless = not classes and "norm.weight" not in tensors
    return SwinConfig(
        version=version,
        embed_dim=conv.shape[0],
        depths=depths,
        num_heads=tuple(_heads(tensors, stage, version) for stage in range(stages)),
        window=((1, 1),) * stages,
        patch_size=(conv.shape[2], conv.shape[3]),
        in_channels=conv.shape[1],
        mlp_ratio=_mlp_ratio(tensors, conv.shape[0], stages),
        qkv_bias=any(name.endswith(("attention.qkv.bias", "attention.q_bias")) for name in tensors),
        patch_norm="patch_embed.norm.weight" in tensors,
        extra_norm_every=min(_numbers(tensors, r"stages\.\d+\.blocks\.(\d+)\.norm3\.weight"), default=-1) + 1,
        classes=classes,
        dense=tuple(norms) or (tuple(range(stages)) if headless else None),
        norms=bool(norms) or not headless,
        masked_modelling="decoder.weight" in tensors,
    )


def _version(tensors: dict[str, Tensor]) -> Literal[1, 2]:
    v1 = any(name.endswith(".bias_table") for name in tensors)
    v2 = any(name.endswith(".logit_scale") for name in tensors)
    if v1 == v2:
        raise CheckpointError(
            "holds relative position bias tables (v1) and logit scales (v2) at once"
            if v1
            else "holds neither relative position bias tables (v1) nor logit scales (v2)"
        )
    return 2 if v2 else 1


def _depths(tensors: dict[str, Tensor]) -> tuple[int, ...]:
    depths: dict[int, int] = {}
    for match in filter(None, map(BLOCK.fullmatch, tensors)):
        stage, block = int(match[1]), int(match[2])
        depths[stage] = max(depths.get(stage, 0), block + 1)
    lacking = sorted(set(range(max(depths, default=0) + 1)) - set(depths))
    if lacking:
        raise CheckpointError(f"holds no blocks of stage {lacking[0]}")
    return tuple(depths[stage] for stage in range(len(depths)))


def _heads(tensors: dict[str, Tensor], stage: int, version: int) -> int:
    return in_stage(
        tensors, stage, "attention.bias_table" if version == 1 else "attention.logit_scale"
    ).shape[0]


def _mlp_ratio(tensors: dict[str, Tensor], embed_dim: int, stages: int) -> float:
    """The ratio of which `int(channels · ratio)` gives the hidden width of every stage, or of most."""
    hidden = {embed_dim * 2**i: in_stage(tensors, i, "mlp.fc1.weight").shape[0] for i in range(stages)}
    ratios = {width / channels for channels, width in hidden.items()}
    return max(ratios, key=lambda ratio: (sum(int(c * ratio) == width for c, width in hidden.items()), ratio))


def _required(tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors or tensors[name].dim() != 4:
        raise CheckpointError(f"lacks {name}, the convolution that makes patches")
    return tensors[name]


def _numbers(tensors: dict[str, Tensor], pattern: str) -> list[int]:
    return sorted({int(match[1]) for match in map(re.compile(pattern).fullmatch, tensors) if match})


# What stands beside -----------------------------------------------------------------------------------------


def _with_name(frame: SwinConfig, facts: Facts) -> tuple[Facts, tuple[str, ...]]:
    """The facts that a published name stands for, where the tensors are of that architecture."""
    named = facts.named
    if named is None:
        return facts, ()
    same = all(
        getattr(named, key) == getattr(frame, key) for key in ("version", "embed_dim", "depths", "num_heads")
    )
    if not same:
        return facts, (f"{facts.origin} names another architecture than the tensors have; it was not used",)
    filled = replace(
        facts,
        window=facts.window or named.window,
        image_size=facts.image_size or named.image_size,
        pretrained_window=named.pretrained_window or ()
        if facts.pretrained_window is None
        else facts.pretrained_window,
    )
    return filled, ()


def _check(frame: SwinConfig, facts: Facts) -> None:
    """All statements that contradict the tensors, at once."""
    keys = ("version", "embed_dim", "depths", "num_heads", "patch_size", "in_channels", "qkv_bias")
    wrong = [
        f"{key} is {getattr(facts, key)} there and {getattr(frame, key)} in the tensors"
        for key in keys
        if getattr(facts, key) is not None and getattr(facts, key) != getattr(frame, key)
    ]
    if wrong:
        raise CheckpointError(
            f"is contradicted by {facts.origin}: {'; '.join(wrong)}",
            hint="tensors are missing, or the description belongs to another file",
        )


def _with_surroundings(
    frame: SwinConfig, found: Translation, form: Format, facts: Facts, asked: Asked
) -> SwinConfig:
    """Image size, stages of a backbone, policy and position added."""
    wished = None if asked.image_size is None else pair(asked.image_size, "image_size")
    image_size = image_size_of_masks(frame, found) or facts.image_size
    if frame.dense is not None and not frame.norms and facts.dense is not None:
        frame = replace(frame, dense=facts.dense)
    policy = facts.policy or POLICIES[form.policy(frame)]
    rounds = frame.version == 2 and form in (microsoft, simmim)
    frame = replace(frame, image_size=image_size or wished, policy=policy, rounded_logit_limit=rounds)
    position = found.tensors.get("position")
    return frame if position is None else replace(frame, position=_map_of(position, frame))


def _map_of(position: Tensor, frame: SwinConfig) -> Pair:
    """Rows and columns of an absolute position embedding, (1, H, W, C) or (1, L, C)."""
    if position.dim() == 4:
        return position.shape[1], position.shape[2]
    tokens = position.shape[1]
    if frame.image_size is not None and math.prod(frame.map_size(frame.image_size, 0)) == tokens:
        return frame.map_size(frame.image_size, 0)
    side = math.isqrt(tokens)
    if side * side != tokens:
        raise CheckpointError(
            f"has an absolute position embedding of {tokens} tokens, which are no square map",
            hint="say for which picture it was made: image_size=(height, width)",
        )
    return side, side


# Final shapes -----------------------------------------------------------------------------------------------


def _shaped(name: str, tensor: Tensor, config: SwinConfig) -> Tensor:
    """Flat tables and positions laid out, as window and map are known; misfits are left for the check."""
    if name.endswith(".bias_table") and tensor.dim() == 2:
        mh, mw = config.window[int(name.split(".")[1])]
        rows, columns = 2 * mh - 1, 2 * mw - 1
        return tensor.reshape(-1, rows, columns) if tensor.shape[1] == rows * columns else tensor
    if name == "position" and tensor.dim() == 3 and config.position is not None:
        return tensor.reshape(1, *config.position, -1)
    return tensor
