"""`inspect` on files made here: what it tells, and why a file does not load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from swinkit.cli.main import main
from swinkit.errors import CheckpointError
from swinkit.models import create_model
from swinkit.verbs.inspect import inspect
from swinkit.weights.formats import FORMATS

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write("timm", "swin_pico", classes=5) -> a file of that format with fresh weights."""

    def written(
        form: str, size: str, *, name: str = "weights.pth", wrap: str = "", **settings: object
    ) -> Path:
        model = create_model(size, **settings)
        tensors = FORMATS[form].from_native(dict(model.state_dict()), model.config)
        path = tmp_path / "weights.pth"
        torch.save({wrap: tensors} if wrap else tensors, path)
        return path

    return written


@pytest.mark.parametrize("form", ["swinkit", "microsoft", "timm", "torchvision", "huggingface"])
def test_a_classifier_of_each_format_is_told_for_what_it_is(form: str, write: Write) -> None:
    found = inspect(write(form, "swin_nano", classes=5))

    assert found.loads
    assert found.format == form
    assert found.task == "classification"
    assert found.size == "swin_nano"
    assert found.config is not None
    assert (found.config.classes, found.config.depths, found.config.embed_dim) == (5, (2, 2, 2), 32)
    assert found.window == ((4, 4),) * 3
    expected = create_model("swin_nano", classes=5).parameters()
    assert found.parameters == sum(parameter.numel() for parameter in expected)


def test_a_backbone_says_of_which_stages_its_maps_are(write: Write) -> None:
    found = inspect(write("mmdet", "swin_pico", dense=True))

    assert found.loads
    assert (found.task, found.format) == ("backbone", "mmdet")
    assert found.config is not None
    assert found.config.dense == (0, 1)


def test_averaged_weights_are_noticed(tmp_path: Path, write: Write) -> None:
    raw = torch.load(write("timm", "swin_pico"), weights_only=True)
    both = tmp_path / "both.pth"
    torch.save({"state_dict": raw, "state_dict_ema": raw}, both)

    assert inspect(both).averaged
    assert not inspect(tmp_path / "weights.pth").averaged


def test_a_v2_file_that_hides_its_window_does_not_load_but_tells_the_rest(write: Write) -> None:
    found = inspect(write("timm", "swin_pico", version=2, classes=7))

    assert not found.loads
    assert "does not say its window" in found.because
    assert "window=" in found.hint
    assert found.window is None
    assert found.config is not None
    assert (found.config.version, found.config.classes, found.config.embed_dim) == (2, 7, 16)


def test_a_file_with_a_missing_tensor_does_not_load_and_names_it(tmp_path: Path, write: Write) -> None:
    tensors = torch.load(write("timm", "swin_pico"), weights_only=True)
    del tensors["layers.0.blocks.1.mlp.fc2.bias"]
    path = tmp_path / "holey.safetensors"
    save_file(tensors, path)

    found = inspect(path)

    assert not found.loads
    assert found.format == "timm"
    assert "layers.0.blocks.1.mlp.fc2.bias" in found.because


def test_another_network_is_no_swin(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.bias": torch.zeros(10)}, path)

    found = inspect(path)

    assert not found.loads
    assert found.format is None
    assert "no Swin that swinkit knows" in found.because


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        inspect(tmp_path / "weights.pth")


# ------------------------------------------------------------------------------------ on the screen


def test_one_screen_says_all(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("microsoft", "swin_nano", classes=5, wrap="model")

    assert main(["inspect", str(path)]) == 0

    lines = capsys.readouterr().out.splitlines()
    facts = {line.split("  ")[0]: line for line in lines}
    assert len(lines) <= 24
    for name, told in {
        "format": "microsoft",
        "size": "swin_nano",
        "architecture": "Swin v1, 32 channels, depths 2, heads 2, 4, 8",
        "window": "4",
        "patch": "2, 3 channels in",
        "classes": "5, without names",
        "task": "classification",
        "policy": "microsoft",
        "loads": "yes, because",
    }.items():
        assert told in facts[name]


def test_the_answer_no_is_exit_code_1(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("timm", "swin_pico", version=2)

    assert main(["inspect", str(path)]) == 1
    assert "loads         no, because" in capsys.readouterr().out


def test_json_has_the_same_facts(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(write("timm", "swin_nano", classes=5)), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["loads"] is True
    assert found["format"] == "timm"
    assert found["config"]["depths"] == [2, 2, 2]
    assert found["window"] == [[4, 4]] * 3
