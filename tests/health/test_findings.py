"""The table of codes, and the file that lists what was found."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from swinkit.errors import DataError
from swinkit.health.findings import RULES, Finding, read_exclusions, severity_of, write_findings

DOCUMENTED = Path(__file__).parents[2] / "docs" / "reference" / "findings.md"


def test_every_code_stands_in_the_reference_with_its_severity_and_meaning():
    rows = re.findall(
        r"^\| (D\d+) \| (\w+) \| (.+?) \| (.+?) \|$", DOCUMENTED.read_text("utf-8"), re.MULTILINE
    )

    assert [(code, severity_of(code), rule.title, rule.meaning) for code, rule in RULES.items()] == rows


@pytest.mark.parametrize(("code", "severity"), [("D001", "error"), ("D105", "warning"), ("D219", "note")])
def test_the_code_tells_the_severity(code, severity):
    assert severity == Finding(code=code, message="x").severity


def test_a_file_of_findings_has_a_line_for_each_file_and_says_what_to_leave_out(tmp_path):
    odd = b"caf\xe9, 1.png".decode("utf-8", "surrogateescape")
    findings = [
        Finding(code="D002", message="the same", files=("train/a", "val/b"), leave_out=("train/a",)),
        Finding(code="D001", message='it is "empty"', files=(odd,), leave_out=(odd,)),
        Finding(code="D102", message="val has no picture of fox"),
    ]

    path = write_findings(tmp_path / "new" / "findings.csv", findings)

    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert [
            ["code", "severity", "file", "leave_out", "message"],
            ["D002", "error", "train/a", "yes", "the same"],
            ["D002", "error", "val/b", "", "the same"],
            ["D001", "error", odd, "yes", 'it is "empty"'],
            ["D102", "warning", "", "", "val has no picture of fox"],
        ] == list(csv.reader(file))
    assert {"train/a", odd} == read_exclusions(path)


def test_other_files_are_no_findings(tmp_path):
    (tmp_path / "split.csv").write_text("name,label,split\na,b,train\n")

    with pytest.raises(DataError, match="no file of findings"):
        read_exclusions(tmp_path / "split.csv")
    with pytest.raises(DataError, match="there is no file of findings"):
        read_exclusions(tmp_path / "findngs.csv")
