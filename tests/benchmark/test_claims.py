"""The attentions that shifted windows are compared with compute what they are said to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from swinkit.kernels import window_attention
from swinkit.windows import POLICIES, window_plan

HEADS, CHANNELS, WINDOW, SHIFT = 2, 8, 4, 2


@pytest.fixture(scope="module")
def sliding() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "sliding.py"
    spec = importlib.util.spec_from_file_location("sliding", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_padding_gives_what_the_cyclic_shift_gives(sliding: ModuleType) -> None:
    qkv = torch.randn(2, 8, 12, 3 * CHANNELS)
    plan = window_plan(8, 12, window=(WINDOW, WINDOW), shifted=True, policy=POLICIES["microsoft"])
    bias = torch.zeros(HEADS, 2 * WINDOW - 1, 2 * WINDOW - 1)
    scale = (CHANNELS // HEADS) ** -0.5

    expected = window_attention(qkv, torch.zeros(3 * CHANNELS), bias, plan, scale)

    actual = sliding.padded_window_attention(qkv, HEADS, WINDOW, SHIFT)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (2, 3), (5, 6)])
def test_a_sliding_window_is_attention_to_the_tokens_around(sliding: ModuleType, place) -> None:
    qkv, (row, column) = torch.randn(1, 6, 7, 3 * CHANNELS), place
    q, k, v = qkv[0].unflatten(-1, (3, HEADS, -1)).unbind(2)  # H, W, h, d
    around = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
    keys, values = (one[around].flatten(0, 1).transpose(0, 1) for one in (k, v))  # h, n, d
    scores = q[row, column, :, None] @ keys.transpose(1, 2) * (CHANNELS // HEADS) ** -0.5

    expected = (scores.softmax(-1) @ values).flatten()

    actual = sliding.sliding_window_attention(qkv, HEADS, 3)[0, row, column]
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)
