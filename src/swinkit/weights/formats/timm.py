"""timm from 0.9 on (0.8.23.dev0 already): `model.safetensors` with `config.json`, or a bare state dict.

Names are Microsoft's, but merging opens a stage as it does here, and the head is `head.fc`. Nothing but
learnt tensors is saved, so that a v2 file alone does not tell its window. `features_only=True` gives a
backbone without a final norm, and calls its stages `layers_0` and so on.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, part_around, translate

_WHOLE: Pairs = (
    *microsoft.BLOCKS,
    ("stages.{i}.merge.norm.*", "layers.{i}.downsample.norm.*"),
    ("stages.{i}.merge.reduction.weight", "layers.{i}.downsample.reduction.weight"),
    ("norm.*", "norm.*"),
    ("head.*", "head.fc.*"),
)
_FEATURES_ONLY: Pairs = tuple((ours, theirs.replace("layers.", "layers_")) for ours, theirs in _WHOLE)
PAIRS: Pairs = (*_WHOLE, *_FEATURES_ONLY)
DROPPED = {"layers.{i}.blocks.{j}.attn.k_bias": "zeros, never learnt"}


def recognise(shapes: Shapes) -> bool:
    part = part_around(shapes, microsoft.ANCHOR)
    if part is not None and "layers_0.blocks.0.attn.qkv.weight" in part:
        return True
    if part is None or not part.has(microsoft.QKV) or part.has(microsoft.DENSE_NORM) or "mask_token" in part:
        return False
    return part.has(r"layers\.\d+\.downsample\..*|head\.fc\..*") and not part.has(
        r"layers\.0\.downsample\..*"
    )


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, microsoft.ANCHOR)
    assert part is not None
    found = translate(tensors, part, pairs=PAIRS, buffers=microsoft.BUFFERS, dropped=DROPPED)
    found.tensors = arrange.flat_tables(found.tensors)
    return found


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    return NameTable(PAIRS).write(arrange.row_tables(tensors))


def policy(config: SwinConfig) -> str:
    return "timm"


def refusals(config: SwinConfig) -> Iterator[str]:
    yield from microsoft.classifier_refusals(config)
    if config.position is not None:
        yield "an absolute position embedding"
    if not config.patch_norm:
        yield "a patch embedding without a norm"
    if not config.qkv_bias and config.version == 1:
        yield "attention without a qkv bias"
