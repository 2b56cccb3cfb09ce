"""Copies within one set: the same file, the same pixels in another file, or a picture changed a little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from swinkit.data.kin import Families
from swinkit.data.samples import Sample, natural_order
from swinkit.errors import DataError
from swinkit.health.facts import Facts
from swinkit.health.likeness import near_copies

_MAY_BE_EQUAL = 0.99  # likeness from which two pictures of one size are compared pixel by pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Two pictures that show the same, by name.

    kind: "file" where the bytes are equal, "pixels" where those decode to the same picture, "near" where one
    was re-saved, resized, turned, mirrored, cropped or brightened. likeness: of their detail, at most 1.
    """

    first: str
    second: str
    kind: Literal["file", "pixels", "near"]
    likeness: float = 1.0


def find_copies(
    samples: Sequence[Sample],
    facts: Sequence[Facts],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Copy, ...]:
    """Every picture beside its copies. facts: of the same samples, in the same order.

    Of many files of the same bytes the first, in natural order, stands for the others. Pictures without a
    thumbnail are compared by their bytes alone. progress: called with (pictures compared, pictures in all).
    """
    sources = {sample.name: sample for sample in samples}
    originals: dict[str, Facts] = {}
    copies: list[Copy] = []
    for one in sorted((one for one in facts if one.readable), key=lambda one: natural_order(one.name)):
        original = originals.setdefault(one.digest, one)
        if original is not one:
            copies.append(Copy(first=original.name, second=one.name, kind="file"))
    different = [one for one in originals.values() if one.thumbnail is not None]
    if different:
        thumbnails = np.stack([one.thumbnail for one in different if one.thumbnail is not None])
        for pair in near_copies(thumbnails, progress=progress):
            first, second = different[pair.first], different[pair.second]
            equal = pair.likeness > _MAY_BE_EQUAL and _equal(first, second, sources)
            copies.append(
                Copy(
                    first=first.name,
                    second=second.name,
                    kind="pixels" if equal else "near",
                    likeness=1.0 if equal else pair.likeness,
                )
            )
    return tuple(copies)


def copy_groups(copies: Iterable[Copy]) -> tuple[tuple[str, ...], ...]:
    """Names of pictures that are copies of one another, directly or by way of others, in natural order."""
    pairs = [(copy.first, copy.second) for copy in copies]
    families = Families(name for pair in pairs for name in pair)
    for pair in pairs:
        families.join(pair)
    members: dict[str, list[str]] = {}
    for name in sorted(families.above, key=natural_order):
        members.setdefault(families.head(name), []).append(name)
    return tuple(tuple(names) for names in members.values())


def _equal(first: Facts, second: Facts, sources: dict[str, Sample]) -> bool:
    """Whether two pictures are the same, pixel by pixel."""
    if first.header is None or second.header is None or first.header.size != second.header.size:
        return False
    try:
        return np.array_equal(sources[first.name].pixels(None), sources[second.name].pixels(None))
    except DataError:  # it has gone since its facts were found
        return False
