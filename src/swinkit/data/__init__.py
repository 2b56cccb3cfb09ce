"""From files to pixels with names: everything that comes from disk enters through this room.

    images = open_images("photos/")        # samples, classes, splits; None gives the embedded digits
    images.samples[0].pixels()             # H, W, C uint8

Batches for training are in `swinkit.data.loader` and `swinkit.data.transforms`, which import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from swinkit.data import first_bytes
from swinkit.data.class_names import match_classes, read_classes, unknown_classes, with_classes
from swinkit.data.embedded import digits
from swinkit.data.files import did_you_mean
from swinkit.data.folders import list_pictures, no_pictures, pictures_below
from swinkit.data.groups import grouped, is_pattern
from swinkit.data.read import read
from swinkit.data.readers import READERS, tables
from swinkit.data.readers.shared import no_columns
from swinkit.data.samples import ImageSet, Sample, Split
from swinkit.data.split_files import read_split, split_names, write_split
from swinkit.data.splits import folds, split_by_class, with_splits
from swinkit.data.streams import is_stream, open_stream
from swinkit.errors import DataError
from swinkit.writing import write_atomically

__all__ = [
    "READERS",
    "ImageSet",
    "Sample",
    "Split",
    "digits",
    "folds",
    "list_pictures",
    "match_classes",
    "open_images",
    "read",
    "read_classes",
    "read_split",
    "refuse_bad_lines",
    "split_by_class",
    "split_names",
    "survey",
    "with_splits",
    "write_atomically",
    "write_split",
]


def open_images(
    data: str | Path | None,
    *,
    labels: str | Path | Sequence[str] | None = None,
    group_by: str | None = None,
    exclude: Collection[str] = (),
) -> ImageSet:
    """The images of a folder or file, in whichever layout it has; without one, the embedded digits.

    labels: the classes in their order, or a text file with one in each line; by default those of train.
    group_by: what belongs together: a column, or a pattern of names such as {patient}_* (`data/groups.py`).
    exclude: lines of tables that may make no sense, as labels.csv:7.

    Raises DataError when the place does not exist or is laid out in no known way, when a table has bad lines,
    when there is one class only, and when there are labels that are none of the classes.
    """
    images = survey(data, labels=labels, group_by=group_by)
    refuse_bad_lines(images, data, exclude)
    _refuse_strangers(images, listed=labels is not None)
    if data is not None:
        _refuse_single_class(images, Path(data))
    return images


def survey(
    data: str | Path | None,
    *,
    labels: str | Path | Sequence[str] | None = None,
    group_by: str | None = None,
) -> ImageSet:
    """The same, whatever is wrong with the classes and with lines of tables: for those who report it."""
    classes = read_classes(labels) if isinstance(labels, (str, Path)) else labels
    pattern = group_by if group_by is not None and is_pattern(group_by) else None
    column = group_by if pattern is None else None
    if data is None:
        if column is not None:
            raise no_columns("the embedded digits", column)
        images = digits()
    else:
        images = open_stream(str(data), group_by=column) if is_stream(data) else _read(Path(data), column)
    if pattern is not None:
        images = grouped(images, pattern)
    return images if images.classes and classes is None else with_classes(images, classes)


def _read(place: Path, column: str | None) -> ImageSet:
    if not place.exists():
        raise DataError(f"there is no folder or file {place}", hint=did_you_mean(place))
    reader = next((one for one in READERS.values() if one.recognise(place)), None)
    beside = list(tables.passed_over(place, column)) if reader is not tables and place.is_dir() else []
    if reader is None:
        raise beside[0] if beside else _unrecognised(place)
    images = reader.read(place, group_by=column)
    if beside and len({sample.label for sample in images.samples}) == 1:  # so the folder is no class
        raise beside[0]
    notes = (f"{error.message}; so it is not read as a table of labels" for error in beside)
    return replace(images, notes=(*images.notes, *notes))


def refuse_bad_lines(images: ImageSet, data: str | Path | None, exclude: Collection[str] = ()) -> None:
    """Raises DataError where lines of a table make no sense, but for those that are to be left out."""
    bad = [(place, reason) for place, reason in images.bad_lines if place not in exclude]
    if bad:
        raise tables.bad_lines(str(data), bad)


def _refuse_strangers(images: ImageSet, *, listed: bool) -> None:
    strangers = images.strangers()
    if strangers:
        refusal = unknown_classes(strangers, images.classes)
        named = refusal.message.removeprefix("unknown classes: ")
        lacking = (
            "there are classes that the list lacks" if listed else "val or test has classes that train lacks"
        )
        raise DataError(f"{images.name}: {lacking}: {named}", hint=refusal.hint)


def _refuse_single_class(images: ImageSet, folder: Path) -> None:
    if len(images.classes) > 1 or images.task == "multilabel":
        return
    only = images.classes[0]
    inner = {parts[1] for sample in images.samples if len(parts := sample.name.split("/")) > 2}
    raise DataError(
        f"{folder} has one class only ('{only}', {len(images)} pictures): nothing to learn",
        hint=f"if the folders in it are the classes, give {folder / only}"
        if len(inner) > 1 and not images.splits()
        else "add pictures that show something else",
    )


def _unrecognised(place: Path) -> DataError:
    if place.is_file():
        with place.open("rb") as file:
            kind = first_bytes.describe(file.read(first_bytes.LENGTH))
        return DataError(
            f"{place} is a file, {kind} by its first bytes: no labelled pictures can be read from it",
            hint="unpack it, and give the folder"
            if kind.endswith("archive")
            else "give a folder of class folders, a table (.csv), a parquet file or a tar archive",
        )
    ignored: Counter[str] = Counter()
    count = sum(1 for _ in pictures_below(place, ignored))
    if count == 0:
        return no_pictures(place, ignored)
    return DataError(
        f"{place} holds {count} picture{'s' if count > 1 else ''} and no class folders:"
        " nothing says what they show",
        hint="put the pictures of each class into a folder with its name, or write a table of path,label",
    )
