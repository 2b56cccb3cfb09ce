"""The plan against an oracle that knows nothing of it: pad, roll and number regions by hand."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from swinkit.errors import ConfigError, ShapeError
from swinkit.windows import POLICIES, WindowPlan, pair, policy_named, relative_index, window_plan

DENSE = POLICIES["dense"]


def brute_force_mask(height: int, width: int, window: tuple[int, int], shift: tuple[int, int]) -> np.ndarray:
    """Regions painted on the padded map with slices, cut into windows with loops. (G, N, N)"""
    (mh, mw), (sh, sw) = window, shift
    padded_height, padded_width = -(-height // mh) * mh, -(-width // mw) * mw
    regions = np.zeros((padded_height, padded_width), int)
    number = 0
    for rows in (slice(0, -mh), slice(-mh, -sh or None), slice(-sh, None) if sh else slice(0, 0)):
        for columns in (slice(0, -mw), slice(-mw, -sw or None), slice(-sw, None) if sw else slice(0, 0)):
            regions[rows, columns] = number
            number += 1
    masks = []
    for top in range(0, padded_height, mh):
        for left in range(0, padded_width, mw):
            flat = regions[top : top + mh, left : left + mw].reshape(-1)
            masks.append(np.where(flat[:, None] != flat[None, :], -100.0, 0.0))
    return np.stack(masks)


def random_geometries(count: int) -> list[tuple[int, int, tuple[int, int], tuple[int, int]]]:
    chance = random.Random(0)
    geometries = []
    for _ in range(count):
        window = chance.randint(2, 8), chance.randint(2, 8)
        shift = chance.choice([0, window[0] // 2]), chance.choice([0, window[1] // 2])
        geometries.append((chance.randint(1, 30), chance.randint(1, 30), window, shift))
    return geometries


@pytest.mark.parametrize(("height", "width", "window", "shift"), random_geometries(40))
def test_mask_equals_regions_painted_by_hand(height, width, window, shift):
    plan = WindowPlan(map=(height, width), window=window, shift=shift)
    assert np.array_equal(brute_force_mask(height, width, window, shift), plan.mask().numpy())


@pytest.mark.parametrize("rolls_first", [False, True], ids=["pad, roll", "roll, pad"])
@pytest.mark.parametrize(("height", "width", "window", "shift"), random_geometries(20))
def test_source_equals_rolling_and_padding_a_map_of_numbers(height, width, window, shift, rolls_first):
    numbers = np.arange(height * width).reshape(height, width)
    below, right = -height % window[0], -width % window[1]

    def pad(x):
        return np.pad(x, ((0, below), (0, right)), constant_values=height * width)

    def roll(x):
        return np.roll(x, (-shift[0], -shift[1]), (0, 1))

    laid = pad(roll(numbers)) if rolls_first else roll(pad(numbers))
    expected = laid.reshape(laid.shape[0] // window[0], window[0], laid.shape[1] // window[1], window[1])
    expected = expected.swapaxes(1, 2).reshape(-1, window[0] * window[1])
    plan = WindowPlan(map=(height, width), window=window, shift=shift, rolls_first=rolls_first)
    assert np.array_equal(expected, plan.source().numpy())


@pytest.mark.parametrize(("height", "width", "window", "shift"), random_geometries(20))
def test_windows_of_one_kind_share_one_mask(height, width, window, shift):
    plan = WindowPlan(map=(height, width), window=window, shift=shift)
    masks = plan.mask().view(*plan.grid, plan.tokens, plan.tokens)
    kinds = plan.kinds()
    assert len(kinds) <= 4
    covered = torch.zeros(plan.grid, dtype=torch.int)
    for rows, columns in kinds:
        covered[rows, columns] += 1
        block = masks[rows, columns]
        assert torch.equal(block, plan.window_mask(rows.start, columns.start).expand_as(block))
    assert torch.equal(covered, torch.ones_like(covered))


def test_padding_that_is_masked_is_seen_by_padding_alone():
    policy = replace(DENSE, padding="masked")
    plan = window_plan(9, 10, window=(4, 4), shifted=True, policy=policy)
    closed = torch.isinf(plan.mask())
    is_padding = plan.source() == 90
    assert torch.equal(closed, is_padding[:, :, None] != is_padding[:, None, :])


def test_coordinates_name_each_token_of_the_map_once():
    plan = WindowPlan(map=(9, 11), window=(4, 3), shift=(2, 1))
    coordinates = plan.coordinates().reshape(-1, 2).tolist()
    real = sorted(tuple(c) for c in coordinates if c != [-1, -1])
    assert real == [(y, x) for y in range(9) for x in range(11)]


def test_relative_index_points_from_query_to_key():
    """Only the entry (Δy, Δx) = (+1, 0) is set: query (3, 3) then sees key (2, 3), the token above."""
    table = torch.zeros(13, 13)
    table[6 + 1, 6] = 1.0
    bias = table.flatten()[relative_index((7, 7))]
    query, above = 3 * 7 + 3, 2 * 7 + 3
    assert bias[query].nonzero().tolist() == [[above]]


# map, window -> window and shift of an odd block; None: the policy's own numbers of design §4
CASES = {
    "map of one window": ((7, 7), (7, 7)),
    "one axis fits": ((7, 14), (7, 7)),
    "other axis fits": ((14, 7), (7, 7)),
    "smaller": ((4, 5), (7, 7)),
    "one axis smaller": ((4, 14), (7, 7)),
    "larger": ((9, 10), (7, 7)),
}
EXPECTED = {
    "microsoft": {
        "map of one window": ((7, 7), (0, 0)),
        "one axis fits": ((7, 7), (0, 0)),
        "other axis fits": ((7, 7), (0, 0)),
        "smaller": ((4, 4), (0, 0)),
        "one axis smaller": ((4, 4), (0, 0)),
        "larger": ((7, 7), (3, 3)),
    },
    "dense": {case: ((7, 7), (3, 3)) for case in CASES},
    "torchvision": {
        "map of one window": ((7, 7), (0, 0)),
        "one axis fits": ((7, 7), (0, 3)),
        "other axis fits": ((7, 7), (3, 0)),
        "smaller": ((7, 7), (0, 0)),
        "one axis smaller": ((7, 7), (0, 3)),
        "larger": ((7, 7), (3, 3)),
    },
    "timm": {
        "map of one window": ((7, 7), (0, 0)),
        "one axis fits": ((7, 7), (0, 3)),
        "other axis fits": ((7, 7), (3, 0)),
        "smaller": ((4, 5), (0, 0)),
        "one axis smaller": ((4, 7), (0, 3)),
        "larger": ((7, 7), (3, 3)),
    },
    "huggingface_v2": {
        "map of one window": ((7, 7), (0, 0)),
        "one axis fits": ((7, 7), (0, 0)),
        "other axis fits": ((7, 7), (3, 3)),
        "smaller": ((4, 4), (0, 0)),
        "one axis smaller": ((4, 4), (0, 0)),
        "larger": ((7, 7), (3, 3)),
    },
}
EXPECTED["huggingface"] = EXPECTED["microsoft"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", CASES)
def test_each_policy_decides_window_and_shift_as_its_source_does(policy, case):
    size, window = CASES[case]
    plan = window_plan(*size, window=window, shifted=True, policy=POLICIES[policy])
    assert (plan.window, plan.shift) == EXPECTED[policy][case]


def test_policies_that_decide_once_follow_the_configured_map():
    plan = window_plan(14, 14, window=(7, 7), shifted=True, policy=POLICIES["timm"], configured=(7, 7))
    assert plan.shift == (0, 0)
    plan = window_plan(14, 14, window=(7, 7), shifted=True, policy=DENSE, configured=(7, 7))
    assert plan.shift == (3, 3)


def test_an_empty_map_is_refused():
    with pytest.raises(ShapeError, match="0 × 4"):
        window_plan(0, 4, window=(7, 7), shifted=False, policy=DENSE)


def test_an_unknown_policy_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="torchvision"):
        policy_named("mmdet")


@pytest.mark.parametrize("wrong", [0, (1, 2, 3), (0, 4), "7", 7.0])
def test_a_pair_takes_one_or_two_counts(wrong):
    with pytest.raises(ConfigError):
        pair(wrong, "window")
