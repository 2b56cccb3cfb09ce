"""mmdetection 2.x and 3.x: `backbone.stages.…attn.w_msa…`, with a norm for each stage.

Merging is made of `nn.Unfold`, which orders the four neighbours channel by channel: `reduction`, and in v1
the norm before it, are permuted, without any change of shape. A classification model is written with the
names that mmpretrain once had, `backbone.norm` and `head.fc`: mmdetection takes what stands under `backbone.`
and passes over the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft, swin_det
from swinkit.weights.names import NameTable, Pairs, Part, Shapes, Translation, part_around, translate

ANCHOR = "patch_embed.projection.weight"
PREFIX = "backbone."

_BLOCK, _THEIRS = "stages.{i}.blocks.{j}", "stages.{i}.blocks.{j}"
BLOCKS: Pairs = (
    ("patch_embed.proj.*", "patch_embed.projection.*"),
    ("patch_embed.norm.*", "patch_embed.norm.*"),
    ("position", "absolute_pos_embed"),
    (f"{_BLOCK}.norm1.*", f"{_THEIRS}.norm1.*"),
    (f"{_BLOCK}.norm2.*", f"{_THEIRS}.norm2.*"),
    (f"{_BLOCK}.norm3.*", f"{_THEIRS}.norm3.*"),
    (f"{_BLOCK}.attention.qkv.*", f"{_THEIRS}.attn.w_msa.qkv.*"),
    (f"{_BLOCK}.attention.q_bias", f"{_THEIRS}.attn.w_msa.q_bias"),
    (f"{_BLOCK}.attention.v_bias", f"{_THEIRS}.attn.w_msa.v_bias"),
    (f"{_BLOCK}.attention.proj.*", f"{_THEIRS}.attn.w_msa.proj.*"),
    (f"{_BLOCK}.attention.bias_table", f"{_THEIRS}.attn.w_msa.relative_position_bias_table"),
    (f"{_BLOCK}.attention.logit_scale", f"{_THEIRS}.attn.w_msa.logit_scale"),
    (f"{_BLOCK}.attention.cpb.0.*", f"{_THEIRS}.attn.w_msa.cpb_mlp.0.*"),
    (f"{_BLOCK}.attention.cpb.1.weight", f"{_THEIRS}.attn.w_msa.cpb_mlp.2.weight"),
    (f"{_BLOCK}.mlp.fc1.*", f"{_THEIRS}.ffn.layers.0.0.*"),
    (f"{_BLOCK}.mlp.fc2.*", f"{_THEIRS}.ffn.layers.1.*"),
)
MERGES_AT_END: Pairs = (
    ("stages.{i}.merge.norm.*", "stages.{i-1}.downsample.norm.*"),
    ("stages.{i}.merge.reduction.weight", "stages.{i-1}.downsample.reduction.weight"),
)
MERGES_AT_START: Pairs = (
    ("stages.{i}.merge.norm.*", "stages.{i}.downsample.norm.*"),
    ("stages.{i}.merge.reduction.weight", "stages.{i}.downsample.reduction.weight"),
)
BUFFERS: Pairs = (
    (f"{_BLOCK}.attention.relative_index", f"{_THEIRS}.attn.w_msa.relative_position_index"),
    (f"{_BLOCK}.attention.relative_coordinates", f"{_THEIRS}.attn.w_msa.relative_coords_table"),
)
PAIRS: Pairs = (
    *BLOCKS,
    *MERGES_AT_END,
    ("norms.{i}.*", "norm{i}.*"),
    ("norm.*", "norm.*"),
    ("head.*", "/head.fc.*"),
)
DROPPED = swin_det.DROPPED


def recognise(shapes: Shapes) -> bool:
    part = backbone(shapes)
    return part is not None and is_dense(part) and not swin_det.is_segmenter(part)


def backbone(names: Iterable[str]) -> Part | None:
    """The Swin in a file of the OpenMMLab family, or None."""
    part = part_around(names, ANCHOR)
    return part if part and "stages.0.blocks.0.attn.w_msa.qkv.weight" in part else None


def is_dense(part: Part) -> bool:
    """A backbone under some task, and none of mmpretrain's: one norm alone is its final norm."""
    if "head.fc.weight" in part.outside or "mask_token" in part or part.has(r".*\.logit_scale"):
        return False
    has_task = any(
        name.startswith(("decode_head.", "auxiliary_head.", "neck.", "rpn_head.", "roi_head.", "bbox_head."))
        for name in part.outside
    )
    return has_task or sum(bool(re.fullmatch(r"norm\d+\.weight", name)) for name in part.names) > 1


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = backbone(tensors)
    assert part is not None
    pairs = tuple(pair for pair in PAIRS if pair[0] != "norm.*" or not part.has(r"norm\d+\.weight"))
    found = translate(tensors, part, pairs=pairs, buffers=BUFFERS, dropped=DROPPED)
    learnt = arrange.merging_from_unfold(arrange.flat_tables(found.tensors), norm=True)
    found.tensors = arrange.tokens_as_map(learnt)
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    learnt = arrange.merging_to_unfold(arrange.row_tables(tensors), norm=True)
    buffers = NameTable(BUFFERS).write(arrange.index_buffers(config), PREFIX)
    return NameTable(PAIRS).write(arrange.tokens_as_row(learnt), PREFIX) | buffers


def policy(config: SwinConfig) -> str:
    return "dense"


def refusals(config: SwinConfig) -> Iterator[str]:
    if config.dense is None:
        yield from microsoft.classifier_refusals(config)
    else:
        yield from swin_det.dense_refusals(config)
    if len(set(config.window)) > 1 or config.window[0][0] != config.window[0][1]:
        yield f"windows that are not one square in all stages {config.window}"
    if config.version == 2:
        yield "Swin v2"
