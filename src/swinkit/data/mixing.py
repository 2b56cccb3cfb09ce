"""Mixup and CutMix: two training pictures blended into one, with both of their answers.

What is drawn depends on (seed, step) and holds for the whole batch of a step. A picture's partner is its
neighbour in that batch, so that any part of it that begins and ends between pairs can be blended by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from swinkit.data.transforms import sample_seed
from swinkit.errors import ConfigError

_DRAWN_FOR_MIXING = -3  # beside -1, the order of an epoch, and -2, stochastic depth


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixing:
    """How training pictures are blended in pairs. The defaults are Swin's (Liu et al. 2021, §A2.1).

    mixup: alpha of the Beta distribution from which the shares of two superposed pictures come (Zhang et al.
        2018); 0: no mixup.
    cutmix: the same for the area of a rectangle that comes from the other picture (Yun et al. 2019).
    probability: share of the steps in which pictures are blended at all.
    switch: where there are both, share of the blended steps that have cutmix.
    """

    mixup: float = 0.8
    cutmix: float = 1.0
    probability: float = 1.0
    switch: float = 0.5

    def __post_init__(self) -> None:
        wrong = [
            f"{name} = {value}, expected {expected}"
            for name, value, fine, expected in (
                ("mixup", self.mixup, self.mixup >= 0, "at least 0"),
                ("cutmix", self.cutmix, self.cutmix >= 0, "at least 0"),
                ("probability", self.probability, 0 <= self.probability <= 1, "a share from 0 to 1"),
                ("switch", self.switch, 0 <= self.switch <= 1, "a share from 0 to 1"),
            )
            if not fine
        ]
        if not wrong and self.mixup == self.cutmix == 0:
            wrong = ["mixup and cutmix are both 0; for no mixing at all there is mixing = None"]
        if wrong:
            raise ConfigError("impossible mixing: " + "; ".join(wrong))


@dataclass(frozen=True, slots=True)
class Blend:
    """How the pictures of one step are blended with their partners.

    share: of a picture's own in the result; 1: nothing is blended.
    box: the rows and columns (top, bottom, left, right) that come from the partner; None: the pictures are
        superposed.
    """

    share: float
    box: tuple[int, int, int, int] | None = None

    def pictures(self, own: Tensor, others: Tensor) -> Tensor:
        """Pictures blended with their partners. Both B, C, h, w, normalised."""
        if self.box is None:
            return own * self.share + others * (1 - self.share)
        top, bottom, left, right = self.box
        blended = own.clone()
        blended[..., top:bottom, left:right] = others[..., top:bottom, left:right]
        return blended

    def answers(self, own: Tensor, others: Tensor) -> Tensor:
        """The answers to blended pictures. Both B, K: shares of the classes, not smoothed."""
        return own * self.share + others * (1 - self.share)


def drawn_blend(mixing: Mixing, *, seed: int, step: int, size: tuple[int, int]) -> Blend:
    """The blend of one step; the same for every part of its batch. size: pixels of the pictures, (h, w)."""
    random = np.random.default_rng(sample_seed(seed, step, _DRAWN_FOR_MIXING))
    blends, cuts = random.random() < mixing.probability, random.random() < mixing.switch
    if not blends:
        return Blend(1.0)
    if mixing.cutmix and (cuts or not mixing.mixup):
        return _cut(random.beta(mixing.cutmix, mixing.cutmix), random.random(2), size)
    return Blend(random.beta(mixing.mixup, mixing.mixup))


def partners(count: int, *, first: int = 0) -> Tensor:
    """Each picture's partner among `count` consecutive ones of a batch, of which the first has that number.

    Pairs are 0 and 1, 2 and 3, … of the whole batch. A picture whose partner is not there, as the last of an
    odd number, is its own, and so stays as it is. (count,)
    """
    numbers = torch.arange(count)
    others = ((numbers + first) ^ 1) - first
    return torch.where((others >= 0) & (others < count), others, numbers)


def _cut(share: float, place: np.ndarray, size: tuple[int, int]) -> Blend:
    """A box of about 1 - share of the picture around a place from 0 to 1, cropped at the edges."""
    height, width = size
    tall, wide = int(height * sqrt(1 - share)), int(width * sqrt(1 - share))
    row, column = int(place[0] * height), int(place[1] * width)
    top, bottom = max(row - tall // 2, 0), min(row + (tall + 1) // 2, height)
    left, right = max(column - wide // 2, 0), min(column + (wide + 1) // 2, width)
    return Blend(1 - (bottom - top) * (right - left) / (height * width), (top, bottom, left, right))
