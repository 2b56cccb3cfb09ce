"""What data is to the rest of swinkit: samples with a name, a label and pixels that come when asked for."""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from swinkit.data.containers import Packed
from swinkit.data.read import read, read_bytes, to_channels
from swinkit.errors import DataError

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One picture.

    name: unique in its set, the same on every system (below the data folder, with forward slashes, NFC).
    label: the name of its class; None where nothing is known, and in multi-label sets.
    labels: in multi-label sets the names of all its classes, which may be none; None elsewhere.
    group: what it belongs to (a patient, a film): pictures of one group are never in two splits.
    split: None until somebody decides.
    source: the file, its place inside a larger file, or the pixels themselves (H, W, C).
    """

    name: str
    label: str | None
    labels: tuple[str, ...] | None = None
    group: str | None = None
    split: Split | None = None
    source: Path | Packed | np.ndarray = field(compare=False, repr=False)

    def pixels(self, channels: int | None = 3) -> np.ndarray:
        """H, W, C as `read` gives them. Raises DataError with the path."""
        if isinstance(self.source, Path):
            return read(self.source, channels=channels)
        if not isinstance(self.source, np.ndarray):
            return read_bytes(self.source.content(), self.source.where, channels=channels)
        try:
            return to_channels(self.source, channels)
        except DataError as error:
            raise DataError(f"cannot use {self.name}: {error.message}", hint=error.hint) from error

    @property
    def path(self) -> str:
        """Where the picture lies, for messages: photos/1.jpg, shard.tar!1.jpg, or just its name."""
        if isinstance(self.source, Path):
            return str(self.source)
        return self.name if isinstance(self.source, np.ndarray) else self.source.where

    def size_in_bytes(self) -> int:
        if isinstance(self.source, Path):
            return self.source.stat().st_size
        return self.source.nbytes if isinstance(self.source, np.ndarray) else self.source.size

    def content_hash(self) -> str:
        """Equal for exact copies, wherever they lie: of a file's bytes, or of pixels that lie in no file."""
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        if isinstance(self.source, np.ndarray):
            return hashlib.sha256(repr(self.source.shape).encode() + self.source.tobytes()).hexdigest()
        return hashlib.sha256(self.source.content()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """Samples and the classes they may have; the order of `classes` is the order of a model's outputs.

    task: what the labels are for, a name from `tasks.TASKS`.
    layout: how the data lies on disk, in words.
    skipped: pictures that were left out, with the reason. ignored: other files, counted by kind.
    empty: names of class folders without a picture, of which no class is made.
    notes: sentences that a person should read before training.
    """

    name: str
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    task: str = "classification"
    layout: str = ""
    skipped: tuple[tuple[str, str], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def split(self, name: Split) -> ImageSet:
        """The samples of one split; the classes stay, so that indices mean the same everywhere."""
        return replace(self, samples=tuple(sample for sample in self.samples if sample.split == name))

    def splits(self) -> tuple[Split, ...]:
        """The splits that have samples."""
        present = {sample.split for sample in self.samples}
        order: tuple[Split, ...] = ("train", "val", "test")
        return tuple(name for name in order if name in present)

    def counts(self) -> dict[str, int]:
        """Pictures of each class, in the order of the classes, zeros included."""
        counted = Counter(sample.label for sample in self.samples)
        return {name: counted[name] for name in self.classes}

    def strangers(self) -> tuple[str, ...]:
        """Labels that are none of the classes: those of val or test that train lacks."""
        given = {sample.label for sample in self.samples if sample.label is not None}
        return tuple(sorted(given - set(self.classes), key=natural_order))

    def absent(self, split: Split) -> tuple[str, ...]:
        """The classes of which a split, where it has pictures at all, has none."""
        seen = {sample.label for sample in self.samples if sample.split == split}
        return tuple(name for name in self.classes if name not in seen) if seen else ()

    def remarks(self) -> tuple[str, ...]:
        """What a person should know before training: the notes, empty classes, classes that a split lacks."""
        empty = (f"{name}/ holds no pictures, so no class is made of it" for name in self.empty)
        absent = (
            f"{split} has no pictures of {', '.join(names)}: nothing can be said about them"
            for split in ("val", "test")
            if (names := self.absent(split))
        )
        return (*empty, *self.notes, *absent)

    def fingerprint(self) -> str:
        """A short hash of names, labels and sizes: the same wherever the same data lies, in whatever order.

        Splits and dates do not matter; contents do only as far as they change the size of a file.
        """
        lines = sorted(f"{s.name}\0{s.label}\0{s.size_in_bytes()}" for s in self.samples)
        text = "\n".join([*self.classes, "", *lines])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sorting key that puts class 2 before class 10 and does not depend on the system."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], name


def match_classes(given: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Match class names that may differ in case, spaces or Unicode form with the ones that are known.

    Raises DataError that lists every name without a match, beside the nearest known one.
    """
    found = find_classes(given, known)
    strangers = [name for name, match in found.items() if match is None]
    if strangers:
        raise unknown_classes(strangers, known)
    return {name: match for name, match in found.items() if match is not None}


def find_classes(given: Iterable[str], known: Sequence[str]) -> dict[str, str | None]:
    """The same, with None for a name that has no match."""
    exact = {_plain(name): name for name in known}
    loose: dict[str, list[str]] = {}
    for name in known:
        loose.setdefault(_loose(name), []).append(name)

    def match(name: str) -> str | None:
        candidates = loose.get(_loose(name), [])
        return exact.get(_plain(name)) or (candidates[0] if len(candidates) == 1 else None)

    return {name: match(name) for name in given}


def unknown_classes(strangers: Sequence[str], known: Sequence[str]) -> DataError:
    """The refusal of class names without a match, each beside the nearest known one."""
    return DataError(
        "unknown classes: " + ", ".join(_with_nearest(name, known) for name in strangers),
        hint=f"the known classes are {', '.join(known[:20])}{', …' if len(known) > 20 else ''}",
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name).casefold())


def _with_nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"'{name}' (nearest: '{near[0]}')" if near else f"'{name}'"
