"""One folder for each class, with or without train, val and test above them.

    photos/cat/1.jpg   photos/dog/2.jpg         or         photos/train/cat/1.jpg   photos/val/dog/2.jpg

Folders inside a class belong to that class.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from swinkit.data.folders import (
    folders_in,
    has_picture,
    name_below,
    no_pictures,
    pictures_below,
    pictures_directly_in,
)
from swinkit.data.readers.shared import SPLIT_WORDS, no_columns
from swinkit.data.samples import ImageSet, Sample, Split, natural_order


def recognise(folder: Path) -> bool:
    return folder.is_dir() and any(has_picture(child) for child in folders_in(folder))


def read(folder: Path, *, group_by: str | None = None) -> ImageSet:
    """The samples of a folder of class folders. Raises DataError when there is no picture at all."""
    if group_by is not None:
        raise no_columns(folder, group_by)
    found = _Found()
    splits = _split_folders(folder)
    if splits:
        for child, split in splits.items():
            _collect_classes(child, folder, split, found)
        _note_what_is_no_split(folder, splits, found)
    else:
        _collect_classes(folder, folder, None, found)
    if not found.samples:
        raise no_pictures(folder, found.ignored)
    return ImageSet(
        name=folder.resolve().name,
        samples=tuple(sorted(found.samples, key=lambda sample: natural_order(sample.name))),
        classes=(),
        layout=" + ".join([*(f"{child.name}/" for child in splits), "class folders"]),
        skipped=tuple(found.skipped),
        ignored=dict(found.ignored),
        empty=tuple(found.empty),
        notes=tuple(found.notes),
    )


@dataclass
class _Found:
    """What the walk has gathered so far."""

    samples: list[Sample] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def _split_folders(folder: Path) -> dict[Path, Split]:
    """The folders that are splits; none where all are classes (and one of them may be called "train")."""
    children = [child for child in folders_in(folder) if has_picture(child)]
    splits = {
        child: SPLIT_WORDS[child.name.casefold()]
        for child in children
        if child.name.casefold() in SPLIT_WORDS and recognise(child)
    }
    return splits if "train" in splits.values() or len(splits) == len(children) else {}


def _collect_classes(above: Path, root: Path, split: Split | None, found: _Found) -> None:
    """Every folder in `above` is a class; pictures beside the folders have none."""
    labels: set[str] = set()
    for child in folders_in(above):
        pictures = list(pictures_below(child, found.ignored))
        label = unicodedata.normalize("NFC", child.name)
        if label in labels:
            found.notes.append(f"two folders {label}/ differ in their Unicode form only: they are one class")
        labels.add(label)
        found.samples += (_sample(path, root, label, split, found.names) for path in pictures)
        if not pictures:
            found.empty.append(name_below(child, root))
    for path in pictures_directly_in(above, found.ignored):
        found.skipped.append((str(path), "it lies beside the class folders, so it has no class"))


def _sample(path: Path, root: Path, label: str, split: Split | None, taken: set[str]) -> Sample:
    name = name_below(path, root)
    if name in taken:  # two files whose names differ in nothing but their Unicode form
        name += " (2)"
    taken.add(name)
    return Sample(name=name, label=label, split=split, source=path)


def _note_what_is_no_split(folder: Path, splits: dict[Path, Split], found: _Found) -> None:
    for child in folders_in(folder):
        if child not in splits and has_picture(child):
            found.notes.append(f"{child.name}/ is neither train, val nor test, so it is left out")
    for path in pictures_directly_in(folder, found.ignored):
        found.skipped.append((str(path), "it lies beside train, val and test, so it has no class"))
