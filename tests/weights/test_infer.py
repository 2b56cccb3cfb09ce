"""What a file is, from its tensors, its buffers and what stands beside it; the rest is asked for by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import SwinConfig
from swinkit.weights.files import RawCheckpoint
from swinkit.weights.formats import FORMATS
from swinkit.weights.geometry import Asked, pretrained_per_stage
from swinkit.weights.native import Native, understand
from tests.weights.small_files import in_format, swin


def understood(
    tensors: dict[str, Tensor], tmp_path, extra: dict[str, Any] | None = None, **asked: Any
) -> Native:
    raw = RawCheckpoint(tensors=tensors, extra=extra or {}, path=tmp_path / "weights.pth")
    return understand(raw, Asked(**asked))


# Windows of v1 --------------------------------------------------------------------------------------------


def test_the_window_of_a_square_table_is_seen(tmp_path):
    config = swin(window=((7, 7), (7, 7), (4, 4)))

    assert understood(in_format("timm", config), tmp_path).config.window == config.window


@pytest.mark.parametrize("window", [(3, 5), (5, 3), (2, 14), (1, 1)], ids=str)
def test_a_saved_index_tells_an_oblong_window(window, tmp_path):
    config = swin(window=(window,) * 3, image_size=None)

    assert understood(in_format("torchvision", config), tmp_path).config.window == config.window


@pytest.mark.parametrize("window", [(1, 4), (4, 1)], ids=str)
def test_a_row_and_a_column_of_tokens_have_the_same_index_so_they_are_asked_for(window, tmp_path):
    tensors = in_format("torchvision", swin(window=(window,) * 3, image_size=None))

    with pytest.raises(CheckpointError, match=r"may be \(1, 4\), \(4, 1\)"):
        understood(tensors, tmp_path)
    assert understood(tensors, tmp_path, window=window).config.window == (window,) * 3


def test_an_oblong_window_that_nothing_tells_is_asked_for(tmp_path):
    tensors = in_format("timm", swin(window=((3, 5),) * 3))

    with pytest.raises(CheckpointError, match=r"45 rows.*no square window") as error:
        understood(tensors, tmp_path)

    assert "(3, 5)" in error.value.message
    assert "window=(rows, columns)" in error.value.hint


@pytest.mark.parametrize("window", [(3, 5), (5, 3)], ids=str)
def test_an_oblong_window_may_be_said(window, tmp_path):
    tensors = in_format("timm", swin(window=((3, 5),) * 3))

    assert understood(tensors, tmp_path, window=window).config.window == (window,) * 3


def test_a_window_that_does_not_fit_the_rows_is_not_believed(tmp_path):
    tensors = in_format("timm", swin(window=((3, 5),) * 3))

    with pytest.raises(CheckpointError, match="45 rows"):
        understood(tensors, tmp_path, window=(4, 6))


def test_an_index_in_another_order_is_refused(tmp_path):
    tensors = in_format("microsoft", swin())
    name = "layers.0.blocks.0.attn.relative_position_index"
    tensors[name] = tensors[name].flip(0)

    with pytest.raises(CheckpointError, match="unknown way"):
        understood(tensors, tmp_path)


# Windows of v2 --------------------------------------------------------------------------------------------


def test_a_v2_file_that_says_no_window_asks_for_it_by_name(tmp_path):
    with pytest.raises(CheckpointError, match="does not say its window") as error:
        understood(in_format("timm", swin(2)), tmp_path)

    assert "window=" in error.value.hint
    assert "pretrained_window=" in error.value.hint


def test_an_absent_pretrained_window_is_not_set_and_noted(tmp_path):
    native = understood(in_format("timm", swin(2)), tmp_path, window=4)

    assert native.config.pretrained_window is None
    assert any("no pretrained window" in note for note in native.notes)


@pytest.mark.parametrize("pretrained", [((3, 3), (6, 6), None), ((12, 12), (2, 2), (8, 8)), None], ids=str)
def test_saved_coordinates_tell_window_and_pretrained_window(pretrained, tmp_path):
    config = swin(2, window=((8, 8), (8, 8), (4, 4)), pretrained_window=pretrained)

    native = understood(in_format("microsoft", config), tmp_path)

    assert native.config.window == config.window
    assert native.config.pretrained_window == pretrained
    assert not native.notes


def test_saved_coordinates_tell_oblong_windows(tmp_path):
    config = swin(2, window=((3, 5),) * 3, image_size=None)

    assert understood(in_format("torchvision", config), tmp_path).config.window == config.window


def test_coordinates_scaled_to_no_whole_window_are_refused(tmp_path):
    tensors = in_format("microsoft", swin(2))
    tensors["layers.0.blocks.0.attn.relative_coords_table"] *= 1.1

    with pytest.raises(CheckpointError, match="no whole number"):
        understood(tensors, tmp_path)


def test_masks_alone_tell_window_and_image_size(tmp_path):
    """timm up to 0.6 saves of v2 nothing else; the last stage, one window, has not even that."""
    config = swin(2, window=((4, 4), (4, 4), (2, 4)), image_size=(32, 64), depths=(2, 2, 2))

    native = understood(in_format("timm_old", config), tmp_path)

    assert native.config.image_size == (32, 64)
    assert native.config.window == config.window


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (96, 64), (32, 128)], ids=str)
def test_a_saved_mask_tells_the_image_size(size, tmp_path):
    native = understood(in_format("microsoft", swin(image_size=size, depths=(2, 2, 2))), tmp_path)

    assert native.config.image_size == size


def test_a_window_for_the_whole_model_shrinks_where_the_image_size_says(tmp_path):
    native = understood(in_format("timm", swin(2)), tmp_path, window=8, image_size=(96, 64))

    assert native.config.window == ((8, 8), (8, 8), (6, 4))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, None),
        (6, ((6, 6), (6, 6))),
        ([6, 0], ((6, 6), None)),
        ([(3, 5), None], ((3, 5), None)),
        ([0, 0], None),
        ([0, 0, 0, 0], None),
    ],
    ids=str,
)
def test_a_pretrained_window_is_one_or_one_per_stage(given, expected):
    assert pretrained_per_stage(given, 2) == expected


def test_a_pretrained_window_of_v1_is_refused(tmp_path):
    tensors = in_format("timm", swin())

    with pytest.raises(CheckpointError, match="v1"):
        understood(tensors, tmp_path, pretrained_window=6)
    assert understood(tensors, tmp_path, pretrained_window=0).config.pretrained_window is None


# The rest of the architecture -----------------------------------------------------------------------------

OTHERS = {
    "mlp of 2.7": swin(mlp_ratio=2.7),
    "mlp of 1/3": swin(embed_dim=6, mlp_ratio=1 / 3),
    "no patch norm": swin(patch_norm=False),
    "no qkv bias": swin(qkv_bias=False),
    "two channels": swin(in_channels=2),
    "oblong patch": swin(patch_size=(2, 4)),
    "headless": swin(classes=0),
    "one stage": swin(depths=(2,), num_heads=(2,), window=((4, 4),)),
}


@pytest.mark.parametrize("config", OTHERS.values(), ids=OTHERS)
def test_shapes_tell_the_architecture(config, tmp_path):
    native = understood(in_format("microsoft", config), tmp_path)

    widths = [int(config.embed_dim * 2**i * native.config.mlp_ratio) for i in range(len(config.depths))]
    assert widths == [int(config.embed_dim * 2**i * config.mlp_ratio) for i in range(len(config.depths))]
    same = {"mlp_ratio": 1.0, "image_size": None, "policy": SwinConfig().policy}
    assert replace(native.config, **same) == replace(config, **same)


def test_the_stages_of_a_backbone_are_those_with_a_norm(tmp_path):
    native = understood(in_format("swin_det", swin(dense=(0, 2), classes=0)), tmp_path)

    assert native.config.dense == (0, 2)


def test_a_position_that_is_no_square_asks_for_the_image_size(tmp_path):
    tensors = in_format("microsoft", swin(position=(8, 12), depths=(1, 1, 1)))

    with pytest.raises(CheckpointError, match="96 tokens") as error:
        understood(tensors, tmp_path)
    assert "image_size=(height, width)" in error.value.hint
    assert understood(tensors, tmp_path, image_size=(32, 48)).config.position == (8, 12)


def test_a_stage_without_blocks_is_missed(tmp_path):
    tensors = {
        name: t for name, t in in_format("microsoft", swin()).items() if not name.startswith("layers.1.b")
    }

    with pytest.raises(CheckpointError, match="no blocks of stage 1"):
        understood(tensors, tmp_path)


def test_a_file_of_both_generations_is_refused(tmp_path):
    tensors = in_format("timm", swin()) | {"layers.0.blocks.0.attn.logit_scale": torch.zeros(1, 1, 1)}

    with pytest.raises(CheckpointError, match="at once"):
        understood(tensors, tmp_path)


# Descriptions ---------------------------------------------------------------------------------------------

HUGGINGFACE = {
    "model_type": "swinv2",
    "architectures": ["Swinv2ForImageClassification"],
    "embed_dim": 4,
    "depths": [2, 1, 2],
    "num_heads": [1, 2, 2],
    "window_size": 4,
    "pretrained_window_sizes": [3, 3, 0],
    "image_size": 64,
    "id2label": {"1": "dog", "0": "cat", "2": "cow"},
}


def test_config_json_of_transformers_tells_the_rest(tmp_path):
    processor = {
        "size": {"height": 64, "width": 60},
        "resample": 3,
        "image_mean": [0, 0, 0],
        "image_std": [1, 1, 1],
    }
    extra = {"config.json": HUGGINGFACE, "preprocessor_config.json": processor | {"do_center_crop": False}}

    native = understood(in_format("huggingface", swin(2)), tmp_path, extra)

    assert native.config.window == ((4, 4),) * 3
    assert native.config.pretrained_window == ((3, 3), (3, 3), None)
    assert native.config.image_size == (64, 64)
    assert native.labels == ("cat", "dog", "cow")
    assert native.preprocess is not None
    assert native.preprocess.squash
    assert native.preprocess.image_size == (64, 60)


def test_a_processor_that_crops_is_taken_as_it_is(tmp_path):
    processor = {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 64}, "resample": 2}
    extra = {"config.json": HUGGINGFACE, "preprocessor_config.json": processor}

    preprocess = understood(in_format("huggingface", swin(2)), tmp_path, extra).preprocess

    assert preprocess is not None
    assert (preprocess.resize_to, preprocess.image_size) == ((73, 73), (64, 64))
    assert (preprocess.squash, preprocess.interpolation) == (False, "bilinear")


def test_placeholders_are_no_class_names(tmp_path):
    config = HUGGINGFACE | {"id2label": {str(row): f"LABEL_{row}" for row in range(3)}}

    assert understood(in_format("huggingface", swin(2)), tmp_path, {"config.json": config}).labels is None


@pytest.mark.parametrize(
    ("setting", "value"),
    [("attention_probs_dropout_prob", 0.1), ("hidden_act", "relu"), ("layer_norm_eps", 1e-6)],
)
def test_a_setting_that_swinkit_does_not_have_is_refused(setting, value, tmp_path):
    with pytest.raises(CheckpointError, match=f"{setting} = {value}"):
        understood(
            in_format("huggingface", swin(2)), tmp_path, {"config.json": HUGGINGFACE | {setting: value}}
        )


def test_a_description_that_contradicts_the_tensors_is_an_error_that_names_every_contradiction(tmp_path):
    config = HUGGINGFACE | {"depths": [2, 1, 6], "embed_dim": 8}

    with pytest.raises(
        CheckpointError, match=r"embed_dim is 8 there and 4.*depths is \(2, 1, 6\) there"
    ) as error:
        understood(in_format("huggingface", swin(2)), tmp_path, {"config.json": config})
    assert "config.json" in error.value.message


def test_a_training_file_of_microsoft_tells_by_its_config(tmp_path):
    config = {
        "DATA": {"IMG_SIZE": 64},
        "MODEL": {
            "TYPE": "swinv2",
            "SWINV2": {
                "EMBED_DIM": 4,
                "DEPTHS": [2, 1, 2],
                "WINDOW_SIZE": 4,
                "PRETRAINED_WINDOW_SIZES": [3, 3, 3],
            },
        },
    }
    tensors = {
        n: t for n, t in in_format("microsoft", swin(2)).items() if not n.endswith(("index", "table", "mask"))
    }

    native = understood(tensors, tmp_path, {"config": config})

    assert native.config.pretrained_window == ((3, 3),) * 3
    assert native.config.image_size == (64, 64)
    assert native.config.window == ((4, 4),) * 3


def test_a_published_name_tells_what_its_tensors_do_not(tmp_path):
    """Of swinv2_tiny_window16_256: window 16, but 8 in the last stage."""
    config = swin(
        2, embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24), window=((4, 4),) * 4, mlp_ratio=0.1
    )
    extra = {"config.json": {"architecture": "swinv2_tiny_window16_256", "pretrained_cfg": {"crop_pct": 0.9}}}

    native = understood(in_format("timm", config), tmp_path, extra)

    assert native.config.window == ((16, 16), (16, 16), (16, 16), (8, 8))
    assert native.config.image_size == (256, 256)
    assert not any("pretrained" in note for note in native.notes)


def test_a_published_name_of_another_architecture_is_not_used_and_that_is_said(tmp_path):
    extra = {"config.json": {"architecture": "swinv2_tiny_window16_256"}}

    native = understood(in_format("timm", swin(2)), tmp_path, extra, window=4)

    assert native.config.window == ((4, 4),) * 3
    assert any("another architecture" in note for note in native.notes)


def test_timms_crop_and_class_names_are_taken(tmp_path):
    cfg = {
        "input_size": [3, 64, 64],
        "crop_pct": 0.9,
        "interpolation": "bilinear",
        "label_names": ["a", "b", "c"],
    }
    extra = {"config.json": {"architecture": "custom", "pretrained_cfg": cfg}}

    native = understood(in_format("timm", swin()), tmp_path, extra)

    assert native.labels == ("a", "b", "c")
    assert native.preprocess is not None
    assert native.preprocess.resize_to == (71, 71)  # rounded down
    assert native.preprocess.interpolation == "bilinear"


def test_a_damaged_description_of_ours_is_one_sentence(tmp_path):
    for text in ("{", json.dumps({"schema": 1}), json.dumps({"schema": 1, "config": {"colour": 3}})):
        with pytest.raises(CheckpointError, match="damaged description"):
            understood(in_format("swinkit", swin()), tmp_path, {"metadata": {"swinkit": text}})


def test_a_file_of_a_newer_swinkit_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="newer swinkit"):
        understood(
            in_format("swinkit", swin()), tmp_path, {"metadata": {"swinkit": json.dumps({"schema": 99})}}
        )


# Policies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "config", "policy"),
    [
        ("microsoft", swin(), "microsoft"),
        ("simmim", swin(classes=0, masked_modelling=True), "microsoft"),
        ("timm", swin(), "timm"),
        ("torchvision", swin(), "torchvision"),
        ("huggingface", swin(), "huggingface"),
        ("huggingface", swin(dense=(0, 1, 2), classes=0), "dense"),
        ("swin_det", swin(dense=(0, 1, 2), classes=0), "dense"),
        ("detectron2", swin(dense=(0, 1, 2), classes=0), "dense"),
        ("mmdet", swin(dense=(0, 1, 2), classes=0), "dense"),
        ("mmpretrain", swin(), "microsoft"),
        ("swinkit", swin(), "microsoft"),
        ("swinkit", swin(dense=(0, 1, 2), classes=0), "dense"),
    ],
    ids=str,
)
def test_the_origin_of_a_file_selects_its_policy(name, config, policy, tmp_path):
    assert understood(in_format(name, config), tmp_path).config.policy.name == policy


def test_every_format_has_a_policy_for_every_generation():
    for form in FORMATS.values():
        assert form.policy(swin(1))
        assert form.policy(swin(2))
