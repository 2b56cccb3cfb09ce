"""Tar archives, in the manner of WebDataset or as folders are packed.

    shard-000.tar: 0001.jpg 0001.cls 0002.jpg 0002.cls …        photos.tar: train/cat/1.jpg val/dog/2.jpg …

What a picture shows is in the file of the same name that ends in .cls (a class name or number) or .json
(label or labels, and columns to group by), or else in the names of its folders. Splits are told by folders or
by the names of the archives. Only headers are read: a picture is found again by its offset, in any order,
whatever the archive's size. Therefore the archives must not be compressed as a whole.
"""

from __future__ import annotations

import json
import os
import tarfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from swinkit.data.containers import TarMember
from swinkit.data.read import extensions
from swinkit.data.readers.shared import (
    GROUP,
    LABEL,
    SPLIT,
    SPLIT_WORDS,
    column_named,
    first_named,
    names_beside,
    no_columns,
    split_in_name,
)
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.errors import DataError

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_SIDECARS = (".cls", ".json")


def recognise(place: Path) -> bool:
    if place.is_file():
        return place.name.casefold().endswith((".tar", *_COMPRESSED))
    return bool(_archives(place))


def read(place: Path, *, group_by: str | None = None) -> ImageSet:
    """The samples of an archive, or of all archives directly in a folder.

    Raises DataError for compressed and damaged archives, and where nothing says what pictures show.
    """
    archives = [place] if place.is_file() else _archives(place)
    found = _Found()
    for archive in archives:
        found.splits[archive] = split_in_name(archive) if place.is_dir() else None
        _list_members(archive, found)
    if not found.pictures:
        raise _no_pictures(place, found.ignored)
    if group_by is not None and not found.facts:
        raise no_columns(place, group_by)
    prefix = _common_folders([member.member for member in found.pictures])
    told = [_told(member, found, prefix, group_by) for member in found.pictures]
    samples, skipped = [], []
    for member, known in zip(found.pictures, told, strict=True):
        if known.label is None and known.labels is None:
            skipped.append((member.where, "nothing says what it shows"))
        else:
            samples.append(_sample(member, known, named_by_archive=len(archives) > 1))
    if not samples:
        raise DataError(
            f"{place}: nothing says what its pictures show",
            hint="put them into folders by class, or a .cls or .json file of the same name beside each",
        )
    several = any(sample.labels is not None for sample in samples)
    if several:
        samples = [_with_several(sample) for sample in samples]
    return ImageSet(
        name=place.resolve().name if place.is_dir() else place.name.split(".")[0],
        samples=tuple(_numbers_named(samples, names_beside(archives[0].parent))),
        classes=(),
        task="multilabel" if several else "classification",
        layout=f"tar archive {archives[0].name}" if len(archives) == 1 else f"{len(archives)} tar archives",
        skipped=tuple(skipped),
        read_from=tuple(archive.name for archive in archives),
        ignored=dict(found.ignored),
    )


def _archives(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("*.tar") if path.is_file() and not path.name.startswith("."))
    return sorted(found, key=lambda path: natural_order(path.name))


# Members --------------------------------------------------------------------------------------------------


@dataclass
class _Found:
    """What the archives hold. facts: of the pictures that have them, by archive and name without ending."""

    pictures: list[TarMember] = field(default_factory=list)
    facts: dict[tuple[Path, str], dict[str, Any]] = field(default_factory=dict)
    splits: dict[Path, Split | None] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)


def _list_members(archive: Path, found: _Found) -> None:
    if archive.name.casefold().endswith(_COMPRESSED):
        raise DataError(
            f"{archive} is compressed as a whole, so no picture can be found without reading all before it",
            hint="unpack it, or decompress it to a plain .tar; pictures do not become smaller by it anyway",
        )
    try:
        with tarfile.open(archive, "r:") as members:
            for info in members:
                _take(archive, members, info, found)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"cannot read {archive}: the archive is cut off or damaged ({error})", hint="fetch it again"
        ) from error


def _take(archive: Path, members: tarfile.TarFile, info: tarfile.TarInfo, found: _Found) -> None:
    if info.isdir():
        return
    name = _plain_name(info.name)
    ending = os.path.splitext(name)[1].casefold()
    if not info.isreg() or info.issparse():
        found.ignored["links and special files"] += 1
    elif any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
        found.ignored["hidden or system files"] += 1
    elif ending in _SIDECARS:
        content = members.extractfile(info)
        found.facts.setdefault((archive, _key(name)), {}).update(
            _facts(content.read() if content else b"", f"{archive}!{name}", ending)
        )
    elif ending in extensions():
        found.pictures.append(TarMember(archive, name, info.offset_data, info.size))
    else:
        found.ignored[ending or "without extension"] += 1


def _plain_name(name: str) -> str:
    return unicodedata.normalize("NFC", name.removeprefix("./"))


def _key(name: str) -> str:
    """What belongs to one picture: the path up to the first dot of the file name, as WebDataset has it."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.split('.')[0]}"


def _facts(content: bytes, where: str, ending: str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8").strip()
        values = {"label": text} if ending == ".cls" else json.loads(text)
    except ValueError as error:
        raise DataError(f"cannot read {where}: it is no {'text' if ending == '.cls' else 'JSON'}") from error
    if not isinstance(values, dict):
        raise DataError(f"cannot read {where}: it is no JSON object")
    return values


def _no_pictures(place: Path, ignored: Counter[str]) -> DataError:
    found = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5)) or "nothing"
    return DataError(
        f"no pictures found in {place} (found {found})",
        hint=f"pictures are files ending in {' '.join(extensions())}",
    )


# What pictures show ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    label: str | None
    labels: tuple[str, ...] | None
    split: Split | None
    group: str | None


def _told(member: TarMember, found: _Found, prefix: int, group_by: str | None) -> _Told:
    """What facts beside a picture say, and where they say nothing, what its folders say."""
    facts = found.facts.get((member.archive, _key(member.member)), {})
    folders = member.member.split("/")[prefix:-1]
    split = found.splits[member.archive]
    if folders and folders[0].casefold() in SPLIT_WORDS:
        split, folders = SPLIT_WORDS[folders[0].casefold()], folders[1:]
    column = first_named(SPLIT, list(facts))
    if column is not None:
        split = SPLIT_WORDS.get(str(facts[column]).casefold(), split)
    group = (
        column_named(group_by, list(facts), Path(member.where))
        if group_by
        else first_named(GROUP, list(facts))
    )
    label_column = first_named((*LABEL, "cls"), list(facts))
    value = facts[label_column] if label_column else folders[0] if folders else None
    several = tuple(_plain_name(str(one)) for one in value) if isinstance(value, list) else None
    return _Told(
        label=None if several is not None or value in (None, "") else _plain_name(str(value)),
        labels=several,
        split=split,
        group=None if group is None else str(facts[group]),
    )


def _common_folders(names: Sequence[str]) -> int:
    """How many folders all pictures lie in, which therefore say nothing of what they show."""
    folders = [name.split("/")[:-1] for name in names]
    count = 0
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1 or level[0].casefold() in SPLIT_WORDS:
            break
        count += 1
    return count


def _sample(member: TarMember, told: _Told, *, named_by_archive: bool) -> Sample:
    return Sample(
        name=f"{member.archive.stem}/{member.member}" if named_by_archive else member.member,
        label=told.label,
        labels=told.labels,
        group=told.group,
        split=told.split,
        source=member,
    )


def _with_several(sample: Sample) -> Sample:
    """A sample of a multi-label set, where some pictures have one label and no list."""
    return sample if sample.labels is not None else replace(sample, label=None, labels=sample.shown)


def _numbers_named(samples: Sequence[Sample], names: tuple[str, ...] | None) -> Iterator[Sample]:
    """The samples with class numbers replaced by names, where there are names for all of them."""
    given = {label for sample in samples for label in sample.shown}
    known = {str(number): name for number, name in enumerate(names or ())}
    if not given <= known.keys():
        yield from samples
        return
    for sample in samples:
        if sample.labels is not None:
            yield replace(sample, labels=tuple(known[label] for label in sample.labels))
        else:
            yield replace(sample, label=known[sample.label or ""])
