"""`save` and `convert`: whole files that others load, and a clear word about what a format cannot hold."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from swinkit.errors import CheckpointError
from swinkit.models import Preprocess, Swin, SwinConfig
from swinkit.weights import convert, load, save
from swinkit.weights.files import read_file
from swinkit.weights.formats import FORMATS
from swinkit.weights.save import _write_safetensors
from swinkit.windows import POLICIES
from tests.weights.small_files import file_in_format, in_format, swin, weights_of


def model_of(config: SwinConfig) -> Swin:
    model = Swin(config)
    model.load_state_dict(weights_of(config))
    return model.eval()


def name_for(to: str, folder: Path) -> Path:
    """A path as that format wants it."""
    endings = {"swinkit": ".safetensors", "huggingface": "", "timm": "", "detectron2": ".pkl"}
    return folder / f"weights{endings.get(to, '.pth')}"


# Our own format -------------------------------------------------------------------------------------------


def test_a_file_of_ours_says_all_of_itself(tmp_path):
    policy = replace(POLICIES["dense"], name="mine", padding="masked")
    config = swin(2, pretrained_window=((3, 3), None, (2, 3)), policy=policy, drop_path=0.3)
    model = model_of(config)
    model.labels = ("Katze", "Hund", "Kuh – braun")
    model.preprocess = Preprocess(image_size=(64, 48), resize_to=(70, 70), mean=(0.1, 0.2, 0.3))

    path = save(model, tmp_path / "model.safetensors", extra={"licence": "MIT", "scores": {"top1": 0.5}})
    again = load(path)

    assert again.config == replace(config, drop_path=0.0)
    assert (again.labels, again.preprocess) == (model.labels, model.preprocess)
    assert again.load_report.extra == {"licence": "MIT", "scores": {"top1": 0.5}}
    x = torch.randn(1, 3, 64, 48)
    with torch.no_grad():
        assert torch.equal(again(x), model(x))


def test_the_metadata_are_one_json_string_beside_the_usual_mark(tmp_path):
    path = save(model_of(swin()), tmp_path / "model.safetensors")

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert set(metadata) == {"format", "swinkit"}
    assert metadata["format"] == "pt"
    assert json.loads(metadata["swinkit"])["schema"] == 1


def test_every_kind_of_model_comes_back_from_our_format(tmp_path):
    config = swin(
        2,
        position=(9, 7),
        extra_norm_every=2,
        dense=(0, 1),
        norms=False,
        window=((2, 3), (4, 4), (1, 1)),
        classes=0,
    )
    model = model_of(config)

    again = load(save(model, tmp_path / "odd.safetensors"))

    assert again.config == config
    assert all(torch.equal(t, again.state_dict()[name]) for name, t in model.state_dict().items())


def test_our_format_has_one_ending(tmp_path):
    with pytest.raises(CheckpointError, match=r"end in \.safetensors"):
        save(model_of(swin()), tmp_path / "model.pth")


def test_extra_takes_plain_values_alone(tmp_path):
    for value in (torch.zeros(1), float("nan")):
        with pytest.raises(CheckpointError, match="plain values"):
            save(model_of(swin()), tmp_path / "model.safetensors", extra={"x": value})
    assert not list(tmp_path.iterdir())


# The others -----------------------------------------------------------------------------------------------

CLASSIFIERS = sorted(set(FORMATS) - {"simmim"})
BACKBONES = ("swinkit", "huggingface", "mmdet", "mmseg", "swin_det", "swin_seg", "detectron2", "mmpretrain")


@pytest.mark.parametrize("to", CLASSIFIERS)
def test_a_classifier_saved_for_anyone_loads_again(to, tmp_path):
    """Detection code is given what it starts from, which holds the head as well."""
    model = model_of(swin())

    again = load(save(model, name_for(to, tmp_path), to))

    assert replace(again.config, policy=model.config.policy, image_size=(64, 64)) == model.config
    assert all(torch.equal(t, again.state_dict()[name]) for name, t in model.state_dict().items())


@pytest.mark.parametrize("to", BACKBONES)
def test_a_backbone_saved_for_anyone_loads_again(to, tmp_path):
    model = model_of(swin(dense=(0, 1, 2), classes=0, policy=POLICIES["dense"]))

    again = load(save(model, name_for(to, tmp_path), to))

    assert replace(again.config, image_size=(64, 64)) == model.config
    assert all(torch.equal(t, again.state_dict()[name]) for name, t in model.state_dict().items())


def test_a_backbone_of_fewer_stages_is_written_with_those(tmp_path):
    model = model_of(swin(dense=(0, 1), classes=0))

    again = load(save(model, tmp_path / "two.pth", "swin_det"))

    assert again.config.depths == (2, 1)


def test_a_pkl_for_detectron2_is_arrays_and_says_by_whom_it_is(tmp_path):
    path = save(model_of(swin(dense=(0, 1, 2), classes=0)), tmp_path / "backbone.pkl", "detectron2")

    content = pickle.loads(path.read_bytes())

    assert content["__author__"]
    assert content["matching_heuristics"] is True
    assert all(isinstance(array, np.ndarray) for array in content["model"].values())
    assert "backbone.bottom_up.norm2.weight" in content["model"]


@pytest.mark.parametrize(
    ("to", "wrapper"),
    [
        ("microsoft", "model"),
        ("mmpretrain", "state_dict"),
        ("mmdet", "state_dict"),
        ("torchvision", ""),
        ("timm_old", ""),
    ],
)
def test_a_torch_file_is_wrapped_as_that_library_wraps_it(to, wrapper, tmp_path):
    content = torch.load(save(model_of(swin()), tmp_path / "x.pth", to), weights_only=True)

    tensors = content[wrapper] if wrapper else content
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())


@pytest.mark.parametrize("to", ["timm", "microsoft", "mmdet"])
def test_any_format_may_be_bare_tensors_in_a_safetensors_file(to, tmp_path):
    path = save(model_of(swin()), tmp_path / "x.safetensors", to)

    assert read_file(path).tensors.keys() == in_format(to, swin()).keys()


def test_written_tensors_are_contiguous_and_share_nothing(tmp_path):
    path = save(model_of(swin()), tmp_path / "x.pth", "microsoft")

    tensors = list(torch.load(path, weights_only=True)["model"].values())

    assert all(tensor.is_contiguous() for tensor in tensors)
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == len(tensors)
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in tensors)


REFUSED = [
    ("timm", swin(position=(16, 16)), "absolute position"),
    ("timm", swin(patch_norm=False), "without a norm"),
    ("timm", swin(dense=(0, 1), classes=0), "a norm for each of the stages 0, 1"),
    ("torchvision", swin(2, pretrained_window=((3, 3),) * 3), "pretrained windows"),
    ("torchvision", swin(window=((4, 4), (4, 4), (2, 2))), "differ from stage to stage"),
    ("torchvision", swin(in_channels=1), "1 input channels"),
    ("torchvision", swin(qkv_bias=False), "without a qkv bias"),
    ("huggingface", swin(window=((3, 5),) * 3), "not square"),
    ("huggingface", swin(window=((4, 4), (8, 8), (4, 4))), "differ from stage to stage"),
    ("huggingface", swin(dense=(0, 1, 2)), "maps and a head"),
    ("huggingface", swin(2, dense=(0, 1, 2), classes=0), "v2 with norms"),
    ("huggingface", swin(2, window=((8, 8), (8, 8), (2, 2))), "builds stage 2 with window"),
    ("microsoft", swin(extra_norm_every=2), "extra norms"),
    ("microsoft", swin(classes=0, masked_modelling=True), "pixel decoder"),
    ("microsoft", swin(window=((4, 4), (8, 8), (4, 4))), "differ from stage to stage"),
    ("simmim", swin(), "without mask token"),
    ("swin_det", swin(2, dense=(0, 1, 2), classes=0), "Swin v2"),
    ("detectron2", swin(dense=(0, 1, 2), norms=False, classes=0), "without norms"),
    ("mmdet", swin(dense=(0, 1, 2)), "maps and a head"),
    ("mmseg", swin(2), "Swin v2"),
    ("mmpretrain", swin(window=((3, 5),) * 3), "not square"),
]


@pytest.mark.parametrize(("to", "config", "what"), REFUSED, ids=[f"{to}: {what}" for to, _, what in REFUSED])
def test_what_a_format_cannot_hold_is_refused_by_name_and_nothing_is_written(to, config, what, tmp_path):
    with pytest.raises(CheckpointError, match=what) as error:
        save(model_of(config), name_for(to, tmp_path), to)

    assert to in error.value.message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_format_that_there_is_not_lists_those_there_are(tmp_path):
    with pytest.raises(CheckpointError, match="no format named 'onnx'") as error:
        save(model_of(swin()), tmp_path / "x.onnx", "onnx")
    assert "torchvision" in error.value.hint


@pytest.mark.parametrize(
    ("to", "name"), [("microsoft", "x"), ("torchvision", "x.onnx"), ("huggingface", "x.pth")]
)
def test_a_name_with_the_wrong_ending_is_refused(to, name, tmp_path):
    with pytest.raises(CheckpointError, match="name"):
        save(model_of(swin()), tmp_path / name, to)


# Written whole or not at all ------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CheckpointError, match=r"No space left.*untouched"):
        save(model_of(swin()), path)

    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_second_write_replaces_the_first(tmp_path):
    path = tmp_path / "deep" / "model.safetensors"
    save(model_of(swin()), path)

    save(model_of(swin(classes=9)), path)

    assert load(path).config.classes == 9
    assert os.listdir(path.parent) == ["model.safetensors"]


# Conversion -----------------------------------------------------------------------------------------------

TYPES = [torch.float16, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_conversion_changes_no_type(dtype, tmp_path):
    tensors = {
        n: t.to(dtype) if t.is_floating_point() else t for n, t in in_format("microsoft", swin()).items()
    }
    torch.save(tensors, tmp_path / "a.pth")

    convert(tmp_path / "a.pth", tmp_path / "b.safetensors", "timm")

    returned = read_file(tmp_path / "b.safetensors").tensors
    assert {tensor.dtype for tensor in returned.values()} == {dtype}


def test_stages_that_a_backbone_does_not_use_are_converted_too(tmp_path):
    source = file_in_format("swin_det", swin(dense=(0, 1), classes=0), tmp_path)
    whole = in_format("swin_det", swin(dense=(0, 1, 2), classes=0))
    torch.save({n: t for n, t in whole.items() if "norm2" not in n or "blocks" in n}, source)

    convert(source, tmp_path / "b.pth", "mmdet")

    assert "backbone.stages.2.blocks.1.ffn.layers.1.bias" in read_file(tmp_path / "b.pth").tensors
    assert len(load(source).stages) == 2


@pytest.mark.parametrize("to", CLASSIFIERS)
@pytest.mark.parametrize("source", ["microsoft", "timm", "huggingface", "torchvision", "mmpretrain", "mmdet"])
def test_any_two_formats_convert_into_each_other_and_back(source, to, tmp_path):
    before = file_in_format(source, swin(), tmp_path)

    there = convert(before, name_for(to, tmp_path), to, image_size=64)
    (tmp_path / "back").mkdir()
    back = convert(there, name_for(source, tmp_path / "back"), source, image_size=64)

    expected, returned = read_file(before).tensors, read_file(back).tensors
    assert all(torch.equal(expected[name], tensor) for name, tensor in returned.items() if name in expected)
    buffers = ("relative_position_index", "attn_mask")
    assert {n for n in expected if not n.endswith(buffers)} == {
        n for n in returned if not n.endswith(buffers)
    }


def test_conversion_asks_for_what_the_source_does_not_say(tmp_path):
    source = file_in_format("timm", swin(2), tmp_path)

    with pytest.raises(CheckpointError, match="does not say its window"):
        convert(source, tmp_path / "b.pth", "microsoft")

    convert(source, tmp_path / "b.pth", "microsoft", window=4, pretrained_window=3, image_size=64)
    assert load(tmp_path / "b.pth").config.pretrained_window == ((3, 3),) * 3


def test_a_safetensors_file_is_the_one_that_safetensors_writes(tmp_path: Path) -> None:
    tensors = {
        "a.transposed": torch.randn(3, 5).T,
        "of one number": torch.tensor(7, dtype=torch.int64),
        "b.half": torch.randn(2, 3, dtype=torch.float16),
        "a.brain": torch.randn(4).bfloat16(),
        "häuser": torch.randn(0, 3),
    }
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}

    path = _write_safetensors(tmp_path / "x.safetensors", tensors, {"format": "pt"})

    assert safetensors.torch.save(contiguous, {"format": "pt"}) == path.read_bytes()


def test_equal_models_are_equal_files(tmp_path: Path) -> None:
    """safetensors writes what it is told beside the tensors in another order each time."""
    model = model_of(swin())
    model.labels = ("häuser", "𝄞", "")

    files = {save(model, tmp_path / f"{index}.safetensors").read_bytes() for index in range(20)}

    assert 1 == len(files)
    assert model.labels == load(tmp_path / "0.safetensors").labels
