"""What a model answers to pictures, before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.engine.inference import EVALUATION_BATCH, Unreadable, answers_of
from swinkit.errors import DataError
from swinkit.models import Backbone
from swinkit.trust.familiar import look


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a model answered to the N pictures that could be read, before anything is decided.

    outputs: logits as the model gave them, N, K. looks: what the pictures are like (`familiar.look`), N, D.
    features: what the head saw, N, C.
    """

    samples: tuple[Sample, ...]
    outputs: Tensor
    looks: Tensor
    features: Tensor


def gather(
    model: Backbone,
    samples: Sequence[Sample],
    *,
    batch: int = EVALUATION_BATCH,
    unreadable: Unreadable | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Every answer of a model. unreadable: called with each sample that cannot be read, by default raised.

    progress: called with (pictures done, pictures in all). Raises DataError where there is none to answer.
    """
    parts: list[Answers] = []
    for some in answered(model, samples, batch=batch, unreadable=unreadable):
        parts.append(some)
        if progress is not None:
            progress(sum(len(part.samples) for part in parts), len(samples))
    if not parts:
        raise DataError("there is no picture that could be scored")
    return Answers(
        samples=tuple(sample for part in parts for sample in part.samples),
        outputs=torch.cat([part.outputs for part in parts]),
        looks=torch.cat([part.looks for part in parts]),
        features=torch.cat([part.features for part in parts]),
    )


def answered(
    model: Backbone,
    samples: Iterable[Sample],
    *,
    batch: int = EVALUATION_BATCH,
    unreadable: Unreadable | None = None,
) -> Iterator[Answers]:
    """The same batch by batch, for any number of pictures."""
    for some in answers_of(model, samples, batch=batch, unreadable=unreadable):
        yield Answers(
            samples=tuple(some.samples),
            outputs=some.outputs,
            looks=look(some.inputs),
            features=some.features,
        )
