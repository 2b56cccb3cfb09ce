"""Writing files so that a crash or a full disk never costs the version before; finding mistyped paths."""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from swinkit.errors import RunError

Content = bytes | str | Callable[[BinaryIO], object]


def write_atomically(path: str | os.PathLike[str], content: Content) -> Path:
    """Write a whole file or leave everything as it was; missing parent folders are made.

    content: bytes, text (written as UTF-8), or a function that writes to the open binary file it is given.
    The content goes to a temporary file in the same folder, is synced to disk and then renamed over `path`,
    so a reader sees the old file or the new one and never a part. Whatever goes wrong, the old file stays
    and the temporary one is removed.
    Raises RunError when the system refuses to write (disk full, no permission).
    """
    target = Path(os.path.realpath(path))  # through a link, so that the link itself survives
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_sync(temporary, content)
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; what stood there before is untouched",
            hint="free some space or choose another place to write to",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return Path(path)


def nearest_path(path: str | os.PathLike[str]) -> Path | None:
    """The existing path that a mistyped one most resembles, or None."""
    parts = Path(os.path.abspath(path)).parts
    known = Path(parts[0])
    for index, part in enumerate(parts[1:], start=1):
        if (known / part).exists():
            known = known / part
            continue
        try:
            names = {entry.name.casefold(): entry.name for entry in known.iterdir()}
        except OSError:
            return None
        close = difflib.get_close_matches(part.casefold(), names, n=1, cutoff=0.6)
        if not close:
            return None
        guess = known / names[close[0]]
        whole = guess.joinpath(*parts[index + 1 :])
        return whole if whole.exists() else guess
    return known


def did_you_mean(path: str | os.PathLike[str]) -> str:
    """A hint that names the nearest existing path, or an empty string."""
    near = nearest_path(path)
    return f"did you mean {near}?" if near is not None else ""


def _write_and_sync(path: Path, content: Content) -> None:
    with open(path, "xb") as file:
        if isinstance(content, str):
            file.write(content.encode("utf-8", "surrogateescape"))
        elif isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can sync a folder (Windows cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
