"""Read the stored class lists: a line is `synset TAB name`, and its number is the row of the head."""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

_SYNSET = re.compile(r"n\d{8}")
_ALIKE = 0.9  # of two spellings of one list; another order of the same names has next to none

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


def names_of_synsets(given: Sequence[str], classes: Sequence[str]) -> dict[str, str] | None:
    """WordNet identifiers, as folders of ImageNet are named, beside the classes of a model that they mean.

    None unless all of `given` are such identifiers, and the model has each of them: by row, where its classes
    are those of ImageNet-1K or 22K in whatever spelling, else by name.
    """
    if not given or not all(_SYNSET.fullmatch(one) for one in given):
        return None
    known = set(classes)
    for names, synsets in ((imagenet_1k(), imagenet_1k_synsets()), (imagenet_22k(), imagenet_22k_synsets())):
        if len(classes) == len(names) and _same_rows(names, classes):
            found = dict(zip(synsets, classes, strict=True))
        else:
            found = {one: name for one, name in zip(synsets, names, strict=True) if name in known}
        if all(one in found for one in given):
            return {one: found[one] for one in given}
    return None


def _same_rows(names: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether two lists name the same things row by row; libraries add synonyms after a comma."""

    def first(name: str) -> str:
        return name.partition(",")[0].strip().casefold()

    alike = sum(first(one) == first(other) for one, other in zip(names, classes, strict=True))
    return alike >= _ALIKE * len(names)


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
