"""Attention that travels inside the page: small, and still what the model computed."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch

from swinkit.drawings.attention import Packed, pack, quantised, restored
from swinkit.drawings.facts import Facts


def unpacked(packed: Packed) -> np.ndarray:
    """Weights of each kept token, plane and key, as the script of the page computes them."""
    stored = packed.for_page()
    halves = np.frombuffer(base64.b64decode(stored["weights"]), np.uint8)
    floors = np.frombuffer(base64.b64decode(stored["floors"]), np.uint8)
    levels = np.stack((halves >> 4, halves & 15), axis=1).ravel()[: len(floors) * packed.plan.tokens]
    shape = (-1, 1 + packed.heads, packed.plan.tokens)
    return restored(levels.reshape(shape), floors.reshape(shape[:2]))


@pytest.mark.parametrize("peak", [0.0, 1.0, 3.0, 8.0])
def test_weights_come_back_nearly_as_they_were(peak: float) -> None:
    scores = np.random.default_rng(0).normal(0, 1, (50, 49)) * peak
    weights = torch.from_numpy(scores).softmax(-1).numpy()

    back = restored(*quantised(weights))

    assert back.sum(axis=-1) == pytest.approx(1)
    assert np.abs(back - weights).max() < 0.05 * weights.max() + 1e-4


def test_a_masked_token_gets_exactly_nothing_and_its_neighbours_lose_no_steps() -> None:
    weights = np.array([[0.24, 0.25, 0.26, 0.25, 4e-44]])
    levels, _ = quantised(weights)
    assert levels[0, 4] == 0
    assert levels[0, :3].tolist() == sorted(set(levels[0, :3].tolist()))  # three different steps
    assert np.abs(restored(*quantised(weights)) - weights).max() < 1e-3


@pytest.mark.parametrize("block", range(5))
def test_every_token_and_head_of_a_small_model_is_kept(facts: Facts, block: int) -> None:
    packed = pack(facts.blocks)[block]
    rows, columns = packed.plan.map
    trace = facts.blocks[block].trace
    back = unpacked(packed)

    assert (packed.step, packed.heads) == (1, trace.attention.shape[2])
    for row, column in [(0, 0), (rows - 1, columns // 2), (rows // 2, columns - 1)]:
        looks = np.zeros((1 + packed.heads, rows * columns))
        window = (packed.plan.coordinates() == torch.tensor((row, column))).all(-1).any(-1).nonzero().item()
        looks[:, packed.plan.source()[window]] = back[row * columns + column]
        expected = trace.attention_of(row, column).flatten(1)
        expected = torch.cat((expected.mean(0, keepdim=True), expected))
        assert np.abs(looks - expected.numpy()).max() < 0.01


def test_where_space_is_short_tokens_are_skipped_and_the_rest_is_the_same(facts: Facts) -> None:
    block = facts.blocks[0]
    whole, short = pack([block])[0], pack([block], budget=1_800)[0]
    assert (whole.step, short.step) == (1, 2)
    assert short.rows.nbytes <= 1_800

    every_second = unpacked(whole).reshape(16, 16, 3, 16)[::2, ::2].reshape(64, 3, 16)

    assert np.allclose(every_second, unpacked(short))


@pytest.mark.parametrize("budget", [500, 3_000, 20_000, 700_000])
def test_all_blocks_together_stay_within_the_budget(facts: Facts, budget: int) -> None:
    assert sum(packed.rows.nbytes for packed in pack(facts.blocks, budget)) <= budget
