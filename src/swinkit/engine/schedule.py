"""How the learning rate moves: a linear warm-up, then half a cosine, step by step."""

from __future__ import annotations

import math


def learning_rate(step: int, *, steps: int, peak: float, warmup: float, final: float) -> float:
    """The learning rate of step 0 … steps - 1.

    warmup: share of the steps in which it rises; the first step already learns, the last of them at the peak.
    final: share of the peak at which the cosine ends.
    """
    rising = min(max(1, round(warmup * steps)), steps) if warmup else 0
    if step < rising:
        return peak * (step + 1) / rising
    falling = (step - rising + 1) / max(1, steps - rising)  # 0 … 1
    return peak * (final + (1 - final) * (1 + math.cos(math.pi * falling)) / 2)
