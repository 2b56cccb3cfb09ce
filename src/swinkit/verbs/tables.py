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
    """One line a picture: its name, the class, how probable it is, or why there is no answer."""
    from swinkit.data import write_atomically

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "label", "probability", "error"))
    for said in predictions:
        table.writerow((said.image, said.label, said.probability, said.error))
    return write_atomically(path, text.getvalue())
