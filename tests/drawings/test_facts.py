"""The numbers on the page are those of the model and the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from swinkit.drawings.facts import (
    EXAMPLE,
    Facts,
    blocks_to_show,
    gather,
    shown_picture,
    visible,
    window_kinds,
    windows_without_cyclic_shift,
)
from swinkit.drawings.scene import scene
from swinkit.models import Preprocess, Swin, create_model, size_config
from swinkit.windows import POLICIES, window_plan


def test_looking_at_a_model_leaves_it_as_it_was(small_model: Swin) -> None:
    assert small_model.preprocess is not None
    before = {name: tensor.clone() for name, tensor in small_model.state_dict().items()}

    gather(small_model, scene(), small_model.preprocess)

    assert all(torch.equal(before[name], tensor) for name, tensor in small_model.state_dict().items())


def test_the_stages_are_those_of_the_model_at_this_size(facts: Facts) -> None:
    assert [stage.map for stage in facts.stages] == [(16, 16), (8, 8), (4, 4)]
    assert [stage.plain.grid for stage in facts.stages] == [(4, 4), (2, 2), (1, 1)]
    assert [stage.shifts for stage in facts.stages] == [True, True, False]
    assert [stage.whole_windows for stage in facts.stages] == [9, 1, 1]  # (n − 1)² of n²


def test_shifting_is_explained_on_two_by_two_windows_where_there_are_some(facts: Facts) -> None:
    assert facts.teaching.stage == 1
    assert facts.teaching.plan.grid == (2, 2)
    assert windows_without_cyclic_shift(facts.teaching.plan) == 9


def test_a_model_that_never_shifts_is_explained_on_the_smallest_example() -> None:
    model = create_model("swin_pico", image_size=8).eval()
    assert model.preprocess is not None
    facts = gather(model, scene(), model.preprocess)
    assert facts.teaching.stage is None
    assert facts.teaching.plan == EXAMPLE


def test_a_stage_that_is_mostly_padding_does_not_explain_shifting() -> None:
    """At 24 × 24 pixels: the maps have 12 × 12 and 6 × 6 tokens, the windows 4 × 4."""
    model = create_model("swin_pico").eval()
    assert model.preprocess is not None

    facts = gather(model, scene(), model.preprocess.for_size((24, 24)))

    assert [stage.padding for stage in facts.stages] == [0, 28]
    assert (facts.teaching.stage, facts.teaching.plan.grid) == (0, (3, 3))


def test_one_plain_and_one_shifted_block_of_each_stage_are_shown(facts: Facts) -> None:
    shown = [(block.stage, block.block, block.is_shifted) for block in facts.blocks]
    assert shown == [(0, 0, False), (0, 1, True), (1, 0, False), (1, 1, True), (2, 0, False)]


def test_the_last_blocks_of_a_deep_stage_are_shown() -> None:
    assert blocks_to_show(size_config("swin_tiny"))[4:6] == [(2, 4), (2, 5)]


def test_stages_that_a_backbone_does_not_build_are_not_shown() -> None:
    assert max(blocks_to_show(create_model("swin_tiny", dense=(1,)).config)) == (1, 1)


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (3, 5), (1, 4)])
def test_the_kinds_of_window_account_for_all_windows(rows: int, columns: int) -> None:
    plan = window_plan(4 * rows, 4 * columns, window=(4, 4), shifted=True, policy=POLICIES["dense"])
    kinds = window_kinds(plan)
    assert rows * columns == sum(kind.count for kind in kinds)
    assert all(sum(kind.sizes) == 16 for kind in kinds)
    assert all(kind.allowed == pytest.approx(sum(n * n for n in kind.sizes) / 256) for kind in kinds)


def test_the_bias_is_the_learnt_table_of_version_1(small_model: Swin, facts: Facts) -> None:
    table = small_model.stages[0].blocks[1].attention.bias_table.detach().numpy()
    assert np.array_equal(table, facts.blocks[1].bias)
    assert facts.blocks[1].logit_scale is None


def test_version_2_shows_its_continuous_bias_and_clamped_scales() -> None:
    model = create_model("swin_nano", version=2).eval()
    with torch.no_grad():
        model.stages[0].blocks[0].attention.logit_scale[0] = 7.0  # e⁷ is above the limit
    assert model.preprocess is not None

    block = gather(model, scene(), model.preprocess).blocks[0]

    assert block.logit_scale == pytest.approx((100.0, 10.0))
    assert block.bias.shape == (2, 7, 7)
    assert 0 < block.bias.min() <= block.bias.max() < 16


def test_the_answers_are_the_models_own_with_its_names(small_model: Swin, facts: Facts) -> None:
    assert small_model.preprocess is not None
    with torch.no_grad():
        probabilities = small_model(small_model.preprocess(scene())[None])[0].softmax(0)
    expected = sorted(zip(probabilities.tolist(), "abc", strict=True), reverse=True)
    assert [name for _, name in expected] == [name for name, _ in facts.answers]
    assert [p for p, _ in expected] == pytest.approx([p for _, p in facts.answers], abs=1e-6)


def test_the_example_token_is_what_the_patch_embedding_makes_of_its_patch(
    small_model: Swin, facts: Facts
) -> None:
    assert small_model.preprocess is not None
    x = small_model.preprocess(scene())
    row, column = facts.patches.place
    patch = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    with torch.no_grad():
        expected = small_model.patch_embed(patch[None])[0, 0, 0]
    assert torch.allclose(expected, torch.from_numpy(facts.patches.embedding), atol=1e-5)


def test_the_picture_is_finer_than_the_input_only_where_the_original_is() -> None:
    whole = Preprocess(image_size=(100, 100))
    assert shown_picture(np.zeros((100, 100, 3), np.uint8), whole).shape == (100, 100, 3)
    assert shown_picture(np.zeros((250, 250, 3), np.uint8), whole).shape == (200, 200, 3)
    assert shown_picture(np.zeros((900, 900, 3), np.uint8), whole).shape == (300, 300, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels_can_be_looked_at(channels: int) -> None:
    pixels = np.random.default_rng(0).normal(5, 2, (6, 5, channels)).astype(np.float32)
    shown = visible(pixels)
    assert shown.shape == (6, 5, 3)
    assert (shown.dtype, shown.min(), shown.max()) == (np.uint8, 0, 255)


def test_a_model_of_four_channels_is_explained_too() -> None:
    model = create_model("swin_nano", in_channels=4).eval()
    assert model.preprocess is not None
    pixels = np.random.default_rng(0).random((40, 50, 4), np.float32)
    facts = gather(model, pixels, replace(model.preprocess, interpolation="bilinear"))
    assert facts.patches.numbers == 2 * 2 * 4
