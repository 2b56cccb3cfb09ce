"""Words for people go to stderr, data to stdout; colour only where a terminal wants it."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swinkit.writing import printable


def say(line: str) -> None:
    """One line for people."""
    print(printable(line, keep="\n"), file=sys.stderr, flush=True)


def complain(message: str, hint: str = "") -> None:
    """What went wrong, and on a line of its own what to do."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    console.print("error:", style="bold red", end=" ")
    console.print(printable(message, keep="\n"))
    if hint:
        console.print("hint:", style="bold cyan", end=" ")
        console.print(printable(hint, keep="\n"))


def wants_colour() -> bool:
    """Whether both ends are a terminal on which nobody has asked for none."""
    return sys.stdout.isatty() and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def print_json(value: Any) -> None:
    """Data for programs; the names of fields are the keys."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    print(text.encode("utf-8", "backslashreplace").decode())  # bytes of a name that are no UTF-8 as escapes


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Aligned columns, never cut. right: columns whose entries end at the same place."""
    rows = [header, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and what belongs to them, aligned; empty ones are left out."""
    shown = {name: text for name, text in facts.items() if text}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        first, *more = text.split("\n")
        print(f"{name:<{width}}  {first}")
        for line in more:
            print(f"{'':<{width}}  {line}")


def plain(value: Any) -> Any:
    """Dataclasses, tuples, paths and numbers that are none, as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and value - value != 0:  # NaN and infinity are not JSON
        return None
    return value


def count(number: float) -> str:
    """28288354 as 28.29 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:g}"


def many(number: int, thing: str) -> str:
    """1 picture, 4 pictures."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """0.98765 as 98.77 %."""
    return f"{100 * share:.2f} %"


def in_bytes(number: int | None) -> str:
    """25276518400 as 25.3 GB."""
    return "unknown" if number is None else f"{number / 1e9:.1f} GB"
