"""Where a model looked for its answer, for any model and any size.

Integrated gradients (Sundararajan et al. 2017): the picture is faded in from its own mean colour, and each
pixel is credited with what it adds to the answer on the way. The credits sum to what the whole picture adds,
so nothing is invented and padding, which is no pixel, has no part in it. Maps of attention or of activations
would be coarser than the marks that a small model looks at, and where shifted windows have mixed the tokens
they point beside them (tests/trust/test_looked.py measures it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.engine.inference import preprocess_of
from swinkit.models import Backbone
from swinkit.models.preprocess import Preprocess
from swinkit.tasks import Prediction
from swinkit.trust.assessment import Looked

_STEPS = 8
_BLUR = 8
"""Credits are averaged over this part of the side: single pixels mean nothing."""
_GRID = 48
"""Values along the longer side of a picture."""
_EACH = 12


def heat(model: Backbone, inputs: Tensor, answers: Tensor) -> Tensor:
    """What each place of a picture adds to an answer, 0 to 1. (B, C, h, w), classes (B,) -> (B, h, w)"""
    ground = inputs.mean(dim=(2, 3), keepdim=True)
    total = torch.zeros_like(inputs)
    for step in range(_STEPS):
        faded = ground + (inputs - ground) * (step + 0.5) / _STEPS
        total += _gradient(model, faded, answers)
    credit = (total / _STEPS * (inputs - ground)).sum(dim=1)  # B, h, w
    spread = _blurred(_blurred(credit)).clamp_min(0)
    return spread / spread.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)


def passes(samples: Sequence[Sample]) -> int:
    """How many pictures go through the model for it; back again costs twice as much."""
    return min(2 * _EACH, len(samples)) * _STEPS * 3


def looked(
    model: Backbone, samples: Sequence[Sample], said: Sequence[Prediction], answers: Sequence[str]
) -> tuple[Looked, ...]:
    """Where the model looked in its surest mistakes, and in as many of its surest right answers.

    said, answers: what it said of each sample, and what the sample shows.
    """
    order = sorted(range(len(said)), key=lambda index: -(said[index].probability or 0.0))
    wrong = [index for index in order if said[index].label != answers[index]][:_EACH]
    right = [index for index in order if said[index].label == answers[index]][:_EACH]
    return tuple(
        Looked(
            image=samples[index].name,
            label=answers[index],
            predicted=str(said[index].label),
            probability=said[index].probability or 0.0,
            heat=tuple(tuple(row) for row in places),
        )
        for index, places in zip(
            wrong + right, heats(model, [samples[index] for index in wrong + right]), strict=True
        )
    )


def heats(model: Backbone, samples: Sequence[Sample]) -> Iterator[list[list[float]]]:
    """Where the model looked in each picture for its own answer: rows of 0 to 1 over the whole picture."""
    preprocess = preprocess_of(model)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        for sample in samples:
            pixels = sample.pixels(len(preprocess.mean))
            inputs = preprocess(pixels)[None].to(device)
            with torch.no_grad():
                answers = model(inputs).argmax(dim=1)
            found = heat(model, inputs, answers)[0].cpu()
            yield over_picture(found, preprocess, pixels.shape[0], pixels.shape[1])
    finally:
        model.train(training)


def over_picture(found: Tensor, preprocess: Preprocess, height: int, width: int) -> list[list[float]]:
    """Values of the model's input, laid over the picture it was made of; 0 where it was cropped. (h, w)"""
    rows, columns = (max(1, round(_GRID * side / max(height, width))) for side in (height, width))
    placed = preprocess.placement(height, width)
    at_rows, inside_rows = _places(rows, height, placed.scale[0], placed.offset[0], found.shape[0])
    at_columns, inside_columns = _places(columns, width, placed.scale[1], placed.offset[1], found.shape[1])
    values = found.numpy()[np.ix_(at_rows, at_columns)] * np.outer(inside_rows, inside_columns)
    return [[round(float(value), 3) for value in row] for row in values]


def _places(cells: int, side: int, scale: float, offset: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Along a side of the picture, for the middle of each cell: its pixel of the input, if it is in it."""
    middles = (np.arange(cells) + 0.5) * side / cells
    pixels = np.floor(middles * scale - offset).astype(int)
    return pixels.clip(0, size - 1), (pixels >= 0) & (pixels < size)


def _gradient(model: Backbone, inputs: Tensor, answers: Tensor) -> Tensor:
    """Of how far the answer stands above the mean of the classes."""
    with torch.enable_grad():
        inputs = inputs.detach().requires_grad_(True)
        outputs = model(inputs)
        above = outputs.gather(1, answers[:, None])[:, 0] - outputs.mean(dim=1)
        (gradient,) = torch.autograd.grad(above.sum(), inputs)
    return gradient


def _blurred(x: Tensor) -> Tensor:
    """The mean over a square around each place. (B, h, w)"""
    side = max(1, min(x.shape[1:]) // _BLUR) | 1  # odd, so that it has a middle
    return F.avg_pool2d(x[:, None], side, stride=1, padding=side // 2, count_include_pad=False)[:, 0]
