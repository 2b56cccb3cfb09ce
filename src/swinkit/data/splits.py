"""Dividing samples into train and val by class: seeded, the same everywhere, copies never on both sides."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from swinkit.data.files import did_you_mean, write_atomically
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.errors import DataError

_COLUMNS = ("name", "label", "split")


def split_by_class(
    samples: Sequence[Sample], *, fractions: tuple[float, float] = (0.8, 0.2), seed: int = 0
) -> tuple[Sample, ...]:
    """Give every sample the split "train" or "val", in these shares of each class.

    A class of two or more pictures has at least one on each side; a class of one goes to train. Exact copies
    stay together (a class that is nothing but copies of one picture is then all in train). Which picture goes
    where depends on the seed and the names, not on the order of the samples.
    Raises DataError unless the fractions are positive and sum to 1.
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(
            f"cannot split into {fractions}: the shares of train and val are positive and sum to 1"
        )
    totals = Counter(sample.label for sample in samples)
    wanted = {label: min(max(round(fractions[1] * n), 1), n - 1) for label, n in totals.items()}
    most = {label: n - 1 for label, n in totals.items()}
    groups_with: dict[str | None, list[list[Sample]]] = {label: [] for label in totals}
    for group in _shuffled(_groups_of_copies(samples), seed):
        for label in {sample.label for sample in group}:
            groups_with[label].append(group)

    in_val: Counter[str | None] = Counter()
    chosen: set[str] = set()

    def fill(label: str | None, *, up_to: int, limits: dict[str | None, int]) -> None:
        for group in groups_with[label]:
            sizes = Counter(sample.label for sample in group)
            fits = all(in_val[each] + size <= limits[each] for each, size in sizes.items())
            if in_val[label] < up_to and fits and group[0].name not in chosen:
                in_val.update(sizes)
                chosen.update(sample.name for sample in group)

    for label in sorted(
        totals, key=lambda label: (totals[label], natural_order(label or ""))
    ):  # rare ones first
        fill(label, up_to=wanted[label], limits=wanted)
        fill(label, up_to=min(wanted[label], 1), limits=most)  # a group larger than the share, if need be
    return tuple(replace(sample, split="val" if sample.name in chosen else "train") for sample in samples)


def with_validation(
    images: ImageSet, *, fractions: tuple[float, float] = (0.8, 0.2), seed: int = 0
) -> tuple[ImageSet, bool]:
    """The same images with a train and a val split, and whether a split had to be made.

    Data without splits is divided; where there is train but no val, a share of train becomes val; test is
    never touched. Raises DataError when there is nothing to train on.
    """
    if {"train", "val"} <= set(images.splits()):
        return images, False
    taught = [sample for sample in images.samples if sample.split in (None, "train")]
    if not taught:
        raise DataError(
            f"{images.name} has pictures in {' and '.join(images.splits())} only, none to train on"
        )
    divided = {sample.name: sample for sample in split_by_class(taught, fractions=fractions, seed=seed)}
    return replace(images, samples=tuple(divided.get(s.name, s) for s in images.samples)), True


def write_split(path: str | os.PathLike[str], samples: Sequence[Sample]) -> Path:
    """Save who is where: a CSV of name, label, split, in natural order of names."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for sample in sorted(samples, key=lambda sample: natural_order(sample.name)):
        table.writerow((sample.name, sample.label or "", sample.split or ""))
    return write_atomically(path, text.getvalue())


def read_split(path: str | os.PathLike[str], samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Put samples where a saved split says. Raises DataError when file and samples do not match by name."""
    assigned = _read_table(Path(path))
    names = {sample.name for sample in samples}
    new, gone = sorted(names - set(assigned)), sorted(set(assigned) - names)
    if new or gone:
        parts = [f"{len(new)} pictures are not in it ({_some(new)})"] if new else []
        parts += [f"{len(gone)} of its pictures are missing ({_some(gone)})"] if gone else []
        raise DataError(
            f"the split {path} does not fit the data: {'; '.join(parts)}",
            hint="split anew, or bring the data back to what it was",
        )
    return tuple(replace(sample, split=assigned[sample.name]) for sample in samples)


def _groups_of_copies(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples by content; only those of equal size are read at all."""
    of_size = Counter(sample.size_in_bytes() for sample in samples)
    groups: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: natural_order(sample.name)):
        alone = of_size[sample.size_in_bytes()] == 1
        key = f"name {sample.name}" if alone else sample.content_hash()
        groups.setdefault(key, []).append(sample)
    return list(groups.values())


def _shuffled(groups: list[list[Sample]], seed: int) -> list[list[Sample]]:
    """In an order that the seed and each group's first name decide, so that new pictures move few others."""

    def place(group: list[Sample]) -> bytes:
        return hashlib.sha256(f"{seed}/{group[0].name}".encode("utf-8", "surrogateescape")).digest()

    return sorted(groups, key=place)


def _read_table(path: Path) -> dict[str, Split | None]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError as error:
        raise DataError(f"there is no split file {path}", hint=did_you_mean(path)) from error
    except OSError as error:
        raise DataError(f"cannot read the split file {path}: {error.strerror or error}") from error
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise DataError(f"{path} is no split file: its first line is not {','.join(_COLUMNS)}")
    assigned: dict[str, Split | None] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(_COLUMNS) or row[2] not in ("", *get_args(Split)):
            raise DataError(f"{path}, line {number}: expected name, label and train, val or test, got {row}")
        assigned[row[0]] = cast("Split", row[2]) if row[2] else None
    return assigned


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
