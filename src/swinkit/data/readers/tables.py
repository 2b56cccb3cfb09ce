"""A table that says what each picture shows: CSV, TSV or JSON lines.

    path,label,split              path,labels             image,beach,dog,sea
    a/1.jpg,cat,train             1.jpg,dog;sea           1.jpg,0,1,1
    a/2.jpg,dog,val               2.jpg,                  2.jpg,0,0,-1

Paths are relative to the table's folder; a name without a folder, with or without its ending, is looked for
below. Several labels of one picture are separated by semicolons, or stand in columns of 1 (it shows this), 0
(it does not) and -1 or nothing (nobody knows). A table in which every picture has exactly one label is plain
classification. A column of splits or groups may be missing, and tables that are named train, val and test
need none.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from swinkit.data.folders import folders_in, pictures_below
from swinkit.data.readers.shared import (
    GROUP,
    LABEL,
    PATH,
    SPLIT,
    SPLIT_WORDS,
    column_named,
    first_named,
    split_in_name,
    squeezed,
)
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.errors import DataError

ENDINGS = (".csv", ".tsv", ".jsonl")

_FLAGS = {"1": True, "1.0": True, "0": False, "0.0": False, "-1": None, "-1.0": None, "": None}
_TITLES = (
    "call the columns path and label (or labels, with ; between them),"
    " or write one column of 0 and 1 for each class"
)
_NAMED = 3  # files of one name
_LISTED = 20  # bad lines that a refusal names


def recognise(place: Path) -> bool:
    return bool(_tables(place))


def read(place: Path, *, group_by: str | None = None) -> ImageSet:
    """The samples of a table, of the one table in a folder, or of its tables called train, val and test.

    group_by: the column of what belongs together, in place of one that is called group, patient or subject.
    Lines that make no sense are among its `bad_lines`. Raises DataError where no line does, or the headings
    do not.
    """
    tables = _tables(place)
    if not tables:
        raise _no_table(place)
    root = place if place.is_dir() else place.parent
    parts = [_Table.open(path, root, split, group_by) for path, split in tables.items()]
    lines, again, torn = _once([line for part in parts for line in part.lines()])
    bad = sorted(
        [*(complaint for part in parts for complaint in part.complaints), *torn],
        key=lambda complaint: natural_order(complaint[0]),
    )
    if not lines and bad:
        raise bad_lines(place, bad)
    if not lines:
        raise DataError(f"{place} has a heading and no lines")
    several = any(len(line.labels) != 1 or line.unknown for line in lines)
    samples = (_sample(line, root, several) for line in lines)
    return ImageSet(
        name=place.resolve().name if place.is_dir() else place.stem,
        samples=tuple(sorted(samples, key=lambda sample: natural_order(sample.name))),
        classes=(),
        task="multilabel" if several else "classification",
        layout=", ".join(part.described() for part in parts),
        skipped=tuple(again),
        read_from=tuple(part.name for part in parts),
        bad_lines=tuple(bad),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


# Which tables ---------------------------------------------------------------------------------------------


def _tables(place: Path) -> dict[Path, Split | None]:
    """The tables to read, each with the split that its name tells; none where there is no telling which."""
    if place.is_file():
        return {place: None} if place.suffix.casefold() in ENDINGS else {}
    found = _tables_in(place)
    if len(found) == 1:
        return {found[0]: None}
    splits = {path: split_in_name(path) for path in found}
    if not found:
        for folder in folders_in(place):
            split = SPLIT_WORDS.get(folder.name.casefold())
            if split is not None:
                splits |= dict.fromkeys(_tables_in(folder), split)
    named = list(splits.values())
    return splits if None not in named and len(set(named)) == len(named) else {}


def _tables_in(folder: Path) -> list[Path]:
    """The tables directly in a folder whose heading names a path and what it shows."""
    return [path for path in _files_in(folder) if _is_about_pictures(path)]


def _files_in(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir(), key=lambda path: natural_order(path.name))
    return [
        path
        for path in paths
        if path.suffix.casefold() in ENDINGS and path.is_file() and not path.name.startswith(".")
    ]


def _is_about_pictures(path: Path) -> bool:
    try:
        columns, rows, _ = _rows(path)
        return first_named(PATH, columns) is not None and bool(
            first_named(LABEL, columns) or _flags(columns, rows)
        )
    except DataError:
        return False


def passed_over(folder: Path, group_by: str | None) -> Iterator[DataError]:
    """Why the tables directly in a folder, which is read in another way, are not read as tables."""
    for path in _files_in(folder):
        try:
            _Table.open(path, folder, None, group_by)
        except DataError as error:
            yield error
        else:
            yield DataError(
                f"{path} is one of several tables, which are not all called train, val or test",
                hint=f"give one of them in place of {folder}",
            )


def _no_table(place: Path) -> DataError:
    if place.is_file():
        return DataError(f"{place} is no table: its name does not end in {', '.join(ENDINGS)}")
    return DataError(
        f"{place} holds no table, or several of which none is called train", hint="give one of them"
    )


# One table ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """What one line says. place: table and number, as a text editor counts. path: the file, which exists."""

    place: str
    path: Path
    labels: tuple[str, ...]
    unknown: tuple[str, ...]
    split: Split | None
    group: str | None


@dataclass
class _Table:
    """A table with the roles of its columns, and what was found wrong in it, by place.

    name: below the folder in which all tables lie.
    """

    path: Path
    name: str
    split: Split | None
    rows: list[tuple[int, dict[str, str]]]
    path_column: str
    label_column: str | None
    flag_columns: list[str]
    split_column: str | None
    group_column: str | None
    notes: list[str] = field(default_factory=list)
    complaints: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, root: Path, split: Split | None, group_by: str | None) -> _Table:
        columns, rows, bad = _rows(path)
        path_column, label_column = first_named(PATH, columns), first_named(LABEL, columns)
        flags = [] if label_column else _flags(columns, rows)
        if path_column is None or not (label_column or flags):
            missing = "a path to each picture" if path_column is None else "what each picture shows"
            raise DataError(
                f"{path}: no column holds {missing}; the first line has {', '.join(columns) or 'nothing'}",
                hint=_TITLES,
            )
        group = column_named(group_by, columns, path) if group_by else first_named(GROUP, columns)
        name, told = path.relative_to(root).as_posix(), first_named(SPLIT, columns)
        table = cls(path, name, split, rows, path_column, label_column, flags, told, group)
        table.complaints += ((table.place(number), reason) for number, reason in bad)
        if group:
            table.notes.append(f"pictures of one {group} are kept in one split")
        return table

    def described(self) -> str:
        named = self.label_column or f"{len(self.flag_columns)} columns of 0 and 1"
        return f"table {self.name} of {self.path_column} and {named}"

    def place(self, number: int) -> str:
        """A line as editors and compilers name it."""
        return f"{self.name}:{number}"

    def lines(self) -> Iterator[_Line]:
        """The lines that make sense; of the others the complaints tell."""
        for number, cells in self.rows:
            wrong: list[str] = []
            path = self._file(cells, wrong)
            labels, unknown = self._labels(cells, wrong)
            split = self._split(cells, wrong)
            group = cells[self.group_column] or None if self.group_column else None
            if wrong:
                self.complaints.append((self.place(number), "; ".join(wrong)))
            else:
                yield _Line(self.place(number), path, labels, unknown, split, group)

    def _file(self, cells: dict[str, str], wrong: list[str]) -> Path:
        text = cells[self.path_column]
        if not text:
            wrong.append("it names no picture")
            return Path()
        path = _existing(self.path.parent, text)
        if path is not None:
            return path
        called = self._below[_plain(text)]
        if len(called) == 1:
            self._note(f"pictures that {self.name} names without their folder are looked for in all below it")
            return called[0]
        if called:
            some = ", ".join(path.relative_to(self.path.parent).as_posix() for path in called[:_NAMED])
            wrong.append(f"{len(called)} files are called {text} ({some}{', …' * (len(called) > _NAMED)})")
        else:
            wrong.append(f"there is no file {text}")
        return Path()

    @cached_property
    def _below(self) -> defaultdict[str, list[Path]]:
        """The pictures below the table by name, with and without ending, and by path without it."""
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for path in pictures_below(self.path.parent, Counter()):
            bare = path.relative_to(self.path.parent).with_suffix("").as_posix()
            for name in {path.name, path.stem, bare}:
                found[_plain(name)].append(path)
        return found

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _labels(self, cells: dict[str, str], wrong: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self.label_column is None:
            flags = {column: _FLAGS[cells[column]] for column in self.flag_columns}
            return (
                tuple(_plain(name) for name, flag in flags.items() if flag),
                tuple(_plain(name) for name, flag in flags.items() if flag is None),
            )
        names = [_plain(name) for part in cells[self.label_column].split(";") if (name := part.strip())]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            wrong.append(f"it names {', '.join(twice)} twice")
        if not names and not squeezed(self.label_column).endswith("s"):  # under a plural, none is an answer
            wrong.append("it has no label")
        return tuple(names), ()

    def _split(self, cells: dict[str, str], wrong: list[str]) -> Split | None:
        text = cells[self.split_column] if self.split_column else ""
        if text and text.casefold() not in SPLIT_WORDS:
            wrong.append(f"'{text}' is no split; expected train, val or test")
        return SPLIT_WORDS.get(text.casefold(), self.split)


def _sample(line: _Line, root: Path, several: bool) -> Sample:
    return Sample(
        name=_name(line.path, root),
        label=None if several else line.labels[0],
        labels=line.labels if several else None,
        unknown=line.unknown,
        group=line.group,
        split=line.split,
        source=line.path,
    )


def _name(path: Path, root: Path) -> str:
    """Below the table's folder where it lies there, else the whole path; the same on every system."""
    inside = os.path.relpath(path, root) if not path.is_absolute() or path.is_relative_to(root) else str(path)
    return unicodedata.normalize("NFC", Path(inside).as_posix())


def _existing(folder: Path, text: str) -> Path | None:
    """The file that a cell names, also where it was written on a system with other slashes or accents."""
    forward = text.replace("\\", "/")
    spellings = (text, forward, *(unicodedata.normalize(form, forward) for form in ("NFC", "NFD")))
    return next((folder / one for one in dict.fromkeys(spellings) if one and (folder / one).is_file()), None)


# Lines of text --------------------------------------------------------------------------------------------


_Rows = tuple[list[str], list[tuple[int, dict[str, str]]], list[tuple[int, str]]]
"""The headings, each line with its number and every cell stripped, and what is wrong with other lines."""


def _rows(path: Path) -> _Rows:
    """Raises DataError for what is no text."""
    try:
        content = path.read_bytes()
        wide = content.startswith(
            (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        )  # "Unicode text" of spreadsheets
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8", hint="save the table as CSV in UTF-8") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return _json_rows(text) if path.suffix.casefold() == ".jsonl" else _csv_rows(text)


def _csv_rows(text: str) -> _Rows:
    heading = text.lstrip().partition("\n")[0]
    between = max("\t,;", key=lambda mark: len(next(csv.reader([heading], delimiter=mark), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    columns: list[str] = []
    rows, bad = [], []
    begins = 1
    for cells in reader:
        number, begins = begins, reader.line_num + 1
        stripped = [cell.strip() for cell in cells]
        if not any(stripped):
            continue
        if not columns:
            columns = stripped
        elif len(stripped) != len(columns):
            cells_here = f"{len(stripped)} cell{'s' if len(stripped) > 1 else ''}"
            bad.append((number, f"{cells_here}, and the heading has {len(columns)}"))
        else:
            rows.append((number, dict(zip(columns, stripped, strict=True))))
    return columns, rows, bad


def _json_rows(text: str) -> _Rows:
    found, bad = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if isinstance(values, dict):
            found.append((number, {str(key): _cell(value) for key, value in values.items()}))
        else:
            bad.append((number, "it is no JSON object"))
    columns = list(dict.fromkeys(key for _, values in found for key in values))
    rows = [(number, {column: values.get(column, "") for column in columns}) for number, values in found]
    return columns, rows, bad


def _cell(value: object) -> str:
    """A JSON value as the table would hold it: lists with semicolons, true and false as 1 and 0."""
    if isinstance(value, list):
        return ";".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value).strip()


def _flags(columns: Sequence[str], rows: Sequence[tuple[int, dict[str, str]]]) -> list[str]:
    """The columns that hold nothing but 0, 1, -1 and gaps, and a 1 or a 0 at least once."""
    others = {first_named(names, columns) for names in (PATH, SPLIT, GROUP)}
    return [
        column
        for column in columns
        if column not in others
        and (held := {cells[column] for _, cells in rows}) <= _FLAGS.keys()
        and any(_FLAGS[cell] is not None for cell in held)
    ]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


# What is wrong --------------------------------------------------------------------------------------------


def _once(
    lines: Sequence[_Line],
) -> tuple[list[_Line], list[tuple[str, str]], list[tuple[str, str]]]:
    """One line for each picture; the places of those that say the same again; of those that say otherwise."""
    about: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        about[os.path.normpath(line.path)].append(line)
    kept, again, torn = [], [], []
    for those in about.values():
        first = those[0]
        others = [line for line in those if _said(line) != _said(first)]
        if not others:
            kept.append(first)
            again += [
                (line.place, f"it says of {line.path.name} what {first.place} says") for line in those[1:]
            ]
        else:
            torn += [_contradicted(line, others[0] if line is first else first) for line in (first, *others)]
    return kept, again, torn


def _said(line: _Line) -> tuple[frozenset[str], frozenset[str], Split | None]:
    return frozenset(line.labels), frozenset(line.unknown), line.split


def _contradicted(line: _Line, other: _Line) -> tuple[str, str]:
    ours, theirs = (
        ", ".join(filter(None, ("; ".join(one.labels) or "no label", one.split and f"in {one.split}")))
        for one in (line, other)
    )
    return line.place, f"{line.path.name} is {ours} here and {theirs} in {other.place}"


def bad_lines(where: Path | str, bad: Sequence[tuple[str, str]]) -> DataError:
    """The refusal of a table, which names its bad lines: all, or the first of many."""
    more = f"\n  … and {len(bad) - _LISTED} more" if len(bad) > _LISTED else ""
    return DataError(
        f"{where} has {len(bad)} bad line{'s' if len(bad) > 1 else ''}:\n  "
        + "\n  ".join(f"{place}: {reason}" for place, reason in bad[:_LISTED])
        + more,
        hint="mend or remove them; paths are relative to the folder of the table, one line for each picture, "
        "with ; between several labels; or leave them out: "
        f"swinkit check {where} lists them for train --exclude",
    )
