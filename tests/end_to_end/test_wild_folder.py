"""A folder with other defects than the first: each is named, nothing else is, and nothing falls over them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from swinkit.cli.main import main
from tests.end_to_end.wild_folder import Wild, make_wild_folder

SEVERITIES = {"D0": "error", "D1": "warning", "D2": "note"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def wild(desk: Path) -> Wild:
    (desk / "photos").mkdir()
    return make_wild_folder(desk / "photos")


@pytest.fixture(scope="module")
def rows(desk: Path, wild: Wild) -> list[dict[str, str]]:
    """What `swinkit check photos` finds; its exit code is 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        assert 1 == main(["check", "photos"])
    path = desk / "runs" / "check-photos" / "findings.csv"
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_every_defect_is_named_with_its_path_and_severity(wild: Wild, rows: list[dict[str, str]]) -> None:
    named = {(row["code"], row["file"]): row["severity"] for row in rows}

    assert [] == [planted for planted in wild.planted if planted not in named]
    assert all(severity == SEVERITIES[code[:2]] for (code, _), severity in named.items())


def test_copies_are_named_however_they_were_changed(wild: Wild, rows: list[dict[str, str]]) -> None:
    named = {(row["code"], row["file"]) for row in rows}

    assert [] == [copy for copy in wild.copies if not {(copy[0], copy[1]), (copy[0], copy[2])} <= named]


def test_nothing_else_is_accused(wild: Wild, rows: list[dict[str, str]]) -> None:
    known = {name for _, name in wild.planted} | {name for copy in wild.copies for name in copy[1:]}

    assert set() == {row["file"] for row in rows} - known


def test_nothing_but_our_own_sentences_is_said(
    desk: Path, wild: Wild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Decoders mumble on stderr about files that are damaged."""
    monkeypatch.chdir(desk)

    main(["check", "photos", "--out", "again", "--json"])

    said = capfd.readouterr()
    begins = ("looked at ", f"{json.loads(said.out)['errors']} errors, ", "wrote ", "next: ")
    lines = said.err.splitlines()
    assert len(begins) == len(lines), lines
    assert all(map(str.startswith, lines, begins))


def test_the_page_holds_names_as_text(desk: Path, rows: list[dict[str, str]]) -> None:
    page = (desk / "runs" / "check-photos" / "check.html").read_text("utf-8")

    assert "&lt;b&gt;bold &amp;" in page
    assert "<b>bold" not in page


def test_training_and_prediction_go_on_in_spite_of_all(
    desk: Path, wild: Wild, rows: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.chdir(desk)
    excluded = "runs/check-photos/findings.csv"
    settings = "--weights none --model swin_pico --image-size 32 --epochs 1"

    assert 0 == main(f"train photos --resplit --exclude {excluded} {settings}".split())
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "1 of the pictures (.heic) cannot be read" in said or ".HEIC: " in said
    assert (desk / "runs" / "photos-1" / "report.html").is_file()

    assert 0 == main(["predict", "photos/Training/ant", "--weights", "runs/photos-1", "--json"])
    answers = {Path(one["image"]).name: one for one in json.loads(capfd.readouterr().out)}
    unreadable = {Path(name).name for code, name in wild.planted if code == "D001" and "/ant/" in name}
    assert unreadable - {"IMG_0001.HEIC"} == {name for name, one in answers.items() if one["error"]}
