"""Pictures inside larger files: where they lie, and their bytes when somebody asks.

Nothing is kept open, and but for `Held` nothing is in memory, so thousands of these cost little and travel to
worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from swinkit.errors import DataError


class Packed(Protocol):
    """A picture inside a larger file."""

    @property
    def where(self) -> str:
        """Its place, for messages: shard.tar!cat/1.jpg."""
        ...

    @property
    def size(self) -> int:
        """Of its content, in bytes."""
        ...

    def content(self) -> bytes:
        """The bytes of a picture file. Raises DataError naming the place."""
        ...


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file in an uncompressed tar archive, found again by its offset."""

    archive: Path
    member: str
    offset: int
    size: int

    @property
    def where(self) -> str:
        return f"{self.archive}!{self.member}"

    def content(self) -> bytes:
        content = _part(self.archive, self.offset, self.size, self.where)
        if len(content) < self.size:
            raise DataError(
                f"cannot read {self.where}: the archive ends before it does", hint="fetch the archive again"
            )
        return content


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels of 8 bits in a file of many pictures that were decoded before, found again by their offset."""

    file: Path
    offset: int
    shape: tuple[int, ...]

    @property
    def where(self) -> str:
        return f"{self.file} at {self.offset}"

    @property
    def size(self) -> int:
        return prod(self.shape)

    def content(self) -> bytes:
        """Of the pixels themselves, not of a picture file."""
        content = _part(self.file, self.offset, self.size, self.where)
        if len(content) < self.size:
            raise DataError(f"cannot read {self.where}: the file ends before it does")
        return content

    def pixels(self) -> np.ndarray:
        """H, W, C, not to be written to."""
        return np.frombuffer(self.content(), np.uint8).reshape(self.shape)


def _part(path: Path, offset: int, size: int, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise DataError(f"cannot read {where}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Held:
    """A picture file that is kept in memory, since there is no way back to where it came from."""

    where: str
    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def content(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A picture in a data set of the `datasets` library, which maps its files into memory.

    rows: a `datasets.Dataset` whose column of pictures is not decoded. index: from 0, as the library counts.
    """

    rows: Any = field(compare=False, repr=False)
    column: str
    file: Path
    index: int
    size: int

    @property
    def where(self) -> str:
        return f"{self.file} row {self.index}"

    def content(self) -> bytes:
        try:
            content = self.rows[self.index][self.column]["bytes"]
        except OSError as error:
            raise DataError(f"cannot read {self.where}: {error.strerror or error}") from error
        return b"" if content is None else bytes(content)
