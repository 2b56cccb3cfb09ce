"""Measuring attention: within its budget, and of what it says it measures."""

from __future__ import annotations

import pytest
import torch

from swinkit.drawings.measure import compare_attention
from swinkit.models import size_config
from swinkit.models.cost import global_attention_macs, window_attention_macs


@pytest.mark.parametrize("size", ["swin_nano", "swinv2_tiny"])
def test_global_attention_needs_more_of_everything(size: str) -> None:
    comparison = compare_attention(size_config(size), seconds=60, most_bytes=60_000_000)
    both = [
        (w, g) for w, g in zip(comparison.windows, comparison.everything, strict=True) if w.bytes and g.bytes
    ]
    within, everywhere = both[-1]
    assert len(both) >= 3
    assert everywhere.macs > within.macs
    assert everywhere.bytes > 2 * within.bytes  # type: ignore[operator]


def test_the_sizes_are_whole_windows_and_the_counts_are_the_formulas() -> None:
    comparison = compare_attention(size_config("swin_nano"), seconds=0.2)
    for within, everywhere in zip(comparison.windows, comparison.everything, strict=True):
        assert within.side % 4 == 0
        assert within.pixels == 2 * within.side
        assert within.macs == window_attention_macs(within.side, within.side, 32, (4, 4))
        assert everywhere.macs == global_attention_macs(within.side, within.side, 32)


def test_memory_is_at_least_what_the_layer_must_hold() -> None:
    """q, k, v and the result of each token at once."""
    comparison = compare_attention(size_config("swin_nano"), seconds=1.0)
    measured = [cost for cost in comparison.windows if cost.bytes is not None]
    assert all(cost.bytes >= cost.side**2 * 4 * 32 * 4 for cost in measured)  # type: ignore[operator]


def test_what_does_not_fit_is_skipped_with_the_reason_and_so_is_all_that_is_larger() -> None:
    comparison = compare_attention(size_config("swin_tiny"), seconds=5, most_bytes=5_000_000)
    reasons = [cost.skipped for cost in comparison.everything]
    first = reasons.index("would need more than 0.005 GB")
    assert first > 0
    assert set(reasons[:first]) == {""}
    assert all(reasons[first:])
    assert all(cost.seconds is None for cost in comparison.everything[first:])


def test_no_time_means_few_sizes_and_no_error() -> None:
    comparison = compare_attention(size_config("swinv2_large_w12to24"), seconds=0.01)
    assert "would take too long" in {cost.skipped for cost in comparison.everything}


def test_measuring_leaves_the_number_of_threads_and_stderr_alone(capfd: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    compare_attention(size_config("swin_pico"), seconds=0.1)
    assert threads == torch.get_num_threads()
    assert capfd.readouterr().err == ""
