"""Finding the pictures in folders: which files are meant to be pictures, and what else lies there."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from swinkit.data import first_bytes
from swinkit.data.files import did_you_mean
from swinkit.data.read import extensions
from swinkit.data.samples import natural_order
from swinkit.errors import DataError

_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
_SYSTEM_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"})


def list_pictures(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they were given, folders as the pictures in them at any depth, in natural order.

    Raises DataError for a path that does not exist and when there is nothing at all to read.
    """
    ignored: Counter[str] = Counter()
    found: list[Path] = []
    given = [Path(path) for path in paths]
    for path in given:
        if not path.exists():
            raise DataError(f"{path} does not exist", hint=did_you_mean(path))
        found += pictures_below(path, ignored) if path.is_dir() else [path]
    if not found:
        raise no_pictures(", ".join(map(str, given)), ignored)
    return found


def pictures_below(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    """The pictures at any depth; others are counted in `ignored` by kind; links are followed once."""
    for path, other in _files_below(folder, set()):
        if other is None:
            yield path
        else:
            ignored[other] += 1


def others_below(folder: Path) -> list[tuple[Path, str]]:
    """What else lies at any depth, each with its kind: files that are no pictures, and hidden folders."""
    return [(path, other) for path, other in _files_below(folder, set()) if other is not None]


def pictures_directly_in(folder: Path, ignored: Counter[str]) -> list[Path]:
    found = []
    for entry in _entries(folder):
        if not _is_folder(entry):
            other = _other_kind(entry)
            if other is None:
                found.append(Path(entry.path))
            else:
                ignored[other] += 1
    return found


def has_picture(folder: Path) -> bool:
    return any(True for _ in pictures_below(folder, Counter()))


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, but for hidden ones and links back, in natural order."""
    return [
        Path(entry.path)
        for entry in _entries(folder)
        if _is_folder(entry) and not _is_hidden(entry) and not _leads_back(entry)
    ]


def name_below(path: Path, root: Path) -> str:
    """A name that is the same on every system: forward slashes, composed Unicode (NFC)."""
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def no_pictures(where: str | os.PathLike[str], ignored: Counter[str]) -> DataError:
    """The refusal of a place without pictures, naming what lies there instead."""
    found = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5)) or "no files at all"
    heic = any(kind in (".heic", ".heif") for kind in ignored)
    return DataError(
        f"no pictures found in {os.fspath(where)} (looked for {len(extensions())} extensions; found {found})",
        hint="install the HEIC reader (pip install pillow-heif), or convert the files to JPEG"
        if heic
        else f"pictures are files ending in {' '.join(extensions())}",
    )


def _files_below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[tuple[Path, str | None]]:
    """Every file at any depth, with what it is if it is no picture."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:  # links may lead to one folder by several ways
        return
    seen.add((status.st_dev, status.st_ino))
    for entry in _entries(folder):
        if not _is_folder(entry):
            yield Path(entry.path), _other_kind(entry)
        elif _is_hidden(entry):
            yield Path(entry.path), "hidden or system folders"
        elif _leads_back(entry):
            yield Path(entry.path), "a link to a folder above it"
        else:
            yield from _files_below(Path(entry.path), seen)


def _other_kind(entry: os.DirEntry[str]) -> str | None:
    """None for what is meant to be a picture, by its ending (without one, by its first bytes)."""
    name = entry.name.casefold()
    if _is_hidden(entry) or name in _SYSTEM_FILES:
        return "hidden or system files"
    ending = os.path.splitext(name)[1]
    if ending in extensions() or (not ending and _starts_like_picture(entry)):
        return None
    return ending or "without extension"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link to a folder that it lies in: followed, all classes would come again below one."""
    target = os.path.realpath(entry.path)
    return entry.is_symlink() and Path(entry.path).parent.resolve().is_relative_to(target)


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    """.DS_Store and macOS's ._ companions too, and folders that systems make for themselves."""
    return entry.name.startswith(".") or entry.name.casefold() in _SYSTEM_FOLDERS


def _starts_like_picture(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_file():
            return False
        with open(entry.path, "rb") as file:
            return first_bytes.picture_kind(file.read(first_bytes.LENGTH)) is not None
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: natural_order(entry.name))
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror or error}") from error
