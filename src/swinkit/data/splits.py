"""Dividing samples by class: seeded, the same everywhere, what belongs together on one side.

First what must stay together is joined into units (`data/kin.py`), then units are dealt out so that every
part gets its share of every class, rare classes and large units first (iterative stratification: Sechidis,
Tsoumakas & Vlahavas 2011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from swinkit.data.kin import Unit, units_of
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.errors import DataError

ENOUGH = 200
"""Pictures from which some are set aside for the numbers at the end, beside those to choose by."""
FEW: Mapping[Split, float] = {"train": 0.8, "val": 0.2}
MANY: Mapping[Split, float] = {"train": 0.7, "val": 0.15, "test": 0.15}
TESTED: Mapping[Split, float] = {"train": 0.85, "val": 0.15}
"""Where the data brings a test split of its own."""

_NAMED = 3  # groups that are named


def with_splits(
    images: ImageSet, *, seed: int = 0, resplit: bool = False, together: Iterable[Sequence[str]] = ()
) -> tuple[ImageSet, tuple[str, ...]]:
    """The same images with a train and a val split, and sentences that say what was done.

    Splits that the data brings are kept; where there is train but no val, val is taken from train, and from
    200 pictures on test as well. Pictures without a split, in data that has splits, count as train.

    resplit: divide everything anew, whatever splits the data brings.
    together: names of pictures that belong together beside those of one group and exact copies.
    Raises DataError when there is nothing to train on, or nothing to set aside.
    """
    if resplit and images.stream is not None:
        raise DataError(
            f"{images.name} comes as a stream, which cannot be divided anew",
            hint="leave out resplit; train and val are what the stream says",
        )
    if resplit:
        images = replace(images, samples=tuple(replace(sample, split=None) for sample in images.samples))
    given = images.splits()
    free = [sample for sample in images.samples if sample.split in (None, "train")]
    if not free:
        raise DataError(f"{images.name} has pictures in {' and '.join(given)} only, none to train on")
    if is_divided(images):
        divided: Sequence[Sample] = [replace(sample, split="train") for sample in free]
        notes = _torn_apart(images)
    else:
        shares = FEW if len(free) < ENOUGH else TESTED if "test" in given else MANY
        divided = split_by_class(free, shares=shares, seed=seed, together=together)
        if all(sample.split == "train" for sample in divided):
            raise DataError(
                f"{images.name} has no class of two pictures that may be parted, so none can be set aside to "
                "choose by",
                hint="add pictures of the same classes",
            )
        notes = (_in_words(shares, grouped=any(sample.group is not None for sample in free)),)
    place = {sample.name: sample for sample in divided}
    return replace(images, samples=tuple(place.get(s.name, s) for s in images.samples)), notes


def is_divided(images: ImageSet) -> bool:
    """Whether the data brings a split to choose by, so that `with_splits` leaves it as it is."""
    return "val" in images.splits()


def split_by_class(
    samples: Sequence[Sample],
    *,
    shares: Mapping[Split, float] = FEW,
    seed: int = 0,
    together: Iterable[Sequence[str]] = (),
) -> tuple[Sample, ...]:
    """Give every sample one of the splits in `shares`, in these shares of each class.

    A class of two or more units has at least one in train and one in val, of three or more one in test too; a
    class of one goes to train. A unit is a picture, or pictures that belong together: a group, exact copies,
    what `together` names. Which picture goes where depends on the seed and the names, not on their order.
    Raises DataError unless the shares are positive, sum to 1 and have train among them.
    """
    if "train" not in shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise DataError(
            f"cannot split into {dict(shares)}: the shares are positive and sum to 1, and train has one"
        )
    parts: list[Split] = ["train", *(part for part in shares if part != "train")]
    units = units_of(samples, seed=seed, together=together)
    carriers = Counter(label for unit in units for label in unit.labels)
    wanted: list[dict[str, float]] = [{} for _ in parts]
    for label, count in _totals(units).items():
        left = count
        for number, part in enumerate(parts[1:], start=1):
            share = min(max(round(shares[part] * count), 1), left - 1) if carriers[label] > number else 0
            wanted[number][label] = share
            left -= share
        wanted[0][label] = left
    place = {
        sample.name: parts[number]
        for unit, number in zip(units, _dealt(units, wanted), strict=True)
        for sample in unit.samples
    }
    return tuple(replace(sample, split=place[sample.name]) for sample in samples)


def folds(
    samples: Sequence[Sample], *, count: int = 5, seed: int = 0, together: Iterable[Sequence[str]] = ()
) -> tuple[int, ...]:
    """The fold of each sample, 0 to count - 1, as even in every class as units allow."""
    units = units_of(samples, seed=seed, together=together)
    even = {label: total / count for label, total in _totals(units).items()}
    place = {
        sample.name: number
        for unit, number in zip(units, _dealt(units, [even] * count), strict=True)
        for sample in unit.samples
    }
    return tuple(place[sample.name] for sample in samples)


# Dealing out ----------------------------------------------------------------------------------------------


def _totals(units: Sequence[Unit]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for unit in units:
        totals.update(unit.labels)
    return totals


def _dealt(units: Sequence[Unit], wanted: Sequence[Mapping[str, float]]) -> list[int]:
    """The part that each unit goes to, so that every part comes to what it wants of every label."""
    deal = _Deal(wanted)
    having: dict[str, list[int]] = {}
    for number, unit in enumerate(units):
        for label in unit.labels:
            having.setdefault(label, []).append(number)
    place: dict[int, int] = {}
    totals = _totals(units)
    for label in sorted(having, key=lambda label: (totals[label], natural_order(label))):
        waiting = [number for number in having[label] if number not in place]
        waiting.sort(
            key=lambda number: -units[number].labels[label]
        )  # stable: else in the order of the units
        for done, number in enumerate(waiting):
            place[number] = deal.give(units[number], label, left=len(waiting) - done)
    return [place[number] for number in range(len(units))]


class _Deal:
    """What each part wants of each label and has still not got."""

    def __init__(self, wanted: Sequence[Mapping[str, float]]) -> None:
        self.wanted = wanted
        self.missing = [dict(part) for part in wanted]
        self.in_all = [sum(part.values()) for part in wanted]

    def give(self, unit: Unit, label: str, *, left: int) -> int:
        """Put a unit where its label is missed most, if it fits; where there is none of it, if need be.

        left: units with this label that are still to be given, this one among them.
        """
        parts = [part for part, wanted in enumerate(self.wanted) if wanted[label] > 0]
        empty = [part for part in parts if self.missing[part][label] == self.wanted[part][label]]
        fitting = [part for part in parts if all(self.missing[part][k] >= n for k, n in unit.labels.items())]
        candidates = (empty if left <= len(empty) else fitting) or empty or parts
        best = max(candidates, key=lambda part: (self._missed(part, label), self.in_all[part], -part))
        for name, count in unit.labels.items():
            self.missing[best][name] -= count
            self.in_all[best] -= count
        return best

    def _missed(self, part: int, label: str) -> float:
        return self.missing[part][label] / self.wanted[part][label]


# In words -------------------------------------------------------------------------------------------------


def _in_words(shares: Mapping[Split, float], *, grouped: bool) -> str:
    use = {"train": "to learn from", "val": "to choose by", "test": "for the numbers at the end"}
    parts = ", ".join(f"{share:.0%} {use[part]}" for part, share in shares.items())
    return f"split: {parts}, by class{' and group' if grouped else ''}; split.csv says which"


def _torn_apart(images: ImageSet) -> tuple[str, ...]:
    """A warning of groups that the data's own splits tear apart."""
    found: dict[str, set[Split]] = {}
    for sample in images.samples:
        if sample.group is not None and sample.split is not None:
            found.setdefault(sample.group, set()).add(sample.split)
    torn = sorted((group for group, splits in found.items() if len(splits) > 1), key=natural_order)
    if not torn:
        return ()
    named = ", ".join(torn[:_NAMED]) + (", …" if len(torn) > _NAMED else "")
    return (
        f"{len(torn)} of {len(found)} groups have pictures in more than one split ({named}), so the numbers "
        "will be too good; --resplit divides anew",
    )
