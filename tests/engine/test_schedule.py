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


def test_a_multistep_rate_falls_to_a_tenth_at_each_milestone() -> None:
    found = [
        learning_rate(
            step, steps=10, peak=1.0, warmup=0.2, final=0.0, schedule="multistep", milestones=(0.5, 0.8)
        )
        for step in range(10)
    ]

    assert pytest.approx([0.5, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]) == found


def test_a_constant_rate_stays_at_its_peak_after_the_warm_up() -> None:
    found = [
        learning_rate(step, steps=5, peak=1.0, warmup=0.4, final=0.0, schedule="constant")
        for step in range(5)
    ]

    assert [0.5, 1.0, 1.0, 1.0, 1.0] == found
