"""SimMIM pre-training (microsoft/Swin-Transformer): encoder, mask token and a decoder of one convolution.

The encoder's names are Microsoft's behind `encoder.`. The decoder writes (32·32·3) channels that are then
shuffled to pixels. Fine-tuning takes the encoder alone: `load(…, classes=…)` or `load(…, dense=True)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, part_around, translate

PREFIX = "encoder."

PAIRS: Pairs = (
    *microsoft.BLOCKS,
    *microsoft.MERGES_AT_END,
    ("mask_token", "mask_token"),
    ("norm.*", "norm.*"),
    ("decoder.*", "/decoder.0.*"),
)
DROPPED = {"head.*": "the encoder's head is not trained"}


def recognise(shapes: Shapes) -> bool:
    part = part_around(shapes, microsoft.ANCHOR)
    return part is not None and part.has(microsoft.QKV) and "mask_token" in part


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, microsoft.ANCHOR)
    assert part is not None
    found = translate(tensors, part, pairs=PAIRS, buffers=microsoft.BUFFERS, dropped=DROPPED)
    found.tensors = arrange.tokens_as_map(arrange.flat_tables(found.tensors))
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    buffers = (
        arrange.index_buffers(config) | arrange.coordinate_buffers(config) | arrange.mask_buffers(config)
    )
    learnt = arrange.row_tables(arrange.tokens_as_row(tensors))
    return NameTable(PAIRS).write(learnt, PREFIX) | NameTable(microsoft.BUFFERS).write(buffers, PREFIX)


def policy(config: SwinConfig) -> str:
    return "microsoft"


def refusals(config: SwinConfig) -> Iterator[str]:
    if not config.masked_modelling:
        yield "a model without mask token and pixel decoder"
    if config.classes:
        yield "a head"
    if config.dense is not None and config.norms:
        yield f"a norm for each of the stages {', '.join(map(str, config.dense))}"
    if config.extra_norm_every:
        yield "extra norms inside the stages"
    yield from microsoft.one_window_refusals(config)
