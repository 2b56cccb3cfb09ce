"""What the layouts have in common: the words that name a split, and columns to group by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from swinkit.data.class_names import read_classes
from swinkit.data.samples import Split
from swinkit.errors import DataError

SPLIT_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}

# What headings are taken for, the first that is there: see `squeezed` for their spelling.
PATH = [
    "path",
    "filepath",
    "file",
    "filename",
    "image",
    "imagepath",
    "imagefile",
    "imagefilename",
    "imagename",
    "imageid",
    "img",
    "imgpath",
    "picture",
    "photo",
]
LABEL = [
    "label",
    "labels",
    "class",
    "classes",
    "classname",
    "category",
    "categories",
    "target",
    "targets",
    "tag",
    "tags",
]
SPLIT = ["split", "subset", "partition", "set"]
GROUP = ["group", "groupid", "patient", "patientid", "subject", "subjectid"]


def split_in_name(path: Path) -> Split | None:
    """The split that a file name tells, or None: train-00000-of-00004.parquet, my_val.csv."""
    words = re.split(r"[^a-z]+", path.name.split(".")[0].casefold())
    found = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    return found.pop() if len(found) == 1 else None


def squeezed(heading: str) -> str:
    """A heading without what spellings differ in: "File name", file_name and fileName are one."""
    return re.sub(r"[\s_-]+", "", heading.casefold())


def first_named(names: Sequence[str], columns: Sequence[str]) -> str | None:
    """The column that has the first of these names that is there."""
    by_name = {squeezed(column): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def names_beside(folder: Path) -> tuple[str, ...] | None:
    """What class numbers mean, by the lines of a classes.txt in the folder, where there is one."""
    file = folder / "classes.txt"
    return read_classes(file) if file.is_file() else None


def column_named(wanted: str, columns: Sequence[str], where: Path | str) -> str:
    """The column that `group_by` names. Raises DataError listing those that there are."""
    for column in columns:
        if column == wanted or squeezed(column) == squeezed(wanted):
            return column
    raise DataError(
        f"{where} has no column '{wanted}' to group by",
        hint=f"it has {', '.join(columns)}; a pattern of names has braces, as in {{patient}}_*",
    )


def no_columns(where: Path | str, wanted: str) -> DataError:
    """The refusal to group by a column where there are only names."""
    return DataError(
        f"{where} has no columns, so it cannot be grouped by '{wanted}'",
        hint="give a pattern of file names, in braces what belongs together, as in {patient}_*",
    )
