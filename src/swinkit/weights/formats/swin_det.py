"""Swin-Transformer-Object-Detection: Microsoft's names behind `backbone.`, with a norm for each stage.

`norm0` … `norm3` stand for the final norm, which a backbone does not use; the absolute position is (1, C, H,
W). A detector's neck and heads are left out. A classification model is written as what this code starts from:
Microsoft's own names, of which it takes the backbone.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Part, Shapes, Translation, part_around, translate

PREFIX = "backbone."

PAIRS: Pairs = (*microsoft.BLOCKS, *microsoft.MERGES_AT_END, ("norms.{i}.*", "norm{i}.*"))
DROPPED = {
    "norm.*": "the final norm, which a backbone with a norm for each stage does not use",
    "head.*": "the head, which a backbone does not use",
}


def recognise(shapes: Shapes) -> bool:
    part = backbone(shapes)
    return part is not None and not is_segmenter(part) and not is_detectron2(part)


def backbone(shapes: Shapes) -> Part | None:
    """The Swin in a file of this family, or None: Microsoft's names, and norms with a number."""
    part = part_around(shapes, microsoft.ANCHOR)
    return part if part and part.has(microsoft.QKV) and part.has(microsoft.DENSE_NORM) else None


def is_segmenter(part: Part) -> bool:
    return any(name.startswith(("decode_head.", "auxiliary_head.")) for name in part.outside)


def is_detectron2(part: Part) -> bool:
    return "bottom_up." in part.prefix


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, microsoft.ANCHOR)
    assert part is not None
    found = translate(tensors, part, pairs=PAIRS, buffers=microsoft.BUFFERS, dropped=DROPPED)
    found.tensors = arrange.tokens_as_map(arrange.flat_tables(found.tensors))
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig, prefix: str = PREFIX) -> dict[str, Tensor]:
    if config.dense is None:
        return microsoft.from_native(tensors, config)
    learnt = arrange.row_tables(arrange.position_channels_first(tensors))
    buffers = NameTable(microsoft.BUFFERS).write(arrange.index_buffers(config), prefix)
    return NameTable(PAIRS).write(learnt, prefix) | buffers


def policy(config: SwinConfig) -> str:
    return "dense"


def refusals(config: SwinConfig) -> Iterator[str]:
    if config.dense is None:
        yield from microsoft.refusals(config)
        return
    yield from dense_refusals(config)
    if config.version == 2:
        yield "Swin v2"
    if config.extra_norm_every:
        yield "extra norms inside the stages"


def dense_refusals(config: SwinConfig) -> Iterator[str]:
    """What detection and segmentation code of all kinds has no place for."""
    if config.classes:
        yield "maps and a head in one model"
    if config.masked_modelling:
        yield "a mask token and a pixel decoder"
    if not config.norms:
        yield "a backbone without norms"
    if len(set(config.window)) > 1 or config.window[0][0] != config.window[0][1]:
        yield f"windows that are not one square in all stages {config.window}"
