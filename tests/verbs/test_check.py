"""`swinkit check` as people type it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import swinkit
from swinkit.cli.main import main
from swinkit.errors import ConfigError, DataError

from ..health.test_checkup import photos


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder to type commands in, beside the data."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def clean(root: Path) -> Path:
    return photos(root, {"train/a": 32, "train/b": 32, "val/a": 16, "val/b": 16})


def contents(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")]}


def test_a_clean_set_passes_and_leads_on_to_training(here, capsys):
    data = clean(here / "my photos")
    before = contents(data)

    assert main(["check", str(data)]) == 0

    screen = capsys.readouterr()
    assert screen.out.splitlines()[0] == "data      my photos: train/ + val/ + class folders"
    assert [line.split() for line in screen.out.splitlines()[-3:]] == [
        ["class", "train", "val"],
        ["a", "32", "16"],
        ["b", "32", "16"],
    ]
    assert "96 pictures in" in screen.err
    assert screen.err.splitlines()[-2:] == [
        "wrote check.html, findings.csv, split.csv into runs/check-my photos",
        f"next: swinkit train '{data}'",
    ]
    assert before == contents(data)


def test_errors_fail_the_check_and_are_named_on_the_screen_and_in_the_file(here, capsys):
    data = clean(here / "photos")
    (data / "train" / "a" / "0.png").write_bytes(b"<!doctype html><html>")

    assert main(["check", str(data)]) == 1

    screen = capsys.readouterr()
    assert "train/a/0.png: it is not a picture: it looks like an HTML page" in screen.out
    assert "1 error, 0 warnings, 0 notes" in screen.err
    with Path("runs/check-photos/findings.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["code"], row["severity"], row["file"], row["leave_out"]) == (
        "D001",
        "error",
        "train/a/0.png",
        "yes",
    )


def test_warnings_fail_only_a_strict_check(here):
    data = clean(here / "photos")
    (data / "train" / "wolf").mkdir()

    assert main(["check", str(data)]) == 0
    assert main(["check", str(data), "--strict"]) == 1


def test_json_has_every_finding_and_nothing_else_is_on_stdout(here, capsys):
    data = clean(here / "photos")
    (data / "train" / "a" / "notes.txt").write_text("x")

    main(["check", str(data), "--json"])

    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["errors"], found["warnings"], found["notes"]) == (True, 0, 0, 1)
    assert found["counts"] == {"a": {"train": 32, "val": 16}, "b": {"train": 32, "val": 16}}
    assert found["findings"][0]["files"] == ["train/a/notes.txt"]


def test_the_split_is_the_one_that_is_recommended_with_copies_together(here, capsys):
    data = clean(here / "photos")
    (data / "val" / "a" / "copy.png").write_bytes((data / "train" / "a" / "3.png").read_bytes())

    assert main(["check", str(data)]) == 1

    assert capsys.readouterr().err.splitlines()[-1] == f"next: swinkit train {data} --resplit"
    with Path("runs/check-photos/split.csv").open(newline="") as file:
        split = {row["name"]: row["split"] for row in csv.DictReader(file)}
    assert len(split) == 97
    assert split["val/a/copy.png"] == split["train/a/3.png"]


def test_a_folder_that_cannot_be_trained_on_is_reported_and_its_old_split_goes(here, capsys):
    data = photos(here / "photos", {"a": 4, "b": 4})
    main(["check", str(data)])
    assert Path("runs/check-photos/split.csv").exists()
    for path in data.glob("*/*"):
        path.write_bytes(b"")

    assert main(["check", str(data)]) == 1

    assert "no class has two pictures that can be read" in capsys.readouterr().out
    assert not Path("runs/check-photos/split.csv").exists()


def test_nothing_is_written_into_the_data_even_from_inside_it(here, monkeypatch):
    data = clean(here / "photos")
    before = contents(data)
    monkeypatch.chdir(data)

    result = swinkit.check(".")

    assert result.folder == here / "runs" / "check-photos"
    assert before == contents(data)
    with pytest.raises(ConfigError, match="lies inside the data"):
        swinkit.check(data, out=data / "report")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_unicode_is_printed_and_written(here):
    data = clean(here / "photos")
    Path(os.fsdecode(os.fsencode(data) + b"/train/a/caf\xe9.png")).write_bytes(b"")

    done = subprocess.run([sys.executable, "-m", "swinkit", "check", data], capture_output=True, check=False)

    assert done.returncode == 1
    assert b"train/a/caf\xe9.png" in done.stdout
    assert b"train/a/caf\xe9.png" in Path("runs/check-photos/findings.csv").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="such names are refused there")
def test_names_cannot_command_the_terminal_or_make_lines_of_their_own(here, capsys):
    data = clean(here / "photos")
    (data / "train" / "a" / "red \x1b[31m\nD001 error.png").write_bytes(b"")

    assert main(["check", str(data)]) == 1

    assert (
        r"    train/a/red \x1b[31m\nD001 error.png: it is empty (0 bytes)"
        in capsys.readouterr().out.splitlines()
    )


def test_a_mistyped_path_is_wrong_use_and_names_the_nearest(here, capsys):
    clean(here / "photos")

    assert main(["check", str(here / "phots")]) == 2

    assert f"did you mean {here / 'photos'}?" in capsys.readouterr().err


def test_a_folder_that_cannot_be_listed_is_refused_in_one_sentence(here, monkeypatch):
    data = clean(here / "photos")
    real = os.scandir

    def scandir(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("os.scandir", scandir)

    with pytest.raises(DataError, match=r"cannot list .*b: Permission denied"):
        swinkit.check(data)
