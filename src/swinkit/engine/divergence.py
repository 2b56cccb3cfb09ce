"""Noticing early that a training does not learn but destroys."""

from __future__ import annotations

import math
import statistics

from swinkit.errors import RunError

WINDOW = 20
"""Steps that are looked at; a training that ends sooner is not judged."""
FACTOR = 2.0
"""How far above knowing nothing the usual loss of the window must be. No sane training stays there: knowing
nothing costs the logarithm of the number of classes, and single wild steps do not move a median."""


def refuse_divergence(losses: list[float], *, first: float, classes: int, lr: float) -> None:
    """Raise RunError where the last losses are far above the first one and above knowing nothing."""
    nothing = max(first, math.log(classes), 1.0)
    usual = statistics.median(losses)
    if len(losses) == WINDOW and usual > FACTOR * nothing:
        raise RunError(
            "training does not learn but gets worse: "
            f"the loss of the last {WINDOW} steps is about {usual:.3g}, and it began with {first:.3g}",
            hint=f"try a smaller learning rate: --lr {lr / 10:.1g}",
        )
