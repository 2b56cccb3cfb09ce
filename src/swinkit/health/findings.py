"""What `check` may find in a set of pictures: one table of stable codes, and the file that lists them.

D0.. are errors, D1.. warnings, D2.. notes. A code keeps its meaning for ever; docs/reference/findings.md
shows the table.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from swinkit.data.files import did_you_mean
from swinkit.errors import DataError
from swinkit.writing import write_atomically

Severity = Literal["error", "warning", "note"]

_COLUMNS = ("code", "severity", "file", "leave_out", "message")
_LEAVE_OUT = "yes"


@dataclass(frozen=True, slots=True)
class Rule:
    """title: what a list of them is headed with. meaning: what it is and why it matters. fix: what to do."""

    title: str
    meaning: str
    fix: str = ""


RULES: Mapping[str, Rule] = {
    "D001": Rule(
        "cannot be read",
        "A file that is meant to be a picture and cannot be decoded; training leaves it out.",
        "fetch or export it again, or delete it",
    ),
    "D002": Rule(
        "copies across splits",
        "The same picture in train and in val or test: the model is examined on what it has learnt by heart,"
        " and the scores are too good.",
        "train --resplit keeps copies together; train --exclude leaves the copies in train out",
    ),
    "D003": Rule(
        "one picture, two labels",
        "Copies of one picture lie in different classes: at most one of the labels is right.",
        "keep the right one, or leave them out by train --exclude",
    ),
    "D004": Rule(
        "class unknown to train",
        "Val or test has a class of which train has no picture: the model cannot learn it.",
        "rename the class, or add pictures of it to train",
    ),
    "D005": Rule(
        "nothing to learn",
        "No class has two pictures that can be read, or there is one class only.",
        "add pictures",
    ),
    "D006": Rule(
        "bad line in a table",
        "A line that makes no sense, or contradicts another; training refuses the table, or leaves them out.",
        "mend the lines, or leave them out by train --exclude",
    ),
    "D101": Rule(
        "empty class folder",
        "A folder among the class folders holds no picture, so no class is made of it.",
        "add pictures, or delete the folder",
    ),
    "D102": Rule(
        "class missing in val",
        "Val has no picture of a class: nothing can be said about how well it is recognised.",
        "add pictures of it to val, or divide anew by train --resplit",
    ),
    "D103": Rule(
        "classes of unequal size",
        "The largest class has at least five times as many pictures as the smallest: accuracy misleads.",
        "add pictures of the small classes; train answers with --imbalance, and judges by balanced accuracy",
    ),
    "D104": Rule(
        "few pictures to choose by",
        "Fewer than 30 pictures in val: its scores are too uncertain to compare anything by.",
        "add pictures; a split that the data brings can also be divided anew, by train --resplit",
    ),
    "D105": Rule(
        "the file gives the class away",
        "Format, bit depth, colour or size of the files tells the class: a model may learn that, and fail on"
        " other files.",
        "store the pictures of all classes alike",
    ),
    "D201": Rule("turned by EXIF", "The camera stored how to hold the picture; it is read upright."),
    "D202": Rule("CMYK", "Colours stored as inks; they become RGB, by the profile in the file if any."),
    "D203": Rule("palette", "Colours stored in a palette; they are read as RGB."),
    "D204": Rule("transparency", "Transparent places are shown on white."),
    "D205": Rule("16 bits", "Samples of 16 bits or decimal numbers; photographs are read with 8."),
    "D206": Rule(
        "several frames",
        "An animation or several pages: the first is the picture; grey pages of one size in a TIFF are its"
        " channels.",
    ),
    "D207": Rule("wrong ending", "The file is of another format than its ending says, and is read as that."),
    "D208": Rule("no ending", "A picture without an ending; it is read as what it is."),
    "D209": Rule(
        "very large", "Over 50 million pixels; the largest JPEGs are decoded at a part of their size."
    ),
    "D210": Rule("extreme shape", "One side is over 20 times the other: little is left at a model's size."),
    "D211": Rule("tiny", "A side of less than 8 pixels: there is hardly anything to be seen."),
    "D212": Rule("one grey", "The whole picture has one colour: there is nothing to be seen."),
    "D213": Rule("grey among colour", "A picture without colours in a set of coloured ones."),
    "D214": Rule("black and white", "One bit a pixel: a drawing or a scan rather than a photograph."),
    "D215": Rule(
        "in an inner folder", "It lies in a folder inside a class folder, and belongs to that class."
    ),
    "D216": Rule("no picture", "A file of another kind, a hidden one or one of the system; it is ignored."),
    "D217": Rule("left out", "A picture without a class, or missing from its place; it is left out."),
    "D218": Rule("unusual name", "A name that other programs may stumble over; it is read all the same."),
    "D219": Rule(
        "copies in one class", "The same picture more than once in a class and split: it counts more."
    ),
    "D220": Rule("class missing in test", "Test has no picture of a class: nothing can be said about it."),
    "D221": Rule("about the layout", "How the folders or the table were understood."),
    "D222": Rule("broken EXIF", "What the camera stored beside the picture cannot be read; it is ignored."),
    "D223": Rule(
        "class of one picture", "A class with a single picture: it is learnt from, and never tested."
    ),
    "D224": Rule("not compared", "Over 20,000 pictures: only copies of the same file are found."),
    "D225": Rule(
        "damaged inside", "Data is missing, and decoders fill it in without a word: with grey, or blurred."
    ),
    "D226": Rule("classes of nearly one name", "Two classes whose names are hardly told apart: perhaps one."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was found.

    message: what, in a sentence. files: names of the pictures, files and folders it is about; none where it
    is about the whole set. leave_out: those of them that `train --exclude` drops.
    """

    code: str
    message: str
    files: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return severity_of(self.code)

    @property
    def rule(self) -> Rule:
        return RULES[self.code]


def severity_of(code: str) -> Severity:
    severities: dict[str, Severity] = {"D0": "error", "D1": "warning", "D2": "note"}
    return severities[code[:2]]


def write_findings(path: str | os.PathLike[str], findings: Sequence[Finding]) -> Path:
    """Save findings as a CSV: a line for each file of each finding, or one for a finding without files."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for finding in findings:
        for name in finding.files or ("",):
            leave_out = _LEAVE_OUT if name and name in finding.leave_out else ""
            table.writerow((finding.code, finding.severity, name, leave_out, finding.message))
    return write_atomically(path, text.getvalue())


def read_exclusions(path: str | os.PathLike[str]) -> frozenset[str]:
    """The names that a file of findings says to leave out: the lines whose column leave_out says yes.

    Raises DataError when there is no such file, or it is none of findings.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError as error:
        raise DataError(f"there is no file of findings {path}", hint=did_you_mean(path)) from error
    except OSError as error:
        raise DataError(f"cannot read the findings in {path}: {error.strerror or error}") from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not {"file", "leave_out"} <= set(rows.fieldnames or ()):
        raise DataError(
            f"{path} is no file of findings: it has no columns file and leave_out",
            hint="swinkit check DATA writes one into runs/check-NAME/findings.csv",
        )
    return frozenset(row["file"] for row in rows if row["leave_out"] == _LEAVE_OUT)
