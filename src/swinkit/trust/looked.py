"""Where a model looked for its answer, for any model and any size.

Integrated gradients (Sundararajan et al. 2017): the picture is faded in from its own mean colour, and each
pixel is credited with what it adds to the answer on the way. The credits sum to what the whole picture adds,
so nothing is invented and padding, which is no pixel, has no part in it. Maps of attention or of activations
would be coarser than the marks that a small model looks at, and where shifted windows have mixed the tokens
they point beside them (tests/trust/test_looked.py measures it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.engine.inference import preprocess_of
from swinkit.models import Backbone
from swinkit.models.preprocess import Preprocess
from swinkit.tasks import Prediction
from swinkit.trust.assessment import Looked, LookedFor

_STEPS = 8
_AT_ONCE = 8 * 128 * 128
"""Pixels that go through the model and back together: small pictures one by one are mostly overhead."""
_BLUR = 8
"""Credits are averaged over this part of the side: single pixels mean nothing."""
_GRID = 48
"""Values along the longer side of a picture."""
_EACH = 12


def heat(model: Backbone, inputs: Tensor, answers: Tensor, *, alone: bool = False) -> Tensor:
    """What each place of a picture adds to an answer, 0 to 1. (B, C, h, w), classes (B,) -> (B, h, w)

    alone: whether each class is a question of its own, not one answer among others.
    """
    ground = inputs.mean(dim=(2, 3), keepdim=True)
    total = torch.zeros_like(inputs)
    shares = (torch.arange(_STEPS, device=inputs.device) + 0.5) / _STEPS
    for some in shares.split(max(1, _AT_ONCE // inputs[:, 0].numel())):
        faded = ground + (inputs - ground) * some.view(-1, 1, 1, 1, 1)  # steps, B, C, h, w
        gradient = _gradient(model, faded.flatten(0, 1), answers.repeat(len(some)), alone=alone)
        total += gradient.view_as(faded).sum(dim=0)
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


def looked_for(
    model: Backbone, samples: Sequence[Sample], said: Sequence[Prediction], classes: Sequence[str]
) -> tuple[LookedFor, ...]:
    """The same where a picture may have several classes: classes that it gave, wrongly and rightly.

    Of every class the surest one first, then the second of every class, and so on: a common class would else
    take all places.
    """
    given = sorted(_given(samples, said), key=lambda one: -one.probability)
    seen: Counter[tuple[str, bool]] = Counter()
    turn = []
    for one in given:
        seen[one.name, one.right] += 1
        turn.append(seen[one.name, one.right])
    order = [given[index] for index in sorted(range(len(given)), key=turn.__getitem__)]
    some = [one for right in (False, True) for one in [one for one in order if one.right == right][:_EACH]]
    places = heats(model, [samples[one.row] for one in some], [classes.index(one.name) for one in some])
    return tuple(
        LookedFor(
            image=samples[one.row].name,
            given=one.name,
            probability=one.probability,
            right=one.right,
            heat=tuple(tuple(line) for line in lines),
        )
        for one, lines in zip(some, places, strict=True)
    )


class _Given(NamedTuple):
    """A class that a picture was given. row: of the picture."""

    row: int
    name: str
    probability: float
    right: bool


def _given(samples: Sequence[Sample], said: Sequence[Prediction]) -> Iterator[_Given]:
    """Every class of which it is known whether it was given rightly."""
    for row, (sample, told) in enumerate(zip(samples, said, strict=True)):
        for name in told.labels or ():
            if name not in sample.unknown:
                yield _Given(row, name, told.probabilities[name], name in sample.shown)


def heats(
    model: Backbone, samples: Sequence[Sample], classes: Sequence[int] | None = None
) -> Iterator[list[list[float]]]:
    """Where the model looked in each picture for its own answer: rows of 0 to 1 over the whole picture.

    classes: in place of its answers, the class that was looked for in each picture, a question of its own.
    """
    preprocess = preprocess_of(model)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        for row, sample in enumerate(samples):
            pixels = sample.pixels(preprocess.channels, own_values=preprocess.own_values)
            inputs = preprocess(pixels)[None].to(device)
            if classes is None:
                with torch.no_grad():
                    answers = model(inputs).argmax(dim=1)
            else:
                answers = torch.tensor([classes[row]], device=device)
            found = heat(model, inputs, answers, alone=classes is not None)[0].cpu()
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


def _gradient(model: Backbone, inputs: Tensor, answers: Tensor, *, alone: bool) -> Tensor:
    """Of the answer itself where it is a question of its own, else of how far it is above the mean of all."""
    with torch.enable_grad():
        inputs = inputs.detach().requires_grad_(True)
        outputs = model(inputs)
        answer = outputs.gather(1, answers[:, None])[:, 0]
        wanted = answer if alone else answer - outputs.mean(dim=1)
        (gradient,) = torch.autograd.grad(wanted.sum(), inputs)
    return gradient


def _blurred(x: Tensor) -> Tensor:
    """The mean over a square around each place. (B, h, w)"""
    side = max(1, min(x.shape[1:]) // _BLUR) | 1  # odd, so that it has a middle
    return F.avg_pool2d(x[:, None], side, stride=1, padding=side // 2, count_include_pad=False)[:, 0]
