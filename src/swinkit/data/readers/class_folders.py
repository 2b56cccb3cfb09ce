"""One folder for each class, with or without train, val and test above them.

    photos/cat/1.jpg   photos/dog/2.jpg         or         photos/train/cat/1.jpg   photos/val/dog/2.jpg

Folders inside a class belong to that class. The classes are those of train, by name, in natural order.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from swinkit.data.folders import (
    folders_in,
    has_picture,
    name_below,
    no_pictures,
    pictures_below,
    pictures_directly_in,
)
from swinkit.data.samples import ImageSet, Sample, Split, find_classes, natural_order

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def recognise(folder: Path) -> bool:
    return any(has_picture(child) for child in folders_in(folder))


def read(folder: Path) -> ImageSet:
    """The samples of a folder of class folders. Raises DataError when there is no picture at all.

    A class in val or test that train lacks stays as it is written, and is no class of the set.
    """
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
    classes = _classes(found.samples)
    samples = _with_matched_labels(found, classes)
    return ImageSet(
        name=folder.resolve().name,
        samples=tuple(sorted(samples, key=lambda sample: natural_order(sample.name))),
        classes=classes,
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
        child: SPLIT_FOLDERS[child.name.casefold()]
        for child in children
        if child.name.casefold() in SPLIT_FOLDERS and recognise(child)
    }
    return splits if "train" in splits.values() or len(splits) == len(children) else {}


def _collect_classes(above: Path, root: Path, split: Split | None, found: _Found) -> None:
    """Every folder in `above` is a class; pictures beside the folders have none."""
    for child in folders_in(above):
        pictures = list(pictures_below(child, found.ignored))
        label = unicodedata.normalize("NFC", child.name)
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


def _classes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The classes of train; of everything where there is no train."""
    taught = [sample for sample in samples if sample.split in (None, "train")]
    labels = {sample.label for sample in taught or samples if sample.label is not None}
    return tuple(sorted(labels, key=natural_order))


def _with_matched_labels(found: _Found, classes: tuple[str, ...]) -> list[Sample]:
    """The samples with the labels of val and test spelled as in train, where train has them."""
    given = sorted({sample.label or "" for sample in found.samples}, key=natural_order)
    spelt = {name: match or name for name, match in find_classes(given, classes).items()}
    respelt = [name for name in given if name != spelt[name]]
    found.notes += [f"'{name}' in val or test is taken for '{spelt[name]}'" for name in respelt]
    return [replace(sample, label=spelt[sample.label or ""]) for sample in found.samples]


def _note_what_is_no_split(folder: Path, splits: dict[Path, Split], found: _Found) -> None:
    for child in folders_in(folder):
        if child not in splits and has_picture(child):
            found.notes.append(f"{child.name}/ is neither train, val nor test, so it is left out")
    for path in pictures_directly_in(folder, found.ignored):
        found.skipped.append((str(path), "it lies beside train, val and test, so it has no class"))
