"""From files to pixels with names: everything that comes from disk enters through this room.

    images = open_images("photos/")        # samples, classes, splits; None gives the embedded digits
    images.samples[0].pixels()             # H, W, C uint8

Batches for training are in `swinkit.data.loader` and `swinkit.data.transforms`, which import torch.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from swinkit.data.embedded import digits
from swinkit.data.files import did_you_mean, write_atomically
from swinkit.data.folders import list_pictures, no_pictures, pictures_below
from swinkit.data.read import read
from swinkit.data.readers import READERS
from swinkit.data.samples import ImageSet, Sample, Split, match_classes
from swinkit.data.splits import read_split, split_by_class, with_validation, write_split
from swinkit.errors import DataError

__all__ = [
    "READERS",
    "ImageSet",
    "Sample",
    "Split",
    "digits",
    "list_pictures",
    "match_classes",
    "open_images",
    "read",
    "read_split",
    "split_by_class",
    "with_validation",
    "write_atomically",
    "write_split",
]


def open_images(data: str | Path | None) -> ImageSet:
    """The images of a folder, in whichever layout it has; without one, the embedded digits.

    Raises DataError when the folder does not exist or is laid out in no known way.
    """
    if data is None:
        return digits()
    folder = Path(data)
    if not folder.exists():
        raise DataError(f"there is no folder {folder}", hint=did_you_mean(folder))
    if not folder.is_dir():
        raise DataError(f"{folder} is a file, and a folder of class folders is needed")
    for reader in READERS.values():
        if reader.recognise(folder):
            return reader.read(folder)
    raise _unrecognised(folder)


def _unrecognised(folder: Path) -> DataError:
    ignored: Counter[str] = Counter()
    count = sum(1 for _ in pictures_below(folder, ignored))
    if count == 0:
        return no_pictures(folder, ignored)
    return DataError(
        f"{folder} holds {count} picture{'s' if count > 1 else ''} and no class folders:"
        " nothing says what they show",
        hint="put the pictures of each class into a folder with its name",
    )
