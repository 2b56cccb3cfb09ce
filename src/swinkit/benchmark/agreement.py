"""Outputs are compared before anything is timed: a fast wrong answer is no time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from swinkit.errors import KernelRefused
from swinkit.kernels import use_kernel
from swinkit.models import Swin

# Rounding of float32 is below 1e-5 here, of bfloat16 about 1e-2; another function is 1e-2 off or more.
LIMITS = {"float32": 1e-4, "bfloat16": 6e-2, "int8": 0.3}
"""Largest difference as a share of the largest logit, by dtype."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far answers are off (see `Row.off`), and the share of images with the same first answer."""

    off: float
    agree: float


def expected_logits(model: Swin, images: Tensor) -> Tensor:
    """What is right: the formula, in float32."""
    with use_kernel("reference"), torch.inference_mode():
        logits = model(images)
    assert isinstance(logits, Tensor)
    return logits


def agreement(answer: Tensor, expected: Tensor, dtype: str) -> Agreement:
    """How well an answer agrees. Raises KernelRefused where it is another answer."""
    if answer.shape != expected.shape:
        raise KernelRefused(f"it answers {tuple(answer.shape)}, not {tuple(expected.shape)}")
    answer = answer.float()
    off = float((answer - expected).abs().max() / expected.abs().max())
    if not off <= LIMITS[dtype]:  # also where it is not a number
        raise KernelRefused(
            f"its logits are off by {off:.1g} of the largest one, where {dtype} allows {LIMITS[dtype]:g}: "
            "it computes another function at this size"
        )
    agree = (answer.argmax(1) == expected.argmax(1)).float().mean()
    return Agreement(off, float(agree))
