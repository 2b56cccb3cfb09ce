from __future__ import annotations

import math

import pytest

from swinkit.engine.divergence import WINDOW, refuse_divergence
from swinkit.errors import RunError


def judged(losses: list[float], *, first: float = 2.3, classes: int = 10) -> None:
    refuse_divergence(losses, first=first, classes=classes, lr=1.0)


def test_a_loss_that_stays_far_above_its_start_is_refused_with_another_rate() -> None:
    with pytest.raises(RunError, match="does not learn but gets worse") as caught:
        judged([50.0] * WINDOW)

    assert "--lr 0.1" in caught.value.hint


@pytest.mark.parametrize(
    "losses",
    [
        [2.3 + 0.1 * step for step in range(WINDOW)],
        [1e6] * (WINDOW // 2 - 1) + [1.0] * (WINDOW // 2 + 1),
        [4.5] * WINDOW,
        [100.0] * (WINDOW - 1),
    ],
    ids=["rising a little", "wild steps", "plateau above chance", "too few steps"],
)
def test_what_sane_trainings_do_is_let_pass(losses: list[float]) -> None:
    judged(losses)


def test_a_model_that_began_well_may_lose_what_it_knew_for_a_while() -> None:
    """A head that was kept begins at 0.01; harder augmentation brings it near knowing nothing, not beyond."""
    judged([math.log(1000)] * WINDOW, first=0.01, classes=1000)
