"""What must stay together when samples are divided: one patient, one film, copies of one picture."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from swinkit.data.samples import Sample, natural_order


@dataclass(frozen=True)
class Unit:
    """Samples that are never parted, in natural order of their names."""

    samples: tuple[Sample, ...]

    @cached_property
    def labels(self) -> Counter[str]:
        """How many of the samples show each class; a sample that shows none counts for the class ''."""
        return Counter(name for sample in self.samples for name in sample.shown or ("",))


def units_of(samples: Sequence[Sample], *, seed: int, together: Iterable[Sequence[str]] = ()) -> list[Unit]:
    """The units of these samples, in an order that only the seed and their first names decide.

    New pictures therefore move few others. together: names of samples that are kin for reasons of their own;
    names that are no sample's are passed over.
    """
    families = Families(sample.name for sample in samples)
    for alike in (_of_one_group(samples), _copies(samples), together):
        for names in alike:
            families.join(names)
    members: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: natural_order(sample.name)):
        members.setdefault(families.head(sample.name), []).append(sample)
    units = (Unit(tuple(some)) for some in members.values())
    return sorted(units, key=lambda unit: _place(unit, seed))


class Families:
    """Names that are joined bit by bit (union-find)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.above = {name: name for name in names}

    def head(self, name: str) -> str:
        while self.above[name] != name:
            self.above[name] = self.above[self.above[name]]
            name = self.above[name]
        return name

    def join(self, names: Sequence[str]) -> None:
        known = [name for name in names if name in self.above]
        for name in known[1:]:
            self.above[self.head(name)] = self.head(known[0])


def _of_one_group(samples: Sequence[Sample]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for sample in samples:
        if sample.group is not None:
            groups.setdefault(sample.group, []).append(sample.name)
    return list(groups.values())


def _copies(samples: Sequence[Sample]) -> list[list[str]]:
    """Names of exact copies; only samples of equal size are read at all."""
    of_size: dict[int, list[Sample]] = {}
    for sample in samples:
        of_size.setdefault(sample.size_in_bytes(), []).append(sample)
    alike: dict[str, list[str]] = {}
    for size, some in of_size.items():
        if size and len(some) > 1:
            for sample in some:
                alike.setdefault(sample.content_hash(), []).append(sample.name)
    return list(alike.values())


def _place(unit: Unit, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{unit.samples[0].name}".encode("utf-8", "surrogateescape")).digest()
