"""The numbers behind the page: what this model does with this picture. No markup here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from swinkit.drawings.features import principal_colours
from swinkit.models import BlockTrace, Preprocess, Swin, SwinConfig
from swinkit.models.attention import CosineAttention, DotProductAttention
from swinkit.windows import POLICIES, Pair, WindowPlan, window_plan

EXAMPLE = window_plan(4, 4, window=(2, 2), shifted=True, policy=POLICIES["microsoft"])
"""The plan of the textbooks: a map of 4 × 4 tokens, M = 2, s = 1."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is drawn, besides measured times."""

    config: SwinConfig
    parameters: int
    input_size: Pair
    """Pixels of the model's input."""
    picture: np.ndarray
    """The input as people see it, at a multiple of `input_size`. (h, w, 3) uint8"""
    patches: Patches
    stages: tuple[StageFacts, ...]
    teaching: Shift
    blocks: tuple[BlockFacts, ...]
    """One plain and, where the stage shifts, one shifted block of each stage."""
    answers: tuple[tuple[str, float], ...]
    """Most probable classes with their probabilities; empty without a head."""


@dataclass(frozen=True, kw_only=True)
class Patches:
    """How pixels become tokens, and one patch as an example."""

    size: Pair
    numbers: int
    """Numbers in a patch: its pixels times their channels."""
    channels: int
    map: Pair
    place: Pair
    """Row and column, on the map, of the example."""
    embedding: np.ndarray
    """Its token. (C)"""

    @property
    def tokens(self) -> int:
        return self.map[0] * self.map[1]


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """One stage at this image size."""

    index: int
    depth: int
    heads: int
    channels: int
    stride: Pair
    """Pixels of the input per token."""
    window: Pair
    """As the weights hold it; the plans may shrink it."""
    plain: WindowPlan
    shifted: WindowPlan
    features: np.ndarray
    """The stage's map as a picture: its three principal directions. (H, W, 3) uint8"""
    explained: float
    """Share of the map's variance that those directions hold, 0…1."""

    @property
    def map(self) -> Pair:
        return self.plain.map

    @property
    def shifts(self) -> bool:
        return self.depth > 1 and any(self.shifted.shift)

    @property
    def padding(self) -> int:
        """Tokens added so that the map is whole windows."""
        rows, columns = self.plain.padded
        return rows * columns - self.map[0] * self.map[1]

    @property
    def whole_windows(self) -> int:
        """Windows of a shifted block that hold one region, and so need no mask."""
        regions = self.shifted.regions()
        return int((regions == regions[:, :1]).all(dim=1).sum())


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The plan on which shifting is explained."""

    stage: int | None
    """None: no stage of this model shifts at this size, and a plan of 2 × 2 windows stands in."""
    plan: WindowPlan
    stride: tuple[float, float]

    @property
    def kinds(self) -> tuple[WindowKind, ...]:
        return window_kinds(self.plan)


@dataclass(frozen=True, kw_only=True)
class WindowKind:
    """Windows of a shifted block that share a mask."""

    name: str
    count: int
    mask: np.ndarray
    """N, N"""
    regions: np.ndarray
    """Region of each of its tokens. (N)"""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Tokens of each region, in order of first appearance."""
        _, first, counts = np.unique(self.regions, return_index=True, return_counts=True)
        return tuple(int(count) for count in counts[np.argsort(first)])

    @property
    def allowed(self) -> float:
        """Share of the pairs of tokens that may attend to each other."""
        return float((self.mask == 0).mean())


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    stage: int
    block: int
    trace: BlockTrace
    bias: np.ndarray
    """Relative position bias by offset. (heads, 2Mh−1, 2Mw−1)"""
    logit_scale: tuple[float, ...] | None
    """v2: what each head multiplies its cosines with."""

    @property
    def plan(self) -> WindowPlan:
        return self.trace.plan

    @property
    def is_shifted(self) -> bool:
        return any(self.plan.shift)


# ------------------------------------------------------------------------------------ gathering


def gather(model: Swin, pixels: np.ndarray, preprocess: Preprocess) -> Facts:
    """Run the model once on a picture (H, W, C) and note what the page shows."""
    x = preprocess(pixels)[None]
    chosen = blocks_to_show(model.config)
    with torch.inference_mode():
        trace = model.trace(x, blocks=chosen)
        tokens = model.patch_embed(x)[0]  # H, W, C
        blocks = tuple(_block(model, place, trace.blocks[place]) for place in chosen)
        answers = _answers(model, trace.last)
    stages = tuple(_stage(model, i, trace.blocks) for i in range(len(model.stages)))
    return Facts(
        config=model.config,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        input_size=preprocess.image_size,
        picture=shown_picture(pixels, preprocess),
        patches=_patches(model.config, tokens, x[0]),
        stages=stages,
        teaching=teaching_shift(stages, preprocess.image_size),
        blocks=tuple(block for block in blocks if block.is_shifted or block.block % 2 == 0),
        answers=answers,
    )


def blocks_to_show(config: SwinConfig) -> list[Pair]:
    """(stage, block) of the last plain and the last shifted block of each stage."""
    places = []
    for stage in range(config.built_stages):
        last = config.depths[stage] - 1
        places += [(stage, block) for block in range(max(last - 1, 0), last + 1)]
    return sorted(places, key=lambda place: (place[0], place[1] % 2))


def teaching_shift(stages: Sequence[StageFacts], input_size: Pair) -> Shift:
    """The shifted plan with fewest windows, at least two on each axis and not too much padding: as close to
    the paper's figure as this model comes."""
    candidates = [s for s in stages if s.shifts and all(s.shifted.shift) and min(s.shifted.grid) > 1]
    if not candidates:
        rows, columns = EXAMPLE.map
        return Shift(stage=None, plan=EXAMPLE, stride=(input_size[0] / rows, input_size[1] / columns))
    stage = min(
        candidates,
        key=lambda s: (s.padding > s.map[0] * s.map[1] / 3, s.shifted.grid[0] * s.shifted.grid[1], -s.index),
    )
    return Shift(stage=stage.index, plan=stage.shifted, stride=(stage.stride[0], stage.stride[1]))


def windows_without_cyclic_shift(plan: WindowPlan) -> int:
    """Pieces into which displaced windows cut the map: with the roll, several of them share a window."""
    regions = plan.regions()  # G, N
    return sum(len(torch.unique(window)) for window in regions)


def window_kinds(plan: WindowPlan) -> tuple[WindowKind, ...]:
    """Inner windows, right edge, bottom edge and corner of a shifted plan; kinds without windows are left
    out."""
    rows, columns = plan.grid
    names = {
        (0, 0): ("inner", (rows - 1) * (columns - 1)),
        (0, columns - 1): ("right edge", rows - 1),
        (rows - 1, 0): ("bottom edge", columns - 1),
        (rows - 1, columns - 1): ("corner", 1),
    }
    regions = plan.regions()
    return tuple(
        WindowKind(
            name=name,
            count=count,
            mask=plan.window_mask(row, column).numpy(),
            regions=regions[row * columns + column].numpy(),
        )
        for (row, column), (name, count) in names.items()
        if count
    )


def score_entries(height: int, width: int, window: Pair | None = None) -> int:
    """Scores of one head: every token with every other, or with those of its window."""
    return height * width * (window[0] * window[1] if window else height * width)


def shown_picture(pixels: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """What lies under the drawings: the model's input, finer where the picture itself is. uint8"""
    height, width = preprocess.image_size
    scale = max(preprocess.placement(pixels.shape[0], pixels.shape[1]).scale)
    finer = 1
    while finer < 3 and (finer + 1) * max(height, width) <= 720 and (finer + 1) * scale <= 1:
        finer += 1
    size = height * finer, width * finer
    return visible(preprocess.for_size(size).place(pixels))


def visible(pixels: np.ndarray) -> np.ndarray:
    """Any picture (H, W, C) as uint8 RGB: the first three channels, or one as grey; others than uint8 are
    stretched."""
    shown = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    if shown.dtype == np.uint8:
        return shown
    low, high = np.percentile(shown, (1, 99))
    stretched = (shown.astype(np.float64) - low) / max(high - low, 1e-12)
    return (stretched.clip(0, 1) * 255).round().astype(np.uint8)


def _patches(config: SwinConfig, tokens: Tensor, x: Tensor) -> Patches:
    """tokens: H, W, C. x: the input, C, h, w."""
    rows, columns = config.patch_size
    map_size = int(tokens.shape[0]), int(tokens.shape[1])
    place = _busiest_patch(x, (rows, columns), map_size)
    return Patches(
        size=(rows, columns),
        numbers=rows * columns * config.in_channels,
        channels=config.embed_dim,
        map=map_size,
        place=place,
        embedding=tokens[place].float().numpy(),
    )


def _busiest_patch(x: Tensor, patch: Pair, map_size: Pair) -> Pair:
    """The patch with most contrast in the middle half of the picture."""
    height, width = map_size[0] * patch[0], map_size[1] * patch[1]
    below, right = max(height - x.shape[1], 0), max(width - x.shape[2], 0)
    grey = torch.nn.functional.pad(x.mean(dim=0), (0, right, 0, below))[:height, :width]
    contrast = (
        grey.unfold(0, patch[0], patch[0]).unfold(1, patch[1], patch[1]).float().var((2, 3), correction=0)
    )
    top, left = map_size[0] // 4, map_size[1] // 4
    middle = contrast[top : map_size[0] - top, left : map_size[1] - left]
    index = int(middle.argmax())
    return top + index // middle.shape[1], left + index % middle.shape[1]


def _stage(model: Swin, index: int, traces: dict[Pair, BlockTrace]) -> StageFacts:
    config = model.config
    last = traces[index, config.depths[index] - 1]
    features, explained = principal_colours(last.output[0])
    plain, shifted = (
        window_plan(
            *last.plan.map,
            window=config.window[index],
            shifted=is_odd,
            policy=config.policy,
            configured=config.configured_map(index),
        )
        for is_odd in (False, True)
    )
    return StageFacts(
        index=index,
        depth=config.depths[index],
        heads=config.num_heads[index],
        channels=config.channels[index],
        stride=config.strides[index],
        window=config.window[index],
        plain=plain,
        shifted=shifted,
        features=features,
        explained=explained,
    )


def _block(model: Swin, place: Pair, trace: BlockTrace) -> BlockFacts:
    attention = model.get_submodule(f"stages.{place[0]}.blocks.{place[1]}.attention")
    assert isinstance(attention, DotProductAttention | CosineAttention)
    return BlockFacts(
        stage=place[0],
        block=place[1],
        trace=trace,
        bias=attention.position_bias(trace.plan.window).float().numpy(),
        logit_scale=_logit_scale(attention.logit_scale) if isinstance(attention, CosineAttention) else None,
    )


def _logit_scale(logarithm: Tensor) -> tuple[float, ...]:
    """What each head multiplies its cosines with: exp, clamped at 100 (Liu et al. 2022, §3.3)."""
    return tuple(logarithm.float().flatten().clamp(max=math.log(100)).exp().tolist())


def _answers(model: Swin, last: Tensor, count: int = 5) -> tuple[tuple[str, float], ...]:
    if model.head is None or model.norm is None:
        return ()
    logits = model.head(model.norm(last).mean(dim=(1, 2)))[0].float()
    found = torch.topk(logits.softmax(dim=0), min(count, len(logits)))
    names = model.labels or tuple(f"class {i}" for i in range(len(logits)))
    pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return tuple((names[index], probability) for index, probability in pairs)
