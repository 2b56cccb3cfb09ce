"""Class names: which a set has and in what order, and names that mean the same in different spellings."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from swinkit.data.files import did_you_mean
from swinkit.data.samples import ImageSet, Sample, natural_order
from swinkit.errors import DataError


def with_classes(images: ImageSet, classes: Sequence[str] | None = None) -> ImageSet:
    """The images with their class list fixed, and every label spelt as it is there.

    classes: the names in their order; by default those of train (of everything where there is no train), in
        natural order.
    A label that is none of the classes stays, as one of `strangers()`; but in multi-label sets what val and
    test have beyond train is left out, with a note, since nothing could have been learnt of it.
    """
    fixed = tuple(_taught(images) if classes is None else classes)
    given = sorted({name for sample in images.samples for name in _mentioned(sample)}, key=natural_order)
    found = find_classes(given, fixed)
    notes = [
        _respelt(name, match, classes is None) for name, match in found.items() if match not in (None, name)
    ]
    dropped = [name for name, match in found.items() if match is None]
    if images.task != "multilabel" or classes is not None:
        spelt = {name: match or name for name, match in found.items()}
    else:
        spelt = {name: match for name, match in found.items() if match is not None}
        if dropped:
            notes.append(f"val or test has labels that train lacks, which are left out: {', '.join(dropped)}")
    if classes is not None:
        notes += _without_pictures(fixed, set(spelt.values()))
    return replace(
        images,
        samples=tuple(_spelt(sample, spelt) for sample in images.samples),
        classes=fixed,
        notes=(*images.notes, *notes),
    )


def read_classes(path: str | Path) -> tuple[str, ...]:
    """The names in a text file, one in each line, in their order. Raises DataError for none and for twins."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"there is no list of classes {path}", hint=did_you_mean(path)) from error
    except OSError as error:
        raise DataError(f"cannot read the list of classes {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"the list of classes {path} is no text in UTF-8") from error
    names = [_plain(line.strip()) for line in lines if line.strip()]
    twins = sorted({name for name in names if names.count(name) > 1})
    if not names or twins:
        what = f"names {', '.join(twins)} twice" if twins else "is empty"
        raise DataError(f"the list of classes {path} {what}", hint="write each class into a line of its own")
    return tuple(names)


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


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that differ in nothing but case, spaces, hyphens or Unicode form, together."""
    loose: dict[str, list[str]] = {}
    for name in names:
        loose.setdefault(_loose(name), []).append(name)
    return [tuple(some) for some in loose.values() if len(some) > 1]


def unknown_classes(strangers: Sequence[str], known: Sequence[str]) -> DataError:
    """The refusal of class names without a match, each beside the nearest known one."""
    return DataError(
        "unknown classes: " + ", ".join(with_nearest(name, known) for name in strangers),
        hint=f"the known classes are {', '.join(known[:20])}{', …' if len(known) > 20 else ''}",
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name).casefold())


def with_nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"'{name}' (nearest: '{near[0]}')" if near else f"'{name}'"


def _taught(images: ImageSet) -> list[str]:
    """The names in train; in everything where there is no train."""
    taught = [sample for sample in images.samples if sample.split in (None, "train")] or images.samples
    return sorted({name for sample in taught for name in _mentioned(sample)}, key=natural_order)


def _mentioned(sample: Sample) -> tuple[str, ...]:
    return (*sample.shown, *sample.unknown)


def _spelt(sample: Sample, spelt: dict[str, str]) -> Sample:
    if sample.labels is None:
        return replace(sample, label=None if sample.label is None else spelt[sample.label])
    return replace(
        sample,
        labels=tuple(spelt[name] for name in sample.labels if name in spelt),
        unknown=tuple(spelt[name] for name in sample.unknown if name in spelt),
    )


def _respelt(name: str, match: str | None, by_train: bool) -> str:
    where = " in val or test" if by_train else ""
    return f"'{name}'{where} is taken for '{match}'"


def _without_pictures(classes: Sequence[str], seen: set[str]) -> list[str]:
    absent = [name for name in classes if name not in seen]
    return [f"there are no pictures of {', '.join(absent)}, which the list of classes has"] if absent else []
