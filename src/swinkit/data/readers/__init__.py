"""The layouts of data on disk that swinkit reads: one module each, one line each in the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from swinkit.data.readers import class_folders, hf_datasets, tables, tars
from swinkit.data.samples import ImageSet


class Reader(Protocol):
    """What a module in this folder offers."""

    def recognise(self, place: Path) -> bool:
        """Whether a file or folder is laid out in this way; decodes no picture."""
        ...

    def read(self, place: Path, *, group_by: str | None = None) -> ImageSet:
        """List the samples, with labels as they are written there and classes left empty for `with_classes`.

        group_by: the column that says what belongs together.
        Raises DataError with what is wrong and what would be right.
        """
        ...


# The first that recognises a place reads it: a table beside pictures says more than the folders they lie in.
READERS: Mapping[str, Reader] = {
    "table": tables,
    "class folders": class_folders,
    "data set of parquet or arrow files": hf_datasets,
    "tar archive": tars,
}
