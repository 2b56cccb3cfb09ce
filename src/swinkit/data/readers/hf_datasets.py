"""Data sets in the manner of Hugging Face: parquet files, and folders that `save_to_disk` has written.

    train.parquet  test.parquet       data/train-00000-of-00002.parquet …       my_set/dataset_info.json …

A column of pictures (their bytes, or paths) and one of labels: class numbers with names in the file's schema
or in classes.txt beside it, words, or lists of either. Splits are told by a column, by the names of the files
or of the folders they lie in, or the data set itself. Read by the `datasets` library, which turns parquet
into memory-mapped files in its cache once, so that any row can be had at any time without the whole being in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from swinkit.data.containers import DatasetRow
from swinkit.data.folders import name_below
from swinkit.data.readers.shared import (
    GROUP,
    LABEL,
    SPLIT,
    SPLIT_WORDS,
    column_named,
    first_named,
    names_beside,
    split_in_name,
)
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.errors import DataError

_NAMED = 4  # files that the layout names
_SAVED = ("dataset_info.json", "dataset_dict.json")


def recognise(place: Path) -> bool:
    if place.is_file():
        return place.suffix.casefold() in (".parquet", ".arrow")
    return any((place / name).is_file() for name in _SAVED) or bool(_parquet_files(place))


def read(place: Path, *, group_by: str | None = None) -> ImageSet:
    """The samples of a parquet or arrow file, of a folder of parquet files, or of a saved data set.

    Raises DataError where there is no column of pictures or labels, and naming the extra where the library is
    missing.
    """
    parts = _parts(place, datasets_library())
    samples: list[Sample] = []
    skipped: list[tuple[str, str]] = []
    for part in parts:
        for sample in _samples(part, group_by):
            if sample.label is None and sample.labels is None:
                skipped.append((sample.path, "it has no label"))
            else:
                samples.append(sample)
    if not samples:
        raise DataError(f"{place} holds no labelled pictures")
    several = {sample.labels is not None for sample in samples}
    if len(several) > 1:
        raise DataError(f"{place} has one label a picture in some files and lists of them in others")
    return ImageSet(
        name=place.resolve().name if place.is_dir() else place.stem,
        samples=tuple(samples),
        classes=(),
        task="multilabel" if True in several else "classification",
        layout=", ".join(part.file.name for part in parts[:_NAMED]) + (", …" if len(parts) > _NAMED else ""),
        skipped=tuple(skipped),
        read_from=tuple(name_below(part.file, place) for part in parts if place.is_dir()),
    )


# Which files ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """The rows of one file. name: unique in the data set. rows: a `datasets.Dataset`.

    split: as the file, its folder or the data set names it.
    """

    file: Path
    name: str
    rows: Any
    split: Split | None


def _parts(place: Path, library: ModuleType) -> list[_Part]:
    with failures_named(place), _without_progress_bars(library):
        if place.suffix.casefold() == ".arrow" and place.is_file():
            return [_Part(place, place.stem, library.Dataset.from_file(str(place)), None)]
        if (place / "dataset_dict.json").is_file():
            saved = library.load_from_disk(str(place)).items()
            return [_Part(place / name, name, rows, SPLIT_WORDS.get(name.casefold())) for name, rows in saved]
        if (place / "dataset_info.json").is_file():
            return [_Part(place, place.name, library.load_from_disk(str(place)), None)]
        files = [place] if place.is_file() else _parquet_files(place)
        splits = [None] if place.is_file() else [_split_of(file, place) for file in files]
        if None in splits and len(set(splits)) > 1:
            silent = [
                name_below(file, place) for file, split in zip(files, splits, strict=True) if split is None
            ]
            raise DataError(
                f"{place}: nothing says which split {', '.join(silent)} is",
                hint="name every file by its split (train-0.parquet), or give one file",
            )
        return [
            _Part(file, _called(file, place), library.Dataset.from_parquet(str(file)), split)
            for file, split in zip(files, splits, strict=True)
        ]


def _parquet_files(folder: Path) -> list[Path]:
    """Those directly in a folder, or else in a folder below it, as on the hub."""
    for pattern in ("*.parquet", "*/*.parquet"):
        found = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
        if found:
            return sorted(found, key=lambda path: natural_order(path.relative_to(folder).as_posix()))
    return []


def _split_of(file: Path, place: Path) -> Split | None:
    """By the name of the file, or else of the folder below `place` that it lies in: train/0000.parquet."""
    return split_in_name(file) or (None if file.parent == place else split_in_name(file.parent))


def _called(file: Path, place: Path) -> str:
    return file.stem if file == place else name_below(file.with_suffix(""), place)


def datasets_library() -> ModuleType:
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            "data sets in parquet or arrow files are read by the datasets library, which is not installed",
            hint='pip install "swinkit[hf-data]"',
        ) from error
    return datasets


@contextmanager
def _without_progress_bars(library: ModuleType) -> Iterator[None]:
    were_off = library.are_progress_bars_disabled()
    library.disable_progress_bars()
    try:
        yield
    finally:
        if not were_off:
            library.enable_progress_bars()


@contextmanager
def failures_named(place: Path | str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # pyarrow and datasets fail on damaged files in many ways
        reason = str(error.__cause__ or error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"cannot read {place}: it is cut off or damaged ({reason})", hint="fetch or export it again"
        ) from error


# One file -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """The rows of one file or stream, with undecoded pictures, and the roles of their columns.

    names: what the numbers of the classes mean, where there are names.
    """

    rows: Any
    picture: str
    label: str
    split: str | None
    group: str | None
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, rows: Any, where: Path | str, group_by: str | None) -> Columns:
        """Raises DataError that lists the columns where the needed ones are missing."""
        from datasets import Image

        columns, features = list(rows.column_names), rows.features
        picture = next((name for name in columns if _holds_pictures(features[name])), None)
        named = [name for name in columns if hasattr(features[name], "int2str")]
        label = first_named(LABEL, columns) or (named[0] if len(named) == 1 else None)
        if picture is None or label is None:
            missing = "pictures" if picture is None else "labels"
            raise DataError(
                f"{where} has no column of {missing}; it has {', '.join(columns)}",
                hint="call them image and label: bytes of picture files, and class names or numbers",
            )
        group = column_named(group_by, columns, where) if group_by else first_named(GROUP, columns)
        return cls(
            rows=rows.cast_column(picture, Image(decode=False)),
            picture=picture,
            label=label,
            split=first_named(SPLIT, columns),
            group=group,
            names=_names_in(features[label]) or names_beside(Path(where).parent),
        )

    def known(self, value: Any) -> tuple[str | None, tuple[str, ...] | None]:
        """What a cell says a picture shows: one class, or a tuple of them; None and None for nothing."""
        if isinstance(value, (list, tuple)):
            return None, tuple(word for one in value if (word := _word(one, self.names)) is not None)
        return _word(value, self.names), None


def _samples(part: _Part, group_by: str | None) -> Iterator[Sample]:
    columns = Columns.of(part.rows, part.file, group_by)
    sizes, paths = _sizes_and_paths(columns.rows, columns.picture)
    splits, groups = _column(part.rows, columns.split), _column(part.rows, columns.group)
    bare = columns.rows.select_columns([columns.picture])
    for index, value in enumerate(part.rows[columns.label]):
        size, path = sizes[index], paths[index]
        label, labels = columns.known(value)
        told = None if splits[index] is None else SPLIT_WORDS.get(str(splits[index]).casefold())
        yield Sample(
            name="/".join((part.name, str(index), *([Path(path).name] if path else []))),
            label=label,
            labels=labels,
            group=None if groups[index] is None else str(groups[index]),
            split=told or part.split,
            source=Path(path)
            if size is None and path
            else DatasetRow(bare, columns.picture, part.file, index, size or 0),
        )


def _column(rows: Any, column: str | None) -> list[Any]:
    return list(rows[column]) if column is not None else [None] * len(rows)


def _names_in(feature: Any) -> tuple[str, ...] | None:
    """The class names that a column, or a column of lists, declares."""
    names = getattr(getattr(feature, "feature", feature), "names", None)
    return None if names is None else tuple(names)


def _holds_pictures(feature: Any) -> bool:
    """An image column of `datasets`, bytes, or the pair of bytes and path that an image is stored as."""
    if type(feature).__name__ == "Image" or getattr(feature, "dtype", None) in ("binary", "large_binary"):
        return True
    return isinstance(feature, dict) and "bytes" in feature and set(feature) <= {"bytes", "path"}


def _sizes_and_paths(rows: Any, column: str) -> tuple[list[int | None], list[str | None]]:
    """How many bytes each picture has (None: only a path) and its path, without reading them."""
    import pyarrow.compute as compute

    pictures = rows.with_format("arrow")[:][column]
    sizes = compute.binary_length(compute.struct_field(pictures, "bytes"))
    return sizes.to_pylist(), compute.struct_field(pictures, "path").to_pylist()


def _word(value: Any, names: tuple[str, ...] | None) -> str | None:
    """The class that a cell names, by word or by number; None for what says nothing (an empty cell, -1)."""
    if value is None or value == "" or (isinstance(value, int) and value < 0):
        return None
    if isinstance(value, int) and names is not None and value < len(names):
        return names[value]
    return str(value)
