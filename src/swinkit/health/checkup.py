"""A set of pictures looked through once: facts, copies, findings, and how training would divide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from swinkit.data.channels import found_channels
from swinkit.data.folders import name_below, others_below
from swinkit.data.samples import ImageSet, Sample
from swinkit.data.splits import with_splits
from swinkit.errors import DataError
from swinkit.health.copies import Copy, copy_groups, find_copies
from swinkit.health.diagnosis import diagnose
from swinkit.health.facts import Facts, examine
from swinkit.health.findings import Finding

Counting = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how far something has come: counting("reading pictures", 588) gives what is told (done, in all)."""


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What was found in a set.

    facts: of the samples, in their order. divided: the set as training would divide it, without what it would
    leave out; None where it would refuse. resplit, exclude: whether this takes --resplit, --exclude.
    """

    images: ImageSet
    facts: tuple[Facts, ...]
    copies: tuple[Copy, ...]
    findings: tuple[Finding, ...]
    divided: ImageSet | None
    resplit: bool
    exclude: bool

    @property
    def readable(self) -> tuple[Sample, ...]:
        return tuple(s for s, one in zip(self.images.samples, self.facts, strict=True) if one.readable)

    @property
    def unreadable(self) -> int:
        """How many files that are meant to be pictures cannot be read, for whatever reason."""
        return sum(len(finding.files) for finding in self.findings if finding.code == "D001")

    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures that can be read, by class and split; "all" where the data has no splits."""
        splits: Sequence[str | None] = self.images.splits() or (None,)
        classes = (*self.images.classes, *self.images.strangers())
        table = {}
        for name in classes:
            there: Counter[str | None] = Counter(
                sample.split for sample in self.readable if name in sample.shown
            )
            table[name] = {str(split or "all"): there[split] for split in splits}
        return table


def look_through(images: ImageSet, place: Path, *, seed: int = 0, counting: Counting) -> Checkup:
    """Read every picture and say what is wrong. place: where the set lies, for files that are not in it.

    Raises DataError where pictures differ so in their channels that nobody could read them alike.
    """
    channels = found_channels(images.samples)
    with counting("reading pictures", len(images)) as count:
        facts = examine(images.samples, channels, progress=count)
    with counting("comparing pictures", sum(one.readable for one in facts)) as count:
        copies = find_copies(images.samples, facts, progress=count)
    readable = _without(images, {one.name for one in facts if not one.readable})
    given = findings_in(images, facts, copies, _divided(readable, copies, resplit=False, seed=seed), place)
    codes = {finding.code for finding in given}
    resplit, exclude = bool(codes & {"D002", "D102"}) and "D004" not in codes, bool(codes & {"D003", "D006"})
    dropped = {name for one in given if exclude for name in one.leave_out}
    return Checkup(
        images=images,
        facts=facts,
        copies=copies,
        findings=given,
        divided=_divided(_without(readable, dropped), copies, resplit=resplit, seed=seed),
        resplit=resplit,
        exclude=exclude,
    )


def findings_in(
    images: ImageSet, facts: Sequence[Facts], copies: Sequence[Copy], divided: ImageSet | None, place: Path
) -> tuple[Finding, ...]:
    """What is to be said about a set that lies at `place`; see `diagnose`."""
    images = replace(images, skipped=tuple((_below(path, place), why) for path, why in images.skipped))
    beside = others_below(place) if place.is_dir() else []
    others = [(name, kind) for path, kind in beside if (name := _below(path, place)) not in images.read_from]
    return diagnose(images, facts, copies, others, divided)


def _without(images: ImageSet, names: set[str]) -> ImageSet:
    return replace(images, samples=tuple(sample for sample in images.samples if sample.name not in names))


def _divided(images: ImageSet, copies: Sequence[Copy], *, resplit: bool, seed: int) -> ImageSet | None:
    try:
        return with_splits(images, seed=seed, resplit=resplit, together=copy_groups(copies))[0]
    except DataError:  # a finding says why
        return None


def _below(path: str | Path, place: Path) -> str:
    """A path as seen from the data; as it is where it lies elsewhere."""
    return name_below(Path(path), place) if Path(path).is_relative_to(place) else str(path)
