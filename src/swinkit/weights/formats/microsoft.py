"""microsoft/Swin-Transformer, classification, v1 and v2: a `.pth` of `{'model': …}`, often with more.

Merging closes a stage there (`layers.0.downsample` lies between stages 0 and 1) and opens one here. The files
hold three kinds of buffers, which tell window, pretrained window and image size; a mask belongs to one image
size, so all are rebuilt. Old SimMIM files of v2 call the bias network `rpe_mlp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, part_around, translate

ANCHOR = "patch_embed.proj.weight"

BLOCKS: Pairs = (
    ("patch_embed.proj.*", "patch_embed.proj.*"),
    ("patch_embed.norm.*", "patch_embed.norm.*"),
    ("position", "absolute_pos_embed"),
    ("stages.{i}.blocks.{j}.norm1.*", "layers.{i}.blocks.{j}.norm1.*"),
    ("stages.{i}.blocks.{j}.norm2.*", "layers.{i}.blocks.{j}.norm2.*"),
    ("stages.{i}.blocks.{j}.attention.qkv.*", "layers.{i}.blocks.{j}.attn.qkv.*"),
    ("stages.{i}.blocks.{j}.attention.q_bias", "layers.{i}.blocks.{j}.attn.q_bias"),
    ("stages.{i}.blocks.{j}.attention.v_bias", "layers.{i}.blocks.{j}.attn.v_bias"),
    ("stages.{i}.blocks.{j}.attention.proj.*", "layers.{i}.blocks.{j}.attn.proj.*"),
    ("stages.{i}.blocks.{j}.attention.bias_table", "layers.{i}.blocks.{j}.attn.relative_position_bias_table"),
    ("stages.{i}.blocks.{j}.attention.logit_scale", "layers.{i}.blocks.{j}.attn.logit_scale"),
    ("stages.{i}.blocks.{j}.attention.cpb.0.*", "layers.{i}.blocks.{j}.attn.cpb_mlp.0.*"),
    ("stages.{i}.blocks.{j}.attention.cpb.1.weight", "layers.{i}.blocks.{j}.attn.cpb_mlp.2.weight"),
    ("stages.{i}.blocks.{j}.attention.cpb.0.*", "layers.{i}.blocks.{j}.attn.rpe_mlp.0.*"),
    ("stages.{i}.blocks.{j}.attention.cpb.1.weight", "layers.{i}.blocks.{j}.attn.rpe_mlp.2.weight"),
    ("stages.{i}.blocks.{j}.mlp.fc1.*", "layers.{i}.blocks.{j}.mlp.fc1.*"),
    ("stages.{i}.blocks.{j}.mlp.fc2.*", "layers.{i}.blocks.{j}.mlp.fc2.*"),
)
MERGES_AT_END: Pairs = (
    ("stages.{i}.merge.norm.*", "layers.{i-1}.downsample.norm.*"),
    ("stages.{i}.merge.reduction.weight", "layers.{i-1}.downsample.reduction.weight"),
)
PAIRS: Pairs = (*BLOCKS, *MERGES_AT_END, ("norm.*", "norm.*"), ("head.*", "head.*"))

BUFFERS: Pairs = (
    (
        "stages.{i}.blocks.{j}.attention.relative_index",
        "layers.{i}.blocks.{j}.attn.relative_position_index",
    ),
    (
        "stages.{i}.blocks.{j}.attention.relative_coordinates",
        "layers.{i}.blocks.{j}.attn.relative_coords_table",
    ),
    ("stages.{i}.blocks.{j}.mask", "layers.{i}.blocks.{j}.attn_mask"),
)
DROPPED = {
    "head_dist.*": "a second head, for distillation",
}

QKV = r"layers\.0\.blocks\.0\.attn\.qkv\.weight"
DENSE_NORM = r"norm\d+\.weight"


def recognise(shapes: Shapes) -> bool:
    return has_layout(shapes) and not saves_masks_alone(shapes)


def has_layout(shapes: Shapes) -> bool:
    """Microsoft's names, with mergings that close a stage and one final norm at most."""
    part = part_around(shapes, ANCHOR)
    if part is None or not part.has(QKV) or part.has(DENSE_NORM) or "mask_token" in part:
        return False
    # timm merges at the start of a stage; a file of one stage has no merging, but another name of the head.
    return not part.has(r"layers\.\d+\.downsample\..*|head\.fc\..*") or part.has(r"layers\.0\.downsample\..*")


def saves_masks_alone(shapes: Shapes) -> bool:
    """Whether of the buffers of v2 only the masks are there: the mark of timm up to 0.6."""
    endings = {name.rpartition(".")[2] for name in shapes}
    index = endings & {"relative_position_index", "relative_coords_table"}
    return "logit_scale" in endings and "attn_mask" in endings and not index


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, ANCHOR)
    assert part is not None
    found = translate(tensors, part, pairs=PAIRS, buffers=BUFFERS, dropped=DROPPED)
    found.tensors = arrange.tokens_as_map(arrange.flat_tables(found.tensors))
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    buffers = (
        arrange.index_buffers(config) | arrange.coordinate_buffers(config) | arrange.mask_buffers(config)
    )
    learnt = arrange.row_tables(arrange.tokens_as_row(tensors))
    return NameTable(PAIRS).write(learnt) | NameTable(BUFFERS).write(buffers)


def policy(config: SwinConfig) -> str:
    return "microsoft"


def refusals(config: SwinConfig) -> Iterator[str]:
    """What a config has that this format cannot hold."""
    yield from classifier_refusals(config)
    yield from one_window_refusals(config)


def classifier_refusals(config: SwinConfig) -> Iterator[str]:
    """What classification files of most libraries have no place for."""
    if config.dense is not None and config.norms:
        yield f"a norm for each of the stages {', '.join(map(str, config.dense))}"
    if not config.has_final_norm:
        yield "a backbone without a final norm"
    if config.masked_modelling:
        yield "a mask token and a pixel decoder"
    if config.extra_norm_every:
        yield "extra norms inside the stages"


def one_window_refusals(config: SwinConfig) -> Iterator[str]:
    """What a library cannot hold that has one square window, shrunk where the map is no larger."""
    windows = config.window
    if any(rows != columns for rows, columns in windows):
        yield f"windows that are not square {windows}"
    elif any(later > earlier for earlier, later in pairwise(windows)):
        yield f"windows that differ from stage to stage {tuple(side for side, _ in windows)}"
    if any(entry is not None and entry[0] != entry[1] for entry in config.pretrained_window or ()):
        yield f"pretrained windows that are not square {config.pretrained_window}"
