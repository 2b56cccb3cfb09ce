"""Answers as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.tasks.results import Prediction


def write_predictions(path: str | Path, predictions: Sequence[Prediction]) -> Path:
    """One line a picture: its name, the class, how probable and how sure it is, or why there is no answer.

    Where a picture may have several classes, `label` has all that it was given, with ; between them, and
    `probability` is of the most probable.
    """
    from swinkit.data import write_atomically

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "label", "probability", "unsure", "strangeness", "error"))
    for said in predictions:
        label = said.label if said.labels is None else ";".join(said.labels)
        cells = (said.image, label, said.probability, said.unsure, said.strangeness, said.error)
        table.writerow(cells)
    return write_atomically(path, text.getvalue())
