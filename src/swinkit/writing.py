"""Writing so that nothing is spoilt: files whole or not at all, names without what a terminal would obey."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from swinkit.errors import RunError

# The last two kinds break lines too, or turn round the direction in which what follows is shown.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

Encoded = bytes | Callable[[IO[bytes]], object]
Content = str | Encoded


def printable(text: str, keep: str = "") -> str:
    """A text in which control characters, which names of files may have, are spelt: \\n, \\x1b.

    keep: those that stay.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def write_atomically(path: str | os.PathLike[str], content: Content) -> Path:
    """Write a whole file or leave everything as it was; missing parent folders are made.

    content: bytes, text (written as UTF-8), or a function that writes to the open binary file it is given.
    Bytes of a name that are no UTF-8 are written as they were, in JSON as the escapes that it has for them.
    The content goes to a temporary file in the same folder, is synced to disk and then renamed over `path`,
    so a reader sees the old file or the new one and never a part. Whatever goes wrong, the old file stays
    and the temporary one is removed.
    Raises RunError when the system refuses to write (disk full, no permission).
    """
    target = Path(os.path.realpath(path))  # through a link, so that the link itself survives
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_sync(temporary, _encoded(content, target.suffix))
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; what stood there before is untouched",
            hint="free some space or choose another place to write to",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return Path(path)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where the system can sync a folder (Windows cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Disk(io.RawIOBase):
    """A new file; remembers what the system refused, of which some writers make errors of their own."""

    def __init__(self, path: Path) -> None:
        binary = getattr(os, "O_BINARY", 0)  # Windows
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
        self.refusal: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        try:
            return os.write(self._handle, data)  # type: ignore[arg-type]  # any buffer of bytes
        except OSError as error:
            self.refusal = error
            raise

    def sync(self) -> None:
        os.fsync(self._handle)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)


def _encoded(content: Content, suffix: str) -> Encoded:
    if not isinstance(content, str):
        return content
    return content.encode("utf-8", "backslashreplace" if suffix == ".json" else "surrogateescape")


def _write_and_sync(path: Path, content: Encoded) -> None:
    disk = _Disk(path)
    try:
        with io.BufferedWriter(disk, buffer_size=1 << 20) as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            disk.sync()
    except Exception as error:
        raise disk.refusal or error from error
    finally:
        with contextlib.suppress(OSError):
            disk.close()
