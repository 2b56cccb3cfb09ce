"""`convert` from Python and from the command line. The formats themselves are tested in tests/weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import torch

from swinkit.cli.doors.convert import Format
from swinkit.cli.main import main
from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Swin, create_model
from swinkit.verbs.convert import convert
from swinkit.verbs.inspect import inspect
from swinkit.weights import load, save
from swinkit.weights.formats import FORMATS


@pytest.fixture
def model() -> Swin:
    return create_model("swin_pico", classes=["cat", "dog", "owl"]).eval()


@pytest.fixture
def ours(model: Swin, tmp_path: Path) -> Path:
    return save(model, tmp_path / "ours.safetensors")


def test_the_command_line_knows_every_format() -> None:
    assert set(get_args(Format)) == FORMATS.keys()


def test_weights_go_to_another_format_and_back_bit_by_bit(model: Swin, ours: Path, tmp_path: Path) -> None:
    theirs = convert(ours, tmp_path / "timm.pth", "timm")
    back = convert(theirs, tmp_path / "back.safetensors", "swinkit")

    assert inspect(theirs).format == "timm"
    expected, actual = model.state_dict(), load(back).state_dict()
    assert expected.keys() == actual.keys()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)


def test_nothing_is_overwritten_unless_asked(ours: Path, tmp_path: Path) -> None:
    target = tmp_path / "timm.pth"
    target.write_bytes(b"precious")

    with pytest.raises(ConfigError, match="exists already"):
        convert(ours, target, "timm")
    assert target.read_bytes() == b"precious"

    assert inspect(convert(ours, target, "timm", overwrite=True)).loads


def test_a_folder_with_something_in_it_is_not_written_into(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")

    convert(ours, tmp_path / "empty", "huggingface")
    with pytest.raises(ConfigError, match="exists already"):
        convert(ours, tmp_path / "full", "huggingface")

    assert (tmp_path / "empty" / "config.json").is_file()


def test_an_unknown_format_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no format named 'keras'"):
        convert(tmp_path / "absent.pth", tmp_path / "out", "keras")


def test_what_a_file_does_not_say_can_be_said(tmp_path: Path) -> None:
    v2 = save(create_model("swin_pico", version=2), tmp_path / "v2.pth", "timm")

    with pytest.raises(CheckpointError, match="does not say its window"):
        convert(v2, tmp_path / "ours.safetensors", "swinkit")
    written = convert(v2, tmp_path / "ours.safetensors", "swinkit", window=(4, 4))

    assert inspect(written).window == ((4, 4), (4, 4))


# ------------------------------------------------------------------------------------ on the screen


def test_the_command_says_what_it_wrote(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "weights.pth"

    assert main(["convert", str(ours), str(target), "--to", "microsoft"]) == 0

    screen = capsys.readouterr()
    assert screen.out == f"{target}\n"
    assert "swinkit inspect" in screen.err
    assert inspect(target).format == "microsoft"


def test_the_command_takes_windows_as_one_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    v2 = save(create_model("swin_pico", version=2), tmp_path / "v2.pth", "timm")
    target = tmp_path / "ours.safetensors"

    code = main(["convert", str(v2), str(target), "--to", "swinkit", "--window", "4,2", "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {"written": str(target), "format": "swinkit"}
    assert inspect(target).window == ((4, 4), (2, 2))


@pytest.mark.parametrize("word", ["7 7", "0", "x", "7x", "-1", "7x7x7", "seven"])
def test_a_size_that_is_none_is_wrong_use(word: str, ours: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.pth"

    assert main(["convert", str(ours), str(target), "--to", "timm", f"--image-size={word}"]) == 2
    assert not target.exists()


def test_a_taken_target_is_wrong_use(ours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(ours), str(ours), "--to", "swinkit"]) == 2
    assert "overwrite" in capsys.readouterr().err
