from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swinkit.engine.schedule import learning_rate


def rates(steps: int, *, warmup: float = 0.1, final: float = 0.01) -> list[float]:
    return [learning_rate(step, steps=steps, peak=1.0, warmup=warmup, final=final) for step in range(steps)]


def test_the_rate_rises_in_equal_steps_to_its_peak_and_falls_to_its_end() -> None:
    found = rates(100)

    assert found[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert found[9] == 1.0
    assert found[-1] == pytest.approx(0.01)
    assert found[54] == pytest.approx((1 + 0.01) / 2)  # half way down the cosine


def test_without_a_warm_up_the_rate_falls_from_the_first_step() -> None:
    found = rates(50, warmup=0.0)

    assert found == sorted(found, reverse=True)
    assert found[0] > 0.99


@given(st.integers(1, 300), st.floats(0, 0.9), st.floats(0, 1))
def test_the_rate_stays_between_nothing_and_the_peak(steps: int, warmup: float, final: float) -> None:
    found = rates(steps, warmup=warmup, final=final)

    assert all(0 <= rate <= 1 for rate in found)
    assert found[0] > 0 or final == 0  # the first step already learns
