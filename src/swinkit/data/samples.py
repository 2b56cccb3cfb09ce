"""What data is to the rest of swinkit: samples with a name, a label and pixels that come when asked for."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from swinkit.data.containers import Decoded, Packed
from swinkit.data.pictures import unread_endings
from swinkit.data.read import read, read_bytes, to_channels
from swinkit.errors import DataError

if TYPE_CHECKING:
    from swinkit.data.streams import Stream

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One picture.

    name: unique in its set, the same on every system (below the data folder, with forward slashes, NFC).
    label: the name of its class; None where nothing is known, and in multi-label sets.
    labels: in multi-label sets the names of all its classes, which may be none; None elsewhere.
    unknown: in multi-label sets the classes of which nobody said whether it has them.
    group: what it belongs to (a patient, a film): pictures of one group are never in two splits.
    split: None until somebody decides.
    source: the file, its place inside a larger file, or the pixels themselves (H, W, C).
    """

    name: str
    label: str | None
    labels: tuple[str, ...] | None = None
    unknown: tuple[str, ...] = ()
    group: str | None = None
    split: Split | None = None
    source: Path | Packed | np.ndarray = field(compare=False, repr=False)

    def pixels(self, channels: int | None = 3, *, own_values: bool = False) -> np.ndarray:
        """H, W, C as `read` gives them. Raises DataError with the path."""
        if isinstance(self.source, Path):
            return read(self.source, channels=channels, own_values=own_values)
        source = self.source.pixels() if isinstance(self.source, Decoded) else self.source
        if not isinstance(source, np.ndarray):
            content, where = source.content(), source.where
            return read_bytes(content, where, channels=channels, own_values=own_values)
        try:
            return to_channels(source, channels, own_values=own_values)
        except DataError as error:
            raise DataError(f"cannot use {self.name}: {error.message}", hint=error.hint) from error

    @property
    def path(self) -> str:
        """Where the picture lies, for messages: photos/1.jpg, shard.tar!1.jpg, or just its name."""
        if isinstance(self.source, Path):
            return str(self.source)
        return self.name if isinstance(self.source, np.ndarray) else self.source.where

    @property
    def shown(self) -> tuple[str, ...]:
        """The classes it is known to show: one, or in multi-label sets any number."""
        if self.labels is not None:
            return self.labels
        return () if self.label is None else (self.label,)

    def size_in_bytes(self) -> int:
        """0 where there is no file, or a link that leads nowhere."""
        if isinstance(self.source, Path):
            try:
                return self.source.stat().st_size
            except OSError:
                return 0
        return self.source.nbytes if isinstance(self.source, np.ndarray) else self.source.size

    def content_hash(self) -> str:
        """Equal for exact copies, wherever they lie: of a file's bytes, or of pixels that lie in no file."""
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        if isinstance(self.source, np.ndarray):
            kind = f"{self.source.shape} {self.source.dtype}"
            return hashlib.sha256(kind.encode() + self.source.tobytes()).hexdigest()
        return hashlib.sha256(self.source.content()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """Samples and the classes they may have; the order of `classes` is the order of a model's outputs.

    task: what the labels are for, a name from `tasks.TASKS`.
    layout: how the data lies on disk, in words.
    skipped: pictures that were left out, with the reason. ignored: other files, counted by kind.
    bad_lines: lines of tables that make no sense, as table:number, with the reason.
    stream: where the pictures of train come in a stream, of which `samples` has only some.
    read_from: names of the tables and archives below the data that say or hold what there is.
    empty: names of class folders without a picture, of which no class is made.
    notes: sentences that a person should read before training.
    """

    name: str
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    task: str = "classification"
    layout: str = ""
    skipped: tuple[tuple[str, str], ...] = ()
    bad_lines: tuple[tuple[str, str], ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    read_from: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stream: Stream | None = field(default=None, compare=False, repr=False)

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
        counted = Counter(name for sample in self.samples for name in sample.shown)
        return {name: counted[name] for name in self.classes}

    def strangers(self) -> tuple[str, ...]:
        """Labels that are none of the classes: those of val or test that train lacks."""
        given = {name for sample in self.samples for name in sample.shown}
        return tuple(sorted(given - set(self.classes), key=natural_order))

    def absent(self, split: Split) -> tuple[str, ...]:
        """The classes of which a split, where it has pictures at all, has none."""
        there = [sample for sample in self.samples if sample.split == split]
        seen = {name for sample in there for name in sample.shown}
        return tuple(name for name in self.classes if name not in seen) if there else ()

    def remarks(self) -> tuple[str, ...]:
        """What a person should know before training: the notes, empty classes, classes that a split lacks."""
        unread = (
            f"{self.ignored[ending]} of the pictures ({ending}) cannot be read: their reader is missing here"
            for ending in unread_endings()
            if self.ignored.get(ending)
        )
        empty = (f"{name}/ holds no pictures, so no class is made of it" for name in self.empty)
        absent = (
            f"{split} has no pictures of {', '.join(names)}: nothing can be said about them"
            for split in ("val", "test")
            if (names := self.absent(split))
        )
        return (*unread, *empty, *self.notes, *absent)

    def fingerprint(self) -> str:
        """A short hash of names, labels and sizes: the same wherever the same data lies, in whatever order.

        Splits and dates do not matter; contents do only as far as they change the size of a file.
        """
        lines = sorted(f"{s.name}\0{_written(s)}\0{s.size_in_bytes()}" for s in self.samples)
        text = "\n".join([*self.classes, "", *lines])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sorting key that puts class 2 before class 10 and does not depend on the system."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], name


def _written(sample: Sample) -> str:
    """What is known of a sample, as one text."""
    if sample.labels is None:
        return str(sample.label)
    return "\1".join([*sorted(sample.labels), "", *sorted(sample.unknown)])
