"""The files that hold an assessment: evaluation.json has every number, predictions.csv every picture."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from swinkit.data import write_atomically
from swinkit.trust.assessment import Assessment, MultiLabelAssessment

COLUMNS = (
    "image",
    "label",
    "predicted",
    "probability",
    "unsure",
    "strangeness",
    "probability_of_label",
    "rank",
    "group",
    "content",
)
MOST_CLASSES = 100
"""Up to so many classes, predictions.csv has a column with the probability of each."""
MOST_LABELS = 1000
"""The same where a picture may have several: by these probabilities runs are compared."""


def write_assessment(folder: Path, found: Assessment | MultiLabelAssessment) -> None:
    """Write predictions.csv, then evaluation.json, each whole or not at all."""
    table = predictions_csv(found) if isinstance(found, Assessment) else sets_csv(found)
    write_atomically(folder / "predictions.csv", table)
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "evaluation.json", _rows_on_a_line(text) + "\n")


def _rows_on_a_line(text: str) -> str:
    """Indented JSON with each list of numbers on one line, so that a matrix looks like one."""

    def joined(match: re.Match[str]) -> str:
        return f"[{' '.join(match[1].split())}]"

    return re.sub(r"\[\n([-\d.,e\s]+)\]", joined, text)  # no name holds a newline that is not escaped


def predictions_csv(found: Assessment) -> str:
    """One line a picture: what it shows, what was said, and how probable each class was held to be.

    Every number of evaluation.json that comes from answers can be computed from it.
    """
    classes = found.evaluation.classes
    few = len(classes) <= MOST_CLASSES
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*COLUMNS, *(f"p({name})" for name in classes if few)))
    for one in found.pictures:
        cells = (getattr(one, column) for column in COLUMNS)
        table.writerow((*cells, *(one.probabilities if few else ())))
    return text.getvalue()


def sets_csv(found: MultiLabelAssessment) -> str:
    """The same where a picture may have several classes, which have ; between them."""
    classes = found.evaluation.classes
    few = len(classes) <= MOST_LABELS
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = ("image", "labels", "unknown", "predicted", "unsure", "strangeness", "group", "content")
    table.writerow((*columns, *(f"p({name})" for name in classes if few)))
    for one in found.pictures:
        cells = (getattr(one, column) for column in columns)
        plain = (";".join(cell) if isinstance(cell, tuple) else cell for cell in cells)
        table.writerow((*plain, *(one.probabilities if few else ())))
    return text.getvalue()
