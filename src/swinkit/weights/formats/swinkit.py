"""Our own: `.safetensors` with one JSON string, under the key `swinkit` of its metadata, for all the rest.

The names are those of `Swin.state_dict()`. Tensors without that string are understood too, as far as they
tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.names import NOT_PART_OF_IT, Shapes, Translation, part_around

ANCHOR = "patch_embed.proj.weight"
DROPPED: dict[str, str] = {}


def recognise(shapes: Shapes) -> bool:
    part = part_around(shapes, ANCHOR)
    return part is not None and "stages.0.blocks.0.attention.qkv.weight" in part


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, ANCHOR)
    assert part is not None
    inside = {name: tensor for name, tensor in tensors.items() if name.startswith(part.prefix)}
    return Translation(
        tensors={name.removeprefix(part.prefix): tensor for name, tensor in inside.items()},
        theirs={name.removeprefix(part.prefix): name for name in inside},
        left_out=dict.fromkeys(part.outside, NOT_PART_OF_IT),
    )


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    return dict(tensors)


def policy(config: SwinConfig) -> str:
    """Where no metadata says otherwise, as for a model that we make."""
    return "microsoft" if config.dense is None else "dense"


def refusals(config: SwinConfig) -> Iterator[str]:
    return iter(())
