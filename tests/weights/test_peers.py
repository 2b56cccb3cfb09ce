"""swinkit and the installed libraries compute the same from each other's files, at every size they take."""

from __future__ import annotations

import pytest
import torch

from swinkit.models import Swin, create_model
from swinkit.weights import load, save
from tests.tolerances import assert_close
from tests.weights.peers import (
    huggingface_model,
    image,
    outputs,
    save_timm,
    scrambled,
    timm_model,
    torchvision_model,
)

pytestmark = pytest.mark.peers

SHARE = 1e-5  # of the largest value: v1 in float32, v2 in float64, where its scores are exact enough
VERSIONS = pytest.mark.parametrize("version", [1, 2], ids=["v1", "v2"])

# Exactly whole windows, one window, less than one, odd maps, long ones
ANY_SIZES = [(64, 64), (16, 16), (8, 12), (20, 36), (75, 101), (4, 4), (33, 130)]


def assert_same(ours: Swin, theirs: torch.nn.Module, *sizes: tuple[int, int]) -> None:
    if ours.config.version == 2:
        ours, theirs = ours.double(), theirs.double()
    for size in sizes:
        x = image(*size).to(next(ours.parameters()).dtype)
        with torch.no_grad():
            answer = ours(x)
        expected = outputs(theirs, x)
        for actual, wanted in zip(answer if isinstance(answer, list) else [answer], expected, strict=True):
            assert_close(actual, wanted, SHARE)


# timm -----------------------------------------------------------------------------------------------------

TIMM = {
    "whole windows": {"img_size": 64, "window_size": 4},
    "a window in the last stage": {"img_size": 112, "window_size": 7},
    "padding": {"img_size": (72, 100), "window_size": 4},
    "less than a window on one axis": {"img_size": (64, 24), "window_size": 4},
    "a window for each stage": {"img_size": 128, "window_size": (4, 8, 4)},
    "windows that are not square": {"img_size": (48, 80), "window_size": ((3, 5), (3, 5), (3, 5))},
    "no window shrinks": {"img_size": 32, "window_size": 7, "always_partition": True},
    "one channel": {"img_size": 64, "window_size": 4, "in_chans": 1},
    "another patch and mlp": {"img_size": 32, "window_size": 4, "patch_size": 2, "mlp_ratio": 2.5},
}


@VERSIONS
@pytest.mark.parametrize("settings", TIMM.values(), ids=TIMM)
def test_a_folder_of_timm_gives_timms_logits(version, settings, tmp_path):
    theirs = timm_model(version, **settings)
    size = settings["img_size"] if isinstance(settings["img_size"], tuple) else (settings["img_size"],) * 2

    ours = load(save_timm(theirs, tmp_path, **settings))

    assert_timm_same(ours, theirs, size, settings.get("in_chans", 3))


@VERSIONS
@pytest.mark.parametrize("settings", TIMM.values(), ids=TIMM)
def test_timm_loads_what_was_loaded_from_it(version, settings, tmp_path):
    """Its own loader, from the folder that we write."""
    import timm

    theirs = timm_model(version, **settings)
    size = settings["img_size"] if isinstance(settings["img_size"], tuple) else (settings["img_size"],) * 2
    ours = load(save_timm(theirs, tmp_path / "theirs", **settings))

    save(ours, tmp_path / "ours", "timm")
    again = timm.create_model(f"local-dir:{tmp_path / 'ours'}", pretrained=True).eval()

    assert_timm_same(ours, again, size, settings.get("in_chans", 3))


def assert_timm_same(ours, theirs, size, channels):
    x = image(*size, channels).to(torch.float64 if ours.config.version == 2 else torch.float32)
    ours, theirs = ours.to(x.dtype), theirs.to(x.dtype)
    with torch.no_grad():
        assert_close(ours(x), theirs(x), SHARE)
        for actual, wanted in zip(ours.features(x), theirs.forward_intermediates(x)[1], strict=True):
            assert_close(actual, wanted, SHARE)


@VERSIONS
def test_timm_keeps_the_windows_of_its_image_size_at_others(version, tmp_path):
    settings = {"img_size": (72, 100), "window_size": 5, "strict_img_size": False}
    theirs = timm_model(version, **settings)

    ours = load(save_timm(theirs, tmp_path, **settings))

    assert_same(ours, theirs, (72, 100), (96, 64), (40, 20), (160, 160))


@VERSIONS
def test_timm_takes_a_fresh_model_of_ours(version, tmp_path):
    import timm

    ours = scrambled(
        create_model(
            "swin_nano", version=version, image_size=64, window=4, classes=6, policy="timm", depths=(1, 2, 2)
        )
    )

    save(ours, tmp_path / "timm", "timm")

    assert_same(ours, timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True).eval(), (64, 64))


@VERSIONS
@pytest.mark.parametrize("stages", [(0, 1, 2), (0, 1)], ids=str)
def test_a_timm_model_that_gives_maps_gives_the_same_maps(version, stages, tmp_path):
    import timm

    size = "swin_tiny_patch4_window7_224" if version == 1 else "swinv2_tiny_window8_256"
    settings = {"img_size": 64, "window_size": 4, "embed_dim": 4, "depths": (2, 2, 2), "num_heads": (1, 2, 2)}
    theirs = scrambled(timm.create_model(size, features_only=True, out_indices=stages, **settings))
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")

    ours = load(tmp_path / "theirs.pth", window=4, image_size=64)

    dtype = torch.float64 if version == 2 else torch.float32
    x = image(64, 64).to(dtype)
    with torch.no_grad():
        for actual, wanted in zip(ours.to(dtype)(x), theirs.to(dtype)(x), strict=True):
            assert_close(actual, wanted.permute(0, 3, 1, 2), SHARE)


# torchvision ----------------------------------------------------------------------------------------------

TORCHVISION = {
    "square": ((4, 4), {}),
    "windows that are not square": ((3, 5), {}),
    "a large window": ((7, 7), {"depths": [1, 2], "num_heads": [1, 2]}),
    "a patch that is not square": ((4, 4), {"patch_size": [2, 4], "mlp_ratio": 3.0}),
}


@VERSIONS
@pytest.mark.parametrize(("window", "settings"), TORCHVISION.values(), ids=TORCHVISION)
def test_a_file_of_torchvision_gives_torchvisions_logits(version, window, settings, tmp_path):
    theirs = torchvision_model(version, window, **settings)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")

    ours = load(tmp_path / "theirs.pth")

    assert ours.config.window == (window,) * len(ours.config.depths)
    assert_same(ours, theirs, *ANY_SIZES)


@VERSIONS
@pytest.mark.parametrize(("window", "settings"), TORCHVISION.values(), ids=TORCHVISION)
def test_torchvision_takes_a_model_of_ours_strictly(version, window, settings, tmp_path):
    theirs = torchvision_model(version, window, **settings)
    depths = settings.get("depths", [2, 2, 2])
    ours = scrambled(
        create_model(
            "swin_pico",
            version=version,
            embed_dim=4,
            depths=tuple(depths),
            num_heads=(1, 2, 2)[: len(depths)],
            patch_size=tuple(settings.get("patch_size", (4, 4))),
            mlp_ratio=settings.get("mlp_ratio", 4.0),
            window=(window,) * len(depths),
            classes=5,
            policy="torchvision",
        )
    )

    save(ours, tmp_path / "ours.pth", "torchvision")

    theirs.load_state_dict(torch.load(tmp_path / "ours.pth", weights_only=True), strict=True)
    assert_same(ours, theirs, *ANY_SIZES)


# transformers ---------------------------------------------------------------------------------------------

HUGGINGFACE = {
    "a window in the last stage": {},
    "whole windows": {"image_size": 128},
    "a map below the window": {"image_size": 56, "window_size": 7, "depths": [2, 2], "num_heads": [1, 2]},
    "one channel, no qkv bias": {"num_channels": 1, "qkv_bias": False},
}


@VERSIONS
@pytest.mark.parametrize("settings", HUGGINGFACE.values(), ids=HUGGINGFACE)
def test_a_folder_of_transformers_gives_its_logits(version, settings, tmp_path):
    theirs = huggingface_model("ForImageClassification", version, **settings)
    theirs.save_pretrained(tmp_path)
    side, channels = settings.get("image_size", 64), settings.get("num_channels", 3)

    ours = load(tmp_path)

    dtype = torch.float64 if version == 2 else torch.float32
    for size in ((side, side), (side + 11, side + 37), (2 * side, side)):
        x = image(*size, channels).to(dtype)
        with torch.no_grad():
            assert_close(ours.to(dtype)(x), outputs(theirs.to(dtype), x)[0], SHARE)


def test_transformers_pretrained_windows_are_taken(tmp_path):
    theirs = huggingface_model(
        "ForImageClassification", 2, image_size=128, window_size=8, pretrained_window_sizes=[6, 6, 3]
    )
    theirs.save_pretrained(tmp_path)

    ours = load(tmp_path)

    assert ours.config.pretrained_window == ((6, 6), (6, 6), (3, 3))
    assert_same(ours, theirs, (128, 128))


@VERSIONS
def test_a_backbone_of_transformers_gives_its_maps(version, tmp_path):
    theirs = huggingface_model("Backbone", version)
    theirs.save_pretrained(tmp_path)

    ours = load(tmp_path)

    assert_same(ours, theirs, (64, 64), (75, 101), (32, 64), (20, 36))


@VERSIONS
def test_masked_modelling_of_transformers_reconstructs_the_same(version, tmp_path):
    theirs = huggingface_model("ForMaskedImageModeling", version)
    theirs.save_pretrained(tmp_path)
    mask = (torch.rand(2, 256) > 0.5).long()

    ours = load(tmp_path)

    dtype = torch.float64 if version == 2 else torch.float32
    x = image(64, 64).to(dtype)
    with torch.no_grad():
        expected = theirs.to(dtype)(x, bool_masked_pos=mask.bool()).reconstruction
        assert_close(ours.to(dtype).reconstruct(x, mask.view(2, 16, 16)), expected, SHARE)


@VERSIONS
@pytest.mark.parametrize("kind", ["ForImageClassification", "Backbone", "ForMaskedImageModeling", "Model"])
def test_names_in_the_memory_of_transformers_load_as_those_on_disk(version, kind, tmp_path):
    theirs = huggingface_model(kind, version)
    theirs.save_pretrained(tmp_path / "disk")
    theirs.config.save_pretrained(tmp_path)
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")

    on_disk, in_memory = load(tmp_path / "disk"), load(tmp_path)

    assert on_disk.config == in_memory.config
    assert all(
        torch.equal(tensor, in_memory.state_dict()[name]) for name, tensor in on_disk.state_dict().items()
    )


@VERSIONS
@pytest.mark.parametrize("kind", ["ForImageClassification", "Backbone", "ForMaskedImageModeling", "Model"])
def test_transformers_loads_what_we_write_without_a_missing_or_unexpected_tensor(version, kind, tmp_path):
    theirs = (
        huggingface_model(kind, version, pretrained_window_sizes=[3, 3, 3])
        if version == 2
        else (huggingface_model(kind, version))
    )
    theirs.save_pretrained(tmp_path / "theirs")
    ours = load(tmp_path / "theirs")

    save(ours, tmp_path / "ours", "huggingface")

    again, found = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert not found["mismatched_keys"]
    for name, tensor in theirs.state_dict().items():
        is_unused = kind == "Backbone" and name.startswith("swin.layernorm.")
        assert is_unused or torch.equal(tensor, again.state_dict()[name]), name


def test_of_a_segmentation_model_of_transformers_the_backbone_is_taken(tmp_path):
    import transformers

    backbone = huggingface_model("Backbone", 1)
    config = transformers.UperNetConfig(backbone_config=backbone.config, hidden_size=8, num_labels=3)
    theirs = scrambled(transformers.UperNetForSemanticSegmentation(config))
    theirs.save_pretrained(tmp_path)
    torch.save(theirs.state_dict(), tmp_path / "in_memory.pth")

    ours = load(tmp_path)

    assert any(name.startswith("decode_head.") for name in ours.load_report.left_out)
    assert_same(load(tmp_path / "in_memory.pth"), theirs.backbone, (64, 64))
    assert_same(ours, theirs.backbone, (64, 64), (50, 70))


def test_the_processor_that_we_write_resizes_the_shorter_side_and_crops(tmp_path):
    import numpy as np
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    ours = scrambled(
        create_model("swin_nano", image_size=64, classes=["cat", "dog"], patch_size=4, policy="huggingface")
    )
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8))

    folder = save(ours, tmp_path / "folder", "huggingface")

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    theirs = AutoModelForImageClassification.from_pretrained(folder)
    inputs = processor(picture, return_tensors="pt")
    assert_close(inputs["pixel_values"][0], ours.preprocess(picture), 1e-6)
    with torch.no_grad():
        assert_close(theirs(**inputs).logits, ours(ours.preprocess(picture)[None]), SHARE)
    assert theirs.config.id2label == {0: "cat", 1: "dog"}


# One file, every library ----------------------------------------------------------------------------------


@VERSIONS
def test_at_a_published_kind_of_size_all_libraries_agree(version, tmp_path):
    """Through the files of each, from one model: whole windows in all stages but the last, which is one.

    transformers' v2 is the exception: it adds the mask twice, and a head at the clamp sees through it.
    """
    ours = scrambled(
        create_model(
            "swin_pico",
            version=version,
            embed_dim=4,
            depths=(2, 2, 2),
            num_heads=(1, 2, 2),
            image_size=64,
            patch_size=4,
            window=4,
            classes=5,
        )
    )
    dtype = torch.float64 if version == 2 else torch.float32
    x = image(64, 64).to(dtype)
    with torch.no_grad():
        expected = ours.to(dtype)(x)
    ours = ours.float()
    formats = {"timm", "huggingface", "torchvision", "microsoft", "timm_old", "mmpretrain", "swinkit"}
    for to in formats - ({"huggingface"} if version == 2 else set()):
        ending = {"timm": "", "huggingface": "", "swinkit": ".safetensors"}.get(to, ".pth")
        path = save(ours, tmp_path / f"{to}{ending}", to)
        said = {"window": 4} if to == "timm_old" and version == 2 else {}
        with torch.no_grad():
            assert_close(load(path, **said).to(dtype)(x), expected, SHARE)
