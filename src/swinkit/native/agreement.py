"""How far a model in int8 answers as in float32: measured on pictures, since no weights tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.errors import DataError
from swinkit.models import Swin

if TYPE_CHECKING:
    from swinkit.native.optimized import OptimizedSwin

SAMPLE = 10
"""Pictures that are compared where none are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Outputs of a model in a narrow type beside those in float32, for some pictures.

    same_answers: pictures whose most probable class is the same; None for a model without a head. cosine:
    of both outputs of a picture, logits or the pooled vector; the mean and the lowest.
    """

    pictures: int
    same_answers: int | None
    cosine: float
    lowest_cosine: float

    def __str__(self) -> str:
        cosine = f"cosine of the outputs {self.cosine:.4f}, at worst {self.lowest_cosine:.4f}"
        if self.same_answers is None:
            return f"on {self.pictures} pictures: {cosine}"
        return f"on {self.pictures} pictures: {self.same_answers} answers as in float32; {cosine}"


@torch.inference_mode()
def agreement(narrow: OptimizedSwin, images: Tensor) -> Agreement:
    """With its own model. images: B, C, H, W, normalised."""
    has_head = narrow.model.head is not None
    ours, right = (net(images) if has_head else net.embed(images) for net in (narrow, narrow.model))
    assert isinstance(ours, Tensor) and isinstance(right, Tensor)
    cosines = F.cosine_similarity(ours, right)
    return Agreement(
        pictures=len(images),
        same_answers=int((ours.argmax(1) == right.argmax(1)).sum()) if has_head else None,
        cosine=float(cosines.mean()),
        lowest_cosine=float(cosines.min()),
    )


def digits_for(model: Swin) -> Tensor | None:
    """Some of the embedded scans as a model takes them; None where it does not say how or sees no colours."""
    from swinkit.data import digits

    preprocess = model.preprocess
    if preprocess is None:
        return None
    chosen = digits().samples[:: len(digits()) // SAMPLE][:SAMPLE]
    try:
        return torch.stack([preprocess(sample.pixels(preprocess.channels)) for sample in chosen])
    except DataError:  # of other channels than a picture has
        return None
