"""Multiply-adds against the published figures and against the operations that really run."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from swinkit.kernels import use_kernel
from swinkit.models import create_model, size_config
from swinkit.models.cost import global_attention_macs, macs, window_attention_macs


@pytest.mark.parametrize(
    ("size", "pixels", "expected"),
    [
        ("swin_tiny", 224, 4_490_566_656),
        ("swin_small", 224, 8_740_875_264),
        ("swin_base", 224, 15_430_946_816),
        ("swin_large", 224, 34_475_759_616),
        ("swin_base_w12", 384, 47_083_134_976),
        ("swin_large_w12", 384, 103_919_087_616),
    ],
)
def test_the_total_is_exactly_the_published_one(size: str, pixels: int, expected: int) -> None:
    assert expected == macs(size_config(size), (pixels, pixels)).total


@pytest.mark.parametrize(
    ("size", "pixels", "expected"),
    [
        ("swinv2_tiny", 256, 5.9210),
        ("swinv2_small", 256, 11.5078),
        ("swinv2_base", 256, 20.2763),
        ("swinv2_tiny_w16", 256, 6.6005),
        ("swinv2_small_w16", 256, 12.6403),
        ("swinv2_base_w16", 256, 21.7862),
        ("swinv2_base_w12", 192, 11.7556),
        ("swinv2_large_w12", 192, 25.9570),
        ("swinv2_base_w12to24", 384, 54.7273),
        ("swinv2_large_w12to16", 256, 47.4769),
        ("swinv2_large_w12to24", 384, 115.3853),
        ("swin_s3_tiny", 224, 4.6233),
        ("swin_s3_small", 224, 9.4047),
        ("swin_s3_base", 224, 13.6550),
    ],
)
def test_the_total_rounds_to_the_published_one(size: str, pixels: int, expected: float) -> None:
    assert expected == round(macs(size_config(size), (pixels, pixels)).total / 1e9, 4)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("patch embedding", 14.451),
        ("qkv", 1040.450),
        ("scores", 70.071),
        ("weighted values", 70.071),
        ("projection", 346.817),
        ("MLP", 2774.532),
        ("merging", 173.408),
        ("head", 0.768),
    ],
)
def test_the_parts_of_swin_tiny_are_the_published_ones_in_millions(part: str, expected: float) -> None:
    assert expected == round(macs(size_config("swin_tiny"), (224, 224)).parts[part] / 1e6, 3)


@pytest.mark.parametrize("image_size", [(32, 32), (40, 56), (32, 31)], ids=str)
@pytest.mark.parametrize("settings", [{}, {"policy": "dense"}, {"dense": (0, 1)}, {"classes": 0}], ids=str)
def test_the_total_is_what_torch_counts_while_the_model_runs(
    settings: dict[str, object], image_size: tuple[int, int]
) -> None:
    """Odd maps and padding included: the reference kernel computes every product in the open."""
    model = create_model("swin_nano", **settings).eval()  # type: ignore[arg-type]

    with use_kernel("reference"), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, *image_size))

    assert counter.get_total_flops() == 2 * macs(model.config, image_size).total


def test_a_pixel_decoder_is_counted() -> None:
    model = create_model("swin_nano", classes=0, masked_modelling=True).eval()

    with use_kernel("reference"), FlopCounterMode(display=False) as counter, torch.no_grad():
        model.reconstruct(torch.zeros(1, 3, 32, 32), torch.zeros(1, 16, 16))

    assert counter.get_total_flops() == 2 * macs(model.config, (32, 32)).total


@pytest.mark.parametrize(
    ("side", "channels", "everything", "windows"),
    [
        (56, 96, 2_003_828_736, 145_108_992),
        (28, 192, 351_633_408, 130_357_248),
        (14, 384, 145_108_992, 122_981_376),
        (7, 768, 119_293_440, 119_293_440),
    ],
)
def test_global_and_window_attention_of_swin_tiny(
    side: int, channels: int, everything: int, windows: int
) -> None:
    assert everything == global_attention_macs(side, side, channels)
    assert windows == window_attention_macs(side, side, channels, (7, 7))
