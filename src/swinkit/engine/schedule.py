"""How the learning rate moves, step by step: a linear warm-up, then a curve."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "multistep", "constant"]

FALL = 0.1
"""What is left of the rate at each milestone of "multistep"."""


def learning_rate(
    step: int,
    *,
    steps: int,
    peak: float,
    warmup: float,
    final: float,
    schedule: Schedule = "cosine",
    milestones: tuple[float, ...] = (),
) -> float:
    """The learning rate of step 0 … steps - 1.

    warmup: share of the steps in which it rises; the first step already learns, the last of them at the peak.
    schedule: then it falls along half a cosine to the share `final` of the peak, or to a tenth at each of the
        milestones, which are shares of all steps, or it stays.
    """
    rising = min(max(1, round(warmup * steps)), steps) if warmup else 0
    if step < rising:
        return peak * (step + 1) / rising
    if schedule == "constant":
        return peak
    if schedule == "multistep":
        return peak * FALL ** sum(step >= milestone * steps for milestone in milestones)
    falling = (step - rising + 1) / max(1, steps - rising)  # 0 … 1
    return peak * (final + (1 - final) * (1 + math.cos(math.pi * falling)) / 2)
