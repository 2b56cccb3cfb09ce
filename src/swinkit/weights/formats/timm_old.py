"""timm up to 0.6: Microsoft's names throughout, and of the buffers of v2 the masks alone.

v1 files hold the same buffers as Microsoft's, and are Microsoft's for all that can be seen; both
implementations agree at every size that either accepts.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation

PAIRS: Pairs = (
    *microsoft.BLOCKS,
    *microsoft.MERGES_AT_END,
    ("norm.*", "norm.*"),
    ("head.*", "head.*"),
)
DROPPED = microsoft.DROPPED


def recognise(shapes: Shapes) -> bool:
    return microsoft.has_layout(shapes) and microsoft.saves_masks_alone(shapes)


def to_native(tensors: dict[str, Tensor]) -> Translation:
    return microsoft.to_native(tensors)


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    buffers = arrange.mask_buffers(config, "microsoft" if config.version == 1 else "timm")
    if config.version == 1:
        buffers |= arrange.index_buffers(config)
    learnt = arrange.row_tables(arrange.tokens_as_row(tensors))
    return NameTable(PAIRS).write(learnt) | NameTable(microsoft.BUFFERS).write(buffers)


def policy(config: SwinConfig) -> str:
    return "timm"


def refusals(config: SwinConfig) -> Iterator[str]:
    yield from microsoft.refusals(config)
