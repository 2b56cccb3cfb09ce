"""How other libraries lay a Swin out in a file: one module each, registered in one table.

To add a format, write a module with the functions of `Format` and one row of `FORMATS`; names are a table of
pairs (`weights.names`), and tensors that are laid out otherwise have a function and its inverse in `arrange`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol

from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import SwinConfig
from swinkit.weights.formats import (
    detectron2,
    huggingface,
    microsoft,
    mmdet,
    mmpretrain,
    mmseg,
    simmim,
    swin_det,
    swin_seg,
    swinkit,
    timm,
    timm_old,
    torchvision,
)
from swinkit.weights.formats.refused import refusal
from swinkit.weights.names import Shapes, Translation


class Format(Protocol):
    """What a module of a format has."""

    @property
    def DROPPED(self) -> dict[str, str]:
        """Patterns of names that are left out on purpose, and why; buffers besides."""

    def recognise(self, shapes: Shapes) -> bool:
        """Whether a file with tensors of these names and shapes is of this format."""

    def to_native(self, tensors: dict[str, Tensor]) -> Translation:
        """A file's tensors in our names and layouts."""

    def from_native(self, tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
        """The inverse, with the buffers that strict loading wants to find there."""

    def policy(self, config: SwinConfig) -> str:
        """The policy under which that library runs such a model."""

    def refusals(self, config: SwinConfig) -> Iterator[str]:
        """What the config has that the format cannot hold."""


FORMATS: dict[str, Format] = {
    "swinkit": swinkit,
    "microsoft": microsoft,
    "simmim": simmim,
    "timm": timm,
    "timm_old": timm_old,
    "huggingface": huggingface,
    "torchvision": torchvision,
    "mmdet": mmdet,
    "mmseg": mmseg,
    "mmpretrain": mmpretrain,
    "swin_det": swin_det,
    "swin_seg": swin_seg,
    "detectron2": detectron2,
}


def recognise(tensors: Mapping[str, Tensor]) -> str:
    """The name of the format of a file's tensors.

    Raises CheckpointError for a relative of Swin that swinkit does not run, and for anything unknown.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    reason = refusal(shapes)
    if reason:
        raise CheckpointError(reason)
    for name, form in FORMATS.items():
        if form.recognise(shapes):
            return name
    heads = Counter(name.partition(".")[0] for name in shapes)
    commonest = ", ".join(f"{head}. ({count})" for head, count in heads.most_common(3))
    raise CheckpointError(
        f"holds {len(shapes)} tensors, but no Swin that swinkit knows; their names begin with {commonest}",
        hint=f"the formats are {', '.join(FORMATS)}",
    )


def format_named(name: str) -> Format:
    """The module of that name. Raises CheckpointError, listing the names there are."""
    if name not in FORMATS:
        raise CheckpointError(f"there is no format named {name!r}", hint=f"formats are {', '.join(FORMATS)}")
    return FORMATS[name]
