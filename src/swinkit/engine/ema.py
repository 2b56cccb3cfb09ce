"""An average of the weights over the last steps, which often answers better than the weights themselves."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from swinkit.engine.sharding import local
from swinkit.models import Backbone


class Average:
    """Exponential moving average of a model's weights (Polyak and Juditsky 1992), as a model of its own.

    decay: share of the old average that a step keeps. Early steps keep less, (1 + n) / (10 + n) after n
    steps, so that a short training's average is not the random weights it began with.
    copied: the model to keep it in, of the same weights; by default a copy is made.
    """

    def __init__(self, model: Backbone, decay: float, *, copied: Backbone | None = None) -> None:
        self.model = (copied or copy.deepcopy(model)).requires_grad_(False).eval()
        self._decay = decay
        self._pairs = [
            (local(mine), local(new))  # both sides share memory with the models
            for mine, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True)
        ]

    def begin_again(self) -> None:
        """From the weights as they are."""
        for mine, new in self._pairs:
            mine.copy_(new)

    def update(self, steps: int) -> None:
        """Take in the weights after that many steps."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        floats = [(mine, new) for mine, new in self._pairs if mine.is_floating_point()]
        mine, new = (list(side) for side in zip(*floats, strict=True))
        torch._foreach_lerp_(mine, new, 1 - decay)
        for counted, current in self._pairs:  # counts and indices, which other people's models may hold
            if not counted.is_floating_point():
                counted.copy_(current)

    def state_dict(self) -> dict[str, Tensor]:
        return self.model.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.model.load_state_dict(state)
