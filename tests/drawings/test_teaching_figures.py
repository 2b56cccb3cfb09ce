"""The figures that texts about Swin print, computed by the code that draws them and the code that runs."""

from __future__ import annotations

import pytest
import torch

from swinkit.drawings.facts import EXAMPLE, score_entries, window_kinds, windows_without_cyclic_shift
from swinkit.models import Swin, create_model, size_config
from swinkit.models.cost import global_attention_macs, window_attention_macs
from swinkit.windows import POLICIES, relative_index, window_plan


def test_the_regions_of_a_4_by_4_map_with_windows_of_2_and_shift_1() -> None:
    rolled = EXAMPLE.regions().view(2, 2, 2, 2).transpose(1, 2).reshape(4, 4)
    assert rolled.tolist() == [[0, 0, 1, 2], [0, 0, 1, 2], [3, 3, 4, 5], [6, 6, 7, 8]]


def test_the_four_masks_of_that_map() -> None:
    no = -100.0
    expected = {
        "inner": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        "right edge": [[0, no, 0, no], [no, 0, no, 0], [0, no, 0, no], [no, 0, no, 0]],
        "bottom edge": [[0, 0, no, no], [0, 0, no, no], [no, no, 0, 0], [no, no, 0, 0]],
        "corner": [[0, no, no, no], [no, 0, no, no], [no, no, 0, no], [no, no, no, 0]],
    }
    assert expected == {kind.name: kind.mask.tolist() for kind in window_kinds(EXAMPLE)}
    assert EXAMPLE.mask().tolist() == list(expected.values())


def test_the_relative_index_of_a_window_of_2() -> None:
    assert relative_index((2, 2)).tolist() == [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]


@pytest.mark.parametrize(("window", "offsets"), [(2, 9), (7, 169), (12, 529)])
def test_a_window_has_one_bias_for_each_of_its_offsets(window: int, offsets: int) -> None:
    assert offsets == len(relative_index((window, window)).unique())


@pytest.mark.parametrize(("windows", "pieces"), [(2, 9), (4, 25), (8, 81)])
def test_without_the_cyclic_shift_there_is_one_more_window_on_each_axis(windows: int, pieces: int) -> None:
    """2 × 2: from 4 to 9."""
    side = 7 * windows
    plan = window_plan(side, side, window=(7, 7), shifted=True, policy=POLICIES["microsoft"])
    assert (windows, windows) == plan.grid
    assert pieces == windows_without_cyclic_shift(plan)


def test_global_attention_at_224_pixels_has_56_to_the_fourth_scores() -> None:
    assert score_entries(56, 56) == 56**4 == 9_834_496
    assert score_entries(56, 56, window=(7, 7)) == 153_664
    assert score_entries(56, 56) == 64 * score_entries(56, 56, window=(7, 7))


def test_windows_save_40_124_743_680_multiply_adds_at_112_by_112_tokens_of_128() -> None:
    saved = global_attention_macs(112, 112, 128) - window_attention_macs(112, 112, 128, (7, 7))
    assert saved == 40_124_743_680


@pytest.mark.parametrize("size", ["swin_tiny", "swin_base", "swinv2_large_w12to24"])
def test_maps_have_strides_4_8_16_32_and_channels_c_to_8c(size: str) -> None:
    config = size_config(size)
    with torch.device("meta"):
        model = Swin(config)
    assert model.strides == (4, 8, 16, 32)
    assert model.channels == tuple(config.embed_dim * factor for factor in (1, 2, 4, 8))


def test_strides_and_channels_are_those_of_the_maps_that_come_out() -> None:
    model = create_model("swin_nano").eval()
    maps = model.features(torch.zeros(1, 3, 64, 64))
    expected = [
        (1, channels, 64 // stride, 64 // stride)
        for channels, stride in zip(model.channels, (2, 4, 8), strict=True)
    ]
    assert expected == [tuple(found.shape) for found in maps]
