"""The layouts of data on disk that swinkit reads: one module each, one line each in the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from swinkit.data.readers import class_folders
from swinkit.data.samples import ImageSet


class Reader(Protocol):
    """What a module in this folder offers."""

    def recognise(self, folder: Path) -> bool:
        """Whether the folder is laid out in this way; looks at names, decodes nothing."""
        ...

    def read(self, folder: Path) -> ImageSet:
        """List the samples. Raises DataError with what is wrong and what would be right."""
        ...


READERS: Mapping[str, Reader] = {
    "class folders": class_folders,
}
