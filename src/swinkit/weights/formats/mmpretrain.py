"""mmpretrain (once mmclassification), v1 and v2: `mmdet`'s names, a final norm `norm3` and `head.fc`.

v2 merges at the start of a stage, permutes the reduction but not the norm after it, and in its huge sizes has
a norm after every n-th block, `blocks.j.norm3`: not to be confused with `norm3`, the final norm of four
stages. A model that gives maps has `norm0` to `norm3`, the last of which is the final norm, too. Its SimMIM
has the mask token in the backbone and the decoder in `neck.decoder.0`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, mmdet
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, translate

PREFIX = "backbone."

_AROUND: Pairs = (
    ("mask_token", "mask_token"),
    ("norms.{i}.*", "norm{i}.*"),
    ("norm.*", "norm.*"),  # older versions
    ("head.*", "/head.fc.*"),
    ("decoder.*", "/neck.decoder.0.*"),
)
PAIRS_V1: Pairs = (*mmdet.BLOCKS, *mmdet.MERGES_AT_END, *_AROUND)
PAIRS_V2: Pairs = (*mmdet.BLOCKS, *mmdet.MERGES_AT_START, *_AROUND)
DROPPED: dict[str, str] = {}


def recognise(shapes: Shapes) -> bool:
    part = mmdet.backbone(shapes)
    return part is not None and not mmdet.is_dense(part)


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = mmdet.backbone(tensors)
    assert part is not None
    v1 = not part.has(r".*\.logit_scale")
    found = translate(
        tensors, part, pairs=PAIRS_V1 if v1 else PAIRS_V2, buffers=mmdet.BUFFERS, dropped=DROPPED
    )
    learnt = arrange.merging_from_unfold(arrange.flat_tables(found.tensors), norm=v1)
    found.tensors = _with_final_norm(arrange.tokens_as_map(learnt), found.theirs)
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    v1 = config.version == 1
    learnt = _without_final_norm(tensors, len(config.depths) - 1)
    learnt = arrange.merging_to_unfold(arrange.row_tables(learnt), norm=v1)
    buffers = arrange.index_buffers(config) | arrange.coordinate_buffers(config)
    names = NameTable(PAIRS_V1 if v1 else PAIRS_V2)
    written = names.write(arrange.tokens_as_row(learnt), PREFIX)
    return written | NameTable(mmdet.BUFFERS).write(buffers, PREFIX)


def _with_final_norm(tensors: dict[str, Tensor], theirs: dict[str, str]) -> dict[str, Tensor]:
    """The last stage's norm is the final norm: besides, where other stages have one too, or else instead."""
    stages = {int(name.split(".")[1]) for name in tensors if name.startswith("norms.")}
    if not stages or "norm.weight" in tensors:
        return tensors
    last, is_backbone = f"norms.{max(stages)}.", len(stages) > 1
    result = {}
    for name, tensor in tensors.items():
        if not name.startswith(last) or is_backbone:
            result[name] = tensor
        if name.startswith(last) and (not is_backbone or "head.weight" in tensors):
            result[name.replace(last, "norm.")] = tensor
            theirs[name.replace(last, "norm.")] = theirs[name]
    return result


def _without_final_norm(tensors: dict[str, Tensor], last: int) -> dict[str, Tensor]:
    result = {}
    for name, tensor in tensors.items():
        merged = f"norms.{last}.{name.removeprefix('norm.')}" if name.startswith("norm.") else name
        if merged != name and not torch.equal(tensors.get(merged, tensor), tensor):
            raise CheckpointError(
                "mmpretrain has one norm for the last map and for the head; here they differ"
            )
        result[merged] = tensor
    return result


def policy(config: SwinConfig) -> str:
    return "microsoft"


def refusals(config: SwinConfig) -> Iterator[str]:
    last = len(config.depths) - 1
    if config.dense is not None and (not config.norms or last not in config.dense):
        yield "maps without the norm of the last stage"
    if config.classes and config.masked_modelling:
        yield "a head and a pixel decoder in one model"
    if any(rows != columns for rows, columns in config.window):
        yield f"windows that are not square {config.window}"
    if config.version == 1 and len(set(config.window)) > 1:
        yield f"windows that differ from stage to stage {config.window}"
    if config.version == 1 and config.extra_norm_every:
        yield "extra norms in v1"
