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
from swinkit.data.samples import ImageSet, Sample, Split, match_classes, unknown_classes
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
    "survey",
    "with_validation",
    "write_atomically",
    "write_split",
]


def open_images(data: str | Path | None) -> ImageSet:
    """The images of a folder, in whichever layout it has; without one, the embedded digits.

    Raises DataError when the folder does not exist or is laid out in no known way, when it has one class
    only, and when val or test has a class that train lacks.
    """
    images = survey(data)
    _refuse_strangers(images)
    if data is not None:
        _refuse_single_class(images, Path(data))
    return images


def survey(data: str | Path | None) -> ImageSet:
    """The same, whatever is wrong with the classes: for those who report it."""
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


def _refuse_strangers(images: ImageSet) -> None:
    strangers = images.strangers()
    if strangers:
        refusal = unknown_classes(strangers, images.classes)
        named = refusal.message.removeprefix("unknown classes: ")
        raise DataError(
            f"{images.name}: val or test has classes that train lacks: {named}", hint=refusal.hint
        )


def _refuse_single_class(images: ImageSet, folder: Path) -> None:
    if len(images.classes) > 1:
        return
    only = images.classes[0]
    inner = {parts[1] for sample in images.samples if len(parts := sample.name.split("/")) > 2}
    raise DataError(
        f"{folder} has one class only ('{only}', {len(images)} pictures): nothing to learn",
        hint=f"if the folders in it are the classes, give {folder / only}"
        if len(inner) > 1 and not images.splits()
        else "add a folder of pictures that show something else",
    )


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
