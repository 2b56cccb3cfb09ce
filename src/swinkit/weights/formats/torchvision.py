"""torchvision v1 and v2: one list `features`, in which the conv is 0 and stages and mergings take turns.

v2 saves a whole `qkv.bias`, but sets its middle third, k's, to zero at every call: that third is dropped on
the way in and written as zeros on the way out. The index buffer is flat. No pretrained windows, no absolute
position, three channels; window and patch may be rectangular, and are the same in all stages.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, part_around, translate

ANCHOR = "features.0.0.weight"

PAIRS: Pairs = (
    ("patch_embed.proj.*", "features.0.0.*"),
    ("patch_embed.norm.*", "features.0.2.*"),
    ("stages.{i}.merge.norm.*", "features.{2i}.norm.*"),
    ("stages.{i}.merge.reduction.weight", "features.{2i}.reduction.weight"),
    ("stages.{i}.blocks.{j}.norm1.*", "features.{2i+1}.{j}.norm1.*"),
    ("stages.{i}.blocks.{j}.norm2.*", "features.{2i+1}.{j}.norm2.*"),
    ("stages.{i}.blocks.{j}.attention.qkv.*", "features.{2i+1}.{j}.attn.qkv.*"),
    ("stages.{i}.blocks.{j}.attention.proj.*", "features.{2i+1}.{j}.attn.proj.*"),
    ("stages.{i}.blocks.{j}.attention.bias_table", "features.{2i+1}.{j}.attn.relative_position_bias_table"),
    ("stages.{i}.blocks.{j}.attention.logit_scale", "features.{2i+1}.{j}.attn.logit_scale"),
    ("stages.{i}.blocks.{j}.attention.cpb.0.*", "features.{2i+1}.{j}.attn.cpb_mlp.0.*"),
    ("stages.{i}.blocks.{j}.attention.cpb.1.weight", "features.{2i+1}.{j}.attn.cpb_mlp.2.weight"),
    ("stages.{i}.blocks.{j}.mlp.fc1.*", "features.{2i+1}.{j}.mlp.0.*"),
    ("stages.{i}.blocks.{j}.mlp.fc2.*", "features.{2i+1}.{j}.mlp.3.*"),
    ("norm.*", "norm.*"),
    ("head.*", "head.*"),
)
BUFFERS: Pairs = (
    (
        "stages.{i}.blocks.{j}.attention.relative_index",
        "features.{2i+1}.{j}.attn.relative_position_index",
    ),
    (
        "stages.{i}.blocks.{j}.attention.relative_coordinates",
        "features.{2i+1}.{j}.attn.relative_coords_table",
    ),
)
DROPPED: dict[str, str] = {}


def recognise(shapes: Shapes) -> bool:
    part = part_around(shapes, ANCHOR)
    return part is not None and "features.1.0.attn.qkv.weight" in part


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, ANCHOR)
    assert part is not None
    found = translate(tensors, part, pairs=PAIRS, buffers=BUFFERS, dropped=DROPPED)
    found.tensors = arrange.without_k_bias(arrange.flat_tables(found.tensors))
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    buffers = arrange.index_buffers(config, flat=True) | arrange.coordinate_buffers(config)
    learnt = arrange.with_k_bias(arrange.row_tables(tensors))
    return NameTable(PAIRS).write(learnt) | NameTable(BUFFERS).write(buffers)


def policy(config: SwinConfig) -> str:
    return "torchvision"


def refusals(config: SwinConfig) -> Iterator[str]:
    yield from microsoft.classifier_refusals(config)
    if len(set(config.window)) > 1:
        yield f"windows that differ from stage to stage {config.window}"
    if any(config.pretrained_window or ()):
        yield f"pretrained windows {config.pretrained_window}"
    if config.position is not None:
        yield "an absolute position embedding"
    if config.in_channels != 3:
        yield f"{config.in_channels} input channels instead of 3"
    if not config.patch_norm:
        yield "a patch embedding without a norm"
    if not config.qkv_bias:
        yield "attention without a qkv bias"
