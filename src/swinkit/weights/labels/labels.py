"""Read the stored class lists: a line is `synset TAB name`, and its number is the row of the head."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from functools import cache
from importlib.resources import files

# ImageNet-22K has no images of "teddy bear". Microsoft's map gives that class the row of the garment.
_TEDDY_BEAR, _TEDDY_THE_GARMENT = "n04399382", "n03013580"


def imagenet_1k() -> tuple[str, ...]:
    """The 1,000 names of ILSVRC 2012, all different, as torchvision writes them."""
    return tuple(name for _, name in _rows("imagenet_1k.txt"))


def imagenet_1k_synsets() -> tuple[str, ...]:
    """WordNet identifiers of the same rows, such as n01440764."""
    return tuple(synset for synset, _ in _rows("imagenet_1k.txt"))


def imagenet_22k() -> tuple[str, ...]:
    """The 21,841 names of Microsoft's ImageNet-22K heads, all different.

    Not sorted by synset like the lists of timm and transformers: rows 9,205 and 15,027 hold the synsets
    that would sort last, and every list that closes these gaps instead is off by one or two behind them.
    """
    return tuple(name for _, name in _rows("imagenet_22k.txt.xz"))


def imagenet_22k_synsets() -> tuple[str, ...]:
    """WordNet identifiers of the same rows."""
    return tuple(synset for synset, _ in _rows("imagenet_22k.txt.xz"))


def rows_22k_to_1k() -> list[int]:
    """For each class of ImageNet-1K its row in a 22K head; equal to Microsoft's data/map22kto1k.txt."""
    row = {synset: index for index, synset in enumerate(imagenet_22k_synsets())}
    return [row[_TEDDY_THE_GARMENT if s == _TEDDY_BEAR else s] for s in imagenet_1k_synsets()]


LABEL_SETS: dict[str, Callable[[], tuple[str, ...]]] = {
    "imagenet1k": imagenet_1k,
    "imagenet22k_ms": imagenet_22k,
}
"""Names by which the catalogue refers to a list."""


@cache
def _rows(name: str) -> tuple[tuple[str, str], ...]:
    stored = files(__package__).joinpath(name).read_bytes()
    text = lzma.decompress(stored) if name.endswith(".xz") else stored
    return tuple(
        (synset, name) for synset, _, name in (line.partition("\t") for line in text.decode().splitlines())
    )
