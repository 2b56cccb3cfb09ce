"""`load`: what a file holds, what is asked for, and a report of the difference."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Preprocess, Swin
from swinkit.models.position import resize_bias_table
from swinkit.weights import LoadReport, catalogue, hub, load
from swinkit.weights.labels import imagenet_1k, rows_22k_to_1k
from swinkit.windows import POLICIES
from tests.tolerances import KERNEL, assert_close
from tests.weights.small_files import file_in_format, in_format, swin, weights_of

TABLE = "stages.0.blocks.0.attention.bias_table"


def labelled_file(folder: Path, labels: list[str]) -> Path:
    """transformers' folder with class names."""
    config = swin(classes=len(labels))
    save_file(in_format("huggingface", config), folder / "model.safetensors")
    description = {
        "model_type": "swin",
        "embed_dim": 4,
        "depths": [2, 1, 2],
        "num_heads": [1, 2, 2],
        "window_size": 4,
        "image_size": 64,
        "id2label": {str(row): name for row, name in enumerate(labels)},
    }
    (folder / "config.json").write_text(json.dumps(description))
    return folder


def image(channels: int = 3, side: int = 64) -> Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(5))


def state(model: Swin) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in model.state_dict().items()}


# What comes back ------------------------------------------------------------------------------------------


def test_a_loaded_model_is_in_evaluation_mode_with_the_files_tensors(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), drop_path=0.2)

    assert not model.training
    assert model.config.drop_path == 0.2
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in model.parameters())
    expected = weights_of(swin())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state(model).items())


def test_a_loaded_model_learns(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path)).train()

    model(image()).square().mean().backward()

    assert all(parameter.grad is not None for parameter in model.parameters())


def test_half_precision_is_read_as_float32_and_noted(tmp_path):
    tensors = {n: t.half() if t.is_floating_point() else t for n, t in in_format("microsoft", swin()).items()}
    torch.save(tensors, tmp_path / "half.pth")

    model = load(tmp_path / "half.pth")

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.equal(model.norm.bias.detach(), weights_of(swin())["norm.bias"].half().float())
    assert any("float16" in note for note in model.load_report.notes)


def test_the_report_counts_what_matched_and_names_what_was_dropped(tmp_path):
    report = load(file_in_format("microsoft", swin(), tmp_path)).load_report

    assert isinstance(report, LoadReport)
    assert report.summary.startswith(
        f"loaded {len(weights_of(swin()))}/{len(weights_of(swin()))} tensors (100 %"
    )
    assert len(report.dropped) == 6  # five indices and a mask
    assert report.parameters == report.parameters_loaded
    assert "format microsoft, policy microsoft" in str(report)


def test_a_report_never_says_100_percent_where_something_is_new(tmp_path):
    report = load(file_in_format("microsoft", swin(), tmp_path), classes=1).load_report

    assert report.summary.startswith("loaded 77/79 tensors (99.")
    assert "head 3 → 1 classes: zero-initialised" in str(report)


def test_parts_that_are_no_swin_are_left_out_and_said(tmp_path):
    tensors = in_format("swin_seg", swin(dense=(0, 1, 2), classes=0))
    tensors |= {"decode_head.conv_seg.weight": torch.zeros(150, 4, 1, 1), "auxiliary_head.x": torch.zeros(1)}
    torch.save({"state_dict": tensors}, tmp_path / "upernet.pth")

    report = load(tmp_path / "upernet.pth").load_report

    assert set(report.left_out) == {"decode_head.conv_seg.weight", "auxiliary_head.x"}
    assert any("150 classes was left out" in note for note in report.notes)


def test_a_training_file_with_a_pickled_config_loads_without_yacs(tmp_path, monkeypatch):
    """What Microsoft's code saves beside the weights is a class of a library that need not be there."""
    yacs = types.ModuleType("yacs.config")
    yacs.CfgNode = type("CfgNode", (dict,), {"__module__": "yacs.config"})
    monkeypatch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
    monkeypatch.setitem(sys.modules, "yacs.config", yacs)
    swinv2 = yacs.CfgNode(WINDOW_SIZE=4, PRETRAINED_WINDOW_SIZES=[3, 3, 3], DEPTHS=[2, 1, 2])
    config = yacs.CfgNode(MODEL=yacs.CfgNode(TYPE="swinv2", SWINV2=swinv2), DATA=yacs.CfgNode(IMG_SIZE=64))
    learnt = {
        n: t for n, t in in_format("microsoft", swin(2)).items() if "relative" not in n and "mask" not in n
    }
    torch.save({"model": learnt, "optimizer": {}, "epoch": 3, "config": config}, tmp_path / "last.pth")
    monkeypatch.undo()

    model = load(tmp_path / "last.pth")

    assert model.config.pretrained_window == ((3, 3),) * 3
    assert model.config.image_size == (64, 64)


# Classes --------------------------------------------------------------------------------------------------


def test_the_head_stays_where_the_count_is_the_same(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), classes=3)

    assert torch.equal(model.head.weight.detach(), weights_of(swin())["head.weight"])
    assert not model.load_report.new


def test_another_count_of_classes_gets_a_new_head_of_zeros(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), classes=5)

    assert model(image()).shape == (2, 5)
    assert not model.head.weight.any()
    assert set(model.load_report.new) == {"head.weight", "head.bias"}


def test_without_classes_the_head_is_never_replaced(tmp_path):
    assert load(file_in_format("microsoft", swin(), tmp_path)).config.classes == 3


def test_names_that_a_file_does_not_have_may_be_said(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), classes=["a", "b", "c"])

    assert model.labels == ("a", "b", "c")
    assert torch.equal(model.head.weight.detach(), weights_of(swin())["head.weight"])


def test_rows_follow_their_names_into_another_order(tmp_path):
    folder = labelled_file(tmp_path, ["cat", "dog", "cow"])

    before, after = load(folder), load(folder, classes=["cow", "cat", "dog"])

    assert after.labels == ("cow", "cat", "dog")
    with torch.no_grad():
        assert_close(after(image()), before(image())[:, [2, 0, 1]], KERNEL[torch.float32])
    assert "3 kept" in after.load_report.resized["head.weight"]


def test_rows_of_known_names_are_kept_and_others_are_zero(tmp_path):
    model = load(labelled_file(tmp_path, ["cat", "dog", "cow"]), classes=["dog", "emu"])

    assert torch.equal(model.head.weight[0].detach(), weights_of(swin())["head.weight"][1])
    assert not model.head.weight[1].any()
    assert "1 kept, 1 new and zero" in model.load_report.resized["head.bias"]


def test_names_of_which_none_is_known_get_a_new_head(tmp_path):
    model = load(labelled_file(tmp_path, ["cat", "dog", "cow"]), classes=["emu", "gnu", "yak"])

    assert model.labels == ("emu", "gnu", "yak")
    assert not model.head.weight.any()


@pytest.mark.parametrize("classes", [1000, imagenet_1k()], ids=["count", "names"])
def test_a_head_of_22k_becomes_one_of_1k_by_the_published_map(classes, tmp_path):
    config = swin(classes=21841)

    model = load(file_in_format("microsoft", config, tmp_path), classes=classes)

    assert torch.equal(model.head.weight.detach(), weights_of(config)["head.weight"][rows_22k_to_1k()])
    assert model.labels == imagenet_1k()


def test_no_classes_is_no_head(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), classes=0)

    assert model.head is None
    assert model(image()).shape == (2, 16)


@pytest.mark.parametrize("classes", ["cat", ["cat", "cat"], -1], ids=str)
def test_classes_that_make_no_head_are_refused(classes, tmp_path):
    with pytest.raises(CheckpointError, match="class"):
        load(file_in_format("microsoft", swin(), tmp_path), classes=classes)


# Channels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 7])
def test_a_grey_picture_gives_the_same_logits_in_any_number_of_channels(channels, tmp_path):
    path = file_in_format("microsoft", swin(), tmp_path)
    grey = image(1)

    adapted = load(path, in_channels=channels)

    with torch.no_grad():
        expected = load(path)(grey.expand(-1, 3, -1, -1))
        assert_close(adapted(grey.expand(-1, channels, -1, -1)), expected, KERNEL[torch.float32])
    assert "channels" in adapted.load_report.resized["patch_embed.proj.weight"]
    assert len(adapted.preprocess.mean) == channels


def test_a_grey_model_takes_colours(tmp_path):
    path = file_in_format("microsoft", swin(in_channels=1), tmp_path)
    grey = image(1)

    with torch.no_grad():
        expected = load(path)(grey)
        assert_close(load(path, in_channels=3)(grey.expand(-1, 3, -1, -1)), expected, KERNEL[torch.float32])


def test_a_decoder_keeps_its_channels(tmp_path):
    path = file_in_format("simmim", swin(classes=0, masked_modelling=True), tmp_path)

    with pytest.raises(CheckpointError, match="reconstruct"):
        load(path, in_channels=1)


# Windows and image sizes ----------------------------------------------------------------------------------


def test_another_window_resamples_the_tables_as_microsoft_does(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), window=6)

    expected = F.interpolate(
        weights_of(swin())[TABLE][None], size=(11, 11), mode="bicubic", align_corners=False
    )[0]
    assert torch.equal(state(model)[TABLE], expected)
    assert model.config.window == ((6, 6),) * 3
    assert model.load_report.resized[TABLE] == "4 × 4 → 6 × 6, bicubic"


def test_the_geometric_rule_may_be_asked_for(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), window=6, resize="geometric")

    assert torch.equal(state(model)[TABLE], resize_bias_table(weights_of(swin())[TABLE], (6, 6), "geometric"))
    assert model.load_report.resized[TABLE].endswith("geometric")


def test_another_rule_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="bicubic"):
        load(file_in_format("microsoft", swin(), tmp_path), window=6, resize="nearest")  # type: ignore[arg-type]


def test_the_window_that_a_library_was_told_is_the_one_that_it_shrank(tmp_path):
    """Window 4 at 32 pixels makes tables for 4, 4 and 2: nothing is to be resampled."""
    config = swin(window=((4, 4), (4, 4), (2, 2)), image_size=(32, 32))

    model = load(file_in_format("timm", config, tmp_path), window=4)

    assert model.config.window == config.window
    assert not model.load_report.resized


def test_a_window_for_each_stage_is_taken_at_its_word(tmp_path):
    config = swin(window=((4, 4), (4, 4), (2, 2)))

    model = load(file_in_format("timm", config, tmp_path), window=(4, 4, 4))

    assert model.config.window == ((4, 4),) * 3
    assert [name for name in model.load_report.resized if name.startswith("stages.0")] == []
    assert "stages.2.blocks.0.attention.bias_table" in model.load_report.resized


def test_another_window_of_v2_is_measured_by_the_one_of_pretraining(tmp_path):
    model = load(file_in_format("microsoft", swin(2), tmp_path), window=8)

    assert model.config.window == ((8, 8),) * 3
    assert model.config.pretrained_window == ((4, 4),) * 3
    assert not model.load_report.resized
    assert any("window 4 → 8" in note for note in model.load_report.notes)


def test_a_pretrained_window_may_be_corrected(tmp_path):
    model = load(file_in_format("microsoft", swin(2), tmp_path), pretrained_window=(3, 3, 0))

    assert model.config.pretrained_window == ((3, 3), (3, 3), None)
    assert any("pretrained window not set → (3, 3, None)" in note for note in model.load_report.notes)


def test_another_image_size_changes_no_window(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), image_size=(128, 96))

    assert model.config.image_size == (128, 96)
    assert model.config.window == swin().window
    assert model.preprocess.image_size == (128, 96)
    assert not model.load_report.resized


def test_an_absolute_position_is_resampled_for_another_image_size(tmp_path):
    config = swin(position=(16, 16))

    model = load(file_in_format("microsoft", config, tmp_path), image_size=128)

    assert model.config.position == (32, 32)
    assert model.load_report.resized["position"] == "16 × 16 → 32 × 32, bicubic"


# Dense or not ---------------------------------------------------------------------------------------------


def test_a_classifier_becomes_a_backbone_with_new_norms(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), dense=True)

    assert [tuple(feature.shape[1:]) for feature in model(image())] == [(4, 16, 16), (8, 8, 8), (16, 4, 4)]
    assert len(model.load_report.new) == 6
    assert set(model.load_report.left_out) == {"head.weight", "head.bias", "norm.weight", "norm.bias"}
    assert any("policy='dense'" in note for note in model.load_report.notes)


def test_stages_that_no_map_needs_are_left_out(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), dense=(0,), norms=False, policy="dense")

    assert len(model.stages) == 1
    assert not model.load_report.new
    assert "stages.2.blocks.1.mlp.fc2.bias" in model.load_report.left_out
    assert model.config.policy == POLICIES["dense"]


def test_the_norms_of_a_backbone_come_from_its_file(tmp_path):
    config = swin(dense=(0, 1, 2), classes=0)

    model = load(file_in_format("swin_det", config, tmp_path), dense=(0, 2))

    assert torch.equal(model.norms["2"].weight.detach(), weights_of(config)["norms.2.weight"])
    assert "norms.1.weight" in model.load_report.left_out
    assert not model.load_report.new


def test_norms_may_be_refused(tmp_path):
    model = load(file_in_format("swin_det", swin(dense=(0, 1, 2), classes=0), tmp_path), norms=False)

    assert not model.norms
    assert len(model.load_report.left_out) == 6


def test_a_backbone_becomes_a_classifier(tmp_path):
    model = load(
        file_in_format("swin_det", swin(dense=(0, 1, 2), classes=0), tmp_path), dense=False, classes=4
    )

    assert model(image()).shape == (2, 4)
    assert set(model.load_report.new) == {"norm.weight", "norm.bias", "head.weight", "head.bias"}


def test_maps_and_a_head_may_stand_in_one_model(tmp_path):
    model = load(file_in_format("microsoft", swin(), tmp_path), dense=(1,), classes=3)

    assert model(image()).shape == (2, 3)
    assert [feature.shape[1] for feature in model.features(image())] == [8]
    assert torch.equal(model.head.weight.detach(), weights_of(swin())["head.weight"])


@pytest.mark.parametrize("changes", [{"classes": 4}, {"dense": True}], ids=str)
def test_fine_tuning_takes_the_encoder_of_simmim(changes, tmp_path):
    model = load(file_in_format("simmim", swin(classes=0, masked_modelling=True), tmp_path), **changes)

    assert model.decoder is None
    assert "serves pre-training alone" in model.load_report.left_out["mask_token"]


@pytest.mark.parametrize("dense", [(3,), (1, 0), ()], ids=str)
def test_stages_that_there_are_not_are_refused(dense, tmp_path):
    with pytest.raises(ConfigError, match="dense"):
        load(file_in_format("microsoft", swin(), tmp_path), dense=dense)


# Policies and preprocessing -------------------------------------------------------------------------------


def test_a_policy_may_be_named_or_made(tmp_path):
    path = file_in_format("microsoft", swin(), tmp_path)
    masked = replace(POLICIES["dense"], name="masked", padding="masked")

    assert load(path, policy="torchvision").config.policy == POLICIES["torchvision"]
    assert load(path, policy=masked).config.policy == masked
    with pytest.raises(ConfigError, match="no policy named"):
        load(path, policy="nobody's")


def test_preprocessing_is_for_the_size_that_the_file_tells(tmp_path):
    preprocess = load(file_in_format("microsoft", swin(), tmp_path)).preprocess

    assert preprocess is not None
    assert (preprocess.image_size, preprocess.resize_to) == ((64, 64), (73, 73))


def test_preprocessing_is_for_one_window_in_the_last_stage_where_the_file_tells_nothing(tmp_path):
    model = load(file_in_format("torchvision", swin(), tmp_path))

    assert model.config.image_size is None
    assert model.preprocess.image_size == (64, 64)
    assert any("64 × 64 pixels" in note for note in model.load_report.notes)


# Sources --------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_names_the_nearest(tmp_path):
    file_in_format("microsoft", swin(), tmp_path)

    with pytest.raises(CheckpointError, match="does not exist") as error:
        load(tmp_path / "microsft.pth")
    assert "microsoft.pth" in error.value.hint


def test_a_name_that_nobody_published_names_the_nearest():
    with pytest.raises(CheckpointError, match="no file here, and there are no published weights") as error:
        load("swin_tiny_patch4_window7_242")
    assert "swin_tiny_patch4_window7_224" in error.value.hint


def test_published_weights_come_with_their_class_names_size_and_preprocessing(tmp_path, monkeypatch):
    entry = catalogue.find("swin_t")
    assert entry.format == "torchvision"
    path = file_in_format("torchvision", swin(classes=1000), tmp_path)
    monkeypatch.setattr(catalogue, "fetch", lambda wanted, say=None: path)

    model = load("swin_t")

    assert model.labels == imagenet_1k()
    assert model.preprocess == entry.preprocess
    assert model.config.image_size == entry.preprocess.image_size


def test_a_hub_repository_is_fetched_by_name(tmp_path, monkeypatch):
    asked = []
    folder = labelled_file(tmp_path, ["cat", "dog", "cow"])
    monkeypatch.setattr(hub, "fetch_model", lambda name, say=None: asked.append(name) or folder)

    model = load("hf:someone/some-swin")

    assert asked == ["someone/some-swin"]
    assert model.labels == ("cat", "dog", "cow")


def test_what_a_file_of_ours_says_comes_before_the_default(tmp_path):
    preprocess = Preprocess(image_size=(48, 48), squash=True)
    description = {
        "schema": 1,
        "config": swin().to_dict(),
        "labels": ["a", "b", "c"],
        "preprocess": preprocess.to_dict(),
        "extra": {"task": "classification"},
    }
    save_file(weights_of(swin()), tmp_path / "ours.safetensors", {"swinkit": json.dumps(description)})

    model = load(tmp_path / "ours.safetensors")

    assert (model.labels, model.preprocess) == (("a", "b", "c"), preprocess)
    assert model.load_report.extra == {"task": "classification"}
