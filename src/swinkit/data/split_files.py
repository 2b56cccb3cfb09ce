"""Who is in which split, as a table on the disk."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from swinkit.data.files import did_you_mean
from swinkit.data.samples import Sample, Split, natural_order
from swinkit.errors import DataError
from swinkit.writing import write_atomically

_COLUMNS = ("name", "label", "split")


def write_split(path: str | os.PathLike[str], samples: Sequence[Sample]) -> Path:
    """Save who is where: a CSV of name, label, split, in natural order of names."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for sample in sorted(samples, key=lambda sample: natural_order(sample.name)):
        table.writerow((sample.name, ";".join(sample.shown), sample.split or ""))
    return write_atomically(path, text.getvalue())


def read_split(path: str | os.PathLike[str], samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Put samples where a saved split says. Raises DataError when file and samples do not match by name."""
    assigned = _read_table(Path(path))
    names = {sample.name for sample in samples}
    new, gone = sorted(names - set(assigned)), sorted(set(assigned) - names)
    if new or gone:
        parts = [f"{len(new)} pictures are not in it ({_some(new)})"] if new else []
        parts += [f"{len(gone)} of its pictures are missing ({_some(gone)})"] if gone else []
        raise DataError(
            f"the split {path} does not fit the data: {'; '.join(parts)}",
            hint="split anew, or bring the data back to what it was",
        )
    return tuple(replace(sample, split=assigned[sample.name]) for sample in samples)


def split_names(path: str | os.PathLike[str]) -> set[str]:
    """The names of all pictures in a saved split."""
    return set(_read_table(Path(path)))


def _read_table(path: Path) -> dict[str, Split | None]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError as error:
        raise DataError(f"there is no split file {path}", hint=did_you_mean(path)) from error
    except OSError as error:
        raise DataError(f"cannot read the split file {path}: {error.strerror or error}") from error
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise DataError(f"{path} is no split file: its first line is not {','.join(_COLUMNS)}")
    assigned: dict[str, Split | None] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(_COLUMNS) or row[2] not in ("", *get_args(Split)):
            raise DataError(f"{path}, line {number}: expected name, label and train, val or test, got {row}")
        assigned[row[0]] = cast("Split", row[2]) if row[2] else None
    return assigned


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
