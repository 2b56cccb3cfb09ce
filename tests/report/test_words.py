"""Sentences: each one can be said, and none tells where things lie on somebody's machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from swinkit.report import words
from swinkit.report.numbers import Sheet
from swinkit.report.verdict import Caution, Headline
from swinkit.trust.assessment import ByFolds, Interval
from tests.report.runs import Finished


def test_every_verdict_has_its_words(run: Finished) -> None:
    assert set(get_args(Headline)) == set(words.HEADLINES)
    assert set(get_args(Caution)) == set(words.CAUTIONS)
    share = Interval(value=0.8, low=0.7, high=0.9)
    folds = ByFolds(
        pictures=60, features="swin_tiny", accuracy=share, balanced_accuracy=share, each=(0.7, 0.8, 0.9)
    )
    found = replace(run.found, by_folds=folds, trained_copies=3, accuracy_without_copies=0.5)
    sheet, facts = Sheet("evaluation.json", found.to_dict()), Sheet("run.json", run.facts)
    for headline in get_args(Headline):
        assert words.headline(headline, sheet)
    for caution in get_args(Caution):
        title, text = words.caution(caution, found, sheet, facts)
        assert title.endswith(".") and text.rstrip().endswith(".")


def test_the_number_over_all_pictures_is_not_called_the_models(run: Finished) -> None:
    share = Interval(value=0.8, low=0.7, high=0.9)
    folds = ByFolds(
        pictures=60, features="/home/a/weights", accuracy=share, balanced_accuracy=share, each=(0.7, 0.9)
    )
    found = replace(run.found, by_folds=folds)
    sheet = Sheet("evaluation.json", found.to_dict())

    said, own = words.folded(found, sheet).striptags(), words.lead(found, sheet).striptags()

    assert "a linear classifier on the features of weights" in said
    assert "balanced accuracy came to 70 %, 90 %" in said
    assert own.startswith("The trained model named")


def test_where_time_decided_how_much_learns_the_command_gives_the_time(run: Finished) -> None:
    facts: dict[str, Any] = dict(run.facts)
    facts["config"] = {**run.facts["config"], "weights": "swin_tiny", "frozen_stages": 2}
    facts["asked"] = {"time": "3m", "labels_file": "classes.txt"}

    said = " ".join(words.command(facts))

    assert "--time 3m" in said and "--labels classes.txt" in said and "--epochs" not in said


def test_the_command_repeats_the_run(run: Finished) -> None:
    facts: dict[str, Any] = dict(run.facts)
    facts["config"] = {**run.facts["config"], "data": "my photos", "image_size": [96, 160]}
    facts["asked"] = {"resplit": True, "exclude": "runs/check/findings.csv", "epochs": 12}
    assert (
        "swinkit train 'my photos' --weights none --model swin_nano --image-size 96x160 --epochs 12 "
        "--batch 32 --lr 0.002 --precision fp32 --seed 0 --exclude runs/check/findings.csv --resplit"
    ) == " ".join(words.command(facts))


def test_the_command_line_understands_that_command(run: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """With --help at its end every option before it has to be known."""
    from swinkit.cli.main import main

    known = words.command(run.facts)[1:]
    with pytest.raises(SystemExit, match="0"):
        main([*known, "--help"])
    printed = capsys.readouterr().out
    for option in (word for word in known if word.startswith("--")):
        assert option in printed


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("photos", "photos"),
        ("../photos/train", "../photos/train"),
        ("/home/annabel/secret/photos", "photos"),
        ("C:\\Users\\annabel\\photos", "photos"),
        ("hf:owner/name", "hf:owner/name"),
        ("swin_tiny_patch4_window7_224.ms_in1k", "swin_tiny_patch4_window7_224.ms_in1k"),
    ],
)
def test_a_place_is_shown_as_seen_from_the_working_folder(path: str, expected: str) -> None:
    assert expected == words.place(path)


def test_a_place_below_the_working_folder_keeps_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "data/photos" == words.place(str(tmp_path / "data" / "photos"))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (
            "/home/annabel/secret/photos/cat/a.jpg",
            "cannot read /home/annabel/secret/photos/cat/a.jpg: it is empty",
        ),
        ("/home/annabel/secret/photos/cat/a.jpg", "did you mean /home/annabel/secret/photos/cat/b.jpg?"),
        ("C:\\Users\\annabel\\secret\\cat\\a.jpg", "C:\\Users\\annabel\\secret\\cat\\a.jpg is cut off"),
    ],
)
def test_a_file_left_out_tells_no_folder_of_the_machine(path: str, reason: str) -> None:
    name, why = words.left_out(path, reason)
    assert "cat/a.jpg" in name
    for folder in ("home", "annabel", "secret", "Users"):
        assert folder not in name + why


def test_a_reason_without_a_path_stays_as_it_is() -> None:
    reason = "it has 5 and/or 6 channels, at 30 km/h"
    assert reason == words.left_out("a.jpg", reason)[1]


def test_very_many_classes_are_not_all_named() -> None:
    assert "a and b" == words.names("ab").replace('<bdi class="called">', "").replace("</bdi>", "")
    assert words.names("abcdefghijkl").endswith("h</bdi> and others")
