"""Look through pictures before training on them."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swinkit.health.checkup import Checkup
    from swinkit.health.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found in a set of pictures, and where it is written.

    counts: pictures that can be read, by class and split ("all" where the data has no splits).
    unreadable, ignored: numbers of files. majority: share of the commonest class, which guessing it scores.
    written: names of the files in folder. seconds: that reading and comparing took.
    strict: whether warnings count as failures. next_command: what is likely wanted next.
    """

    data: str
    layout: str
    task: str
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    pictures: int
    unreadable: int
    ignored: int
    majority: float | None
    findings: tuple[Finding, ...]
    folder: Path
    written: tuple[str, ...]
    seconds: float
    strict: bool
    next_command: str

    @property
    def errors(self) -> int:
        """Findings of this severity."""
        return self._of("error")

    @property
    def warnings(self) -> int:
        return self._of("warning")

    @property
    def notes(self) -> int:
        return self._of("note")

    @property
    def passed(self) -> bool:
        """Whether training on it can be recommended as it is."""
        return not self.errors and not (self.strict and self.warnings)

    def _of(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: value for name, value in asdict(self).items() if name != "findings"}
        totals = {name: getattr(self, name) for name in ("passed", "errors", "warnings", "notes")}
        found = [
            {
                "code": one.code,
                "severity": one.severity,
                "message": one.message,
                "files": list(one.files),
                "leave_out": list(one.leave_out),
            }
            for one in self.findings
        ]
        return {**totals, **values, "folder": str(self.folder), "findings": found}


def check(
    data: str | Path,
    *,
    labels: str | Path | Sequence[str] | None = None,
    group_by: str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    strict: bool = False,
) -> Check:
    """Look through pictures: every file that cannot be read, copies, labels and splits that do not fit.

    Reads every picture once, whole, and changes nothing. What it finds is written as a page, a table and the
    split that training would make.

    Args:
        data: A folder of class folders, a table, a parquet file or a tar archive, as `train` takes them.
        labels: The classes, or a file with one in each line; by default those of train.
        group_by: What belongs together (a patient, a film): a column, or a pattern such as {patient}_*.
        out: Folder to write into; by default runs/check-NAME, beside the data where that would be inside it.
        seed: Of the split.
        strict: Whether warnings make the check fail too.

    Returns:
        The findings and counts; `check(...).passed` is the answer in one word.

    Raises:
        DataError: the data cannot be found or listed, or is laid out in no known way.
        ConfigError: `out` lies inside the data.
    """
    from swinkit.data import survey
    from swinkit.engine.progress import Progress
    from swinkit.engine.run import Run, outside
    from swinkit.health.checkup import look_through

    began = time.monotonic()
    place = Path(data)
    images = survey(data, labels=labels, group_by=group_by)
    folder = outside(place, out, f"check-{images.name}")
    found = look_through(images, place, seed=seed, counting=Progress(Run(folder)).counting)
    command = _next_command(found, data, folder)
    return Check(
        data=images.name,
        layout=images.layout,
        task=images.task,
        classes=images.classes,
        counts=found.counts(),
        pictures=len(found.readable),
        unreadable=found.unreadable,
        ignored=sum(finding.code == "D216" for finding in found.findings),
        majority=_majority(found),
        findings=found.findings,
        folder=folder,
        written=_write(folder, found, command),
        seconds=time.monotonic() - began,
        strict=strict,
        next_command=shlex.join(command),
    )


def _majority(found: Checkup) -> float | None:
    """Of val where there is one, else of everything."""
    there = [sample for sample in found.readable if sample.split == "val"] or list(found.readable)
    counted = Counter(sample.label for sample in there if sample.label is not None)
    return max(counted.values()) / counted.total() if counted else None


def _next_command(found: Checkup, data: str | Path, folder: Path) -> tuple[str, ...]:
    codes = {finding.code for finding in found.findings}
    if found.divided is None or codes & {"D004", "D005"}:
        return ("swinkit", "check", str(data))
    parts = ["swinkit", "train", str(data)]
    parts += ["--resplit"] if found.resplit else []
    parts += ["--exclude", str(folder / "findings.csv")] if found.exclude else []
    return tuple(parts)


def _write(folder: Path, found: Checkup, command: Sequence[str]) -> tuple[str, ...]:
    """The names of the files that are written."""
    from swinkit.data import write_split
    from swinkit.health.findings import write_findings
    from swinkit.report.check_page import write_check_page

    write_check_page(folder, found, command=command)
    write_findings(folder / "findings.csv", found.findings)
    if found.divided is None:
        (folder / "split.csv").unlink(missing_ok=True)  # of an earlier check, when it could be divided
        return ("check.html", "findings.csv")
    write_split(folder / "split.csv", found.divided.samples)
    return ("check.html", "findings.csv", "split.csv")
