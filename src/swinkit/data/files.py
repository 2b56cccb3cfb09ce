"""Finding what a mistyped path meant."""

from __future__ import annotations

import difflib
import os
from pathlib import Path


def nearest_path(path: str | os.PathLike[str]) -> Path | None:
    """The existing path that a mistyped one most resembles, or None."""
    parts = Path(os.path.abspath(path)).parts
    known = Path(parts[0])
    for index, part in enumerate(parts[1:], start=1):
        if (known / part).exists():
            known = known / part
            continue
        try:
            names = {entry.name.casefold(): entry.name for entry in known.iterdir()}
        except OSError:
            return None
        close = difflib.get_close_matches(part.casefold(), names, n=1, cutoff=0.6)
        if not close:
            return None
        guess = known / names[close[0]]
        whole = guess.joinpath(*parts[index + 1 :])
        return whole if whole.exists() else guess
    return known


def did_you_mean(path: str | os.PathLike[str]) -> str:
    """A hint that names the nearest existing path, or an empty string."""
    near = nearest_path(path)
    return f"did you mean {near}?" if near is not None else ""
