"""From pictures to a model's outputs: the one path of validation, `evaluate` and `predict`.

Always in the precision of the weights and in batches of one size, so that equal files get equal bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.errors import ConfigError, DataError
from swinkit.models import Backbone, Preprocess
from swinkit.native import Agreement, OptimizedSwin, agreement, for_inference
from swinkit.tasks import Task

EVALUATION_BATCH = 64
COMPARED = 16
"""Pictures on which answers in int8 are compared with those in float32."""

Unreadable = Callable[[Sample, DataError], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """Samples that went through a model together, B of them, and what came out, on the CPU.

    inputs: the pictures as the model got them, B, C, h, w. outputs: B, K. features: the pooled vectors that
    the head saw, B, C.
    """

    samples: Sequence[Sample]
    inputs: Tensor
    outputs: Tensor
    features: Tensor


def validate(
    model: Backbone, task: Task, samples: Iterable[Sample], *, unreadable: Unreadable | None = None
) -> dict[str, float]:
    """The task's numbers on samples that are not trained on. unreadable: as in `outputs_of`."""
    scores = task.scores()
    for some, outputs in outputs_of(model, samples, unreadable=unreadable):
        scores.add(outputs, task.targets(some))
    return scores.result()


def outputs_of(
    model: Backbone,
    samples: Iterable[Sample],
    *,
    batch: int = EVALUATION_BATCH,
    unreadable: Unreadable | None = None,
) -> Iterator[tuple[Sequence[Sample], Tensor]]:
    """A model's outputs on the CPU, batch by batch in order, each beside the samples it is of.

    unreadable: called with each sample that cannot be read, which is then left out; by default its
    DataError is raised. Raises ConfigError for a model without preprocessing.
    """
    for answered in answers_of(model, samples, batch=batch, unreadable=unreadable):
        yield answered.samples, answered.outputs


def answers_of(
    model: Backbone,
    samples: Iterable[Sample],
    *,
    batch: int = EVALUATION_BATCH,
    unreadable: Unreadable | None = None,
) -> Iterator[Answered]:
    """As `outputs_of`, with the pictures and the features from which the head made the outputs.

    The model has a head.
    """
    assert model.head is not None
    preprocess = preprocess_of(model)
    device = next(model.parameters()).device
    with evaluating(model):
        fast = for_inference(model)
        for some, inputs in _batches(preprocess, samples, batch, unreadable):
            with torch.inference_mode():
                features = fast.embed(inputs.to(device))
                outputs = model.head(features)
            yield Answered(samples=some, inputs=inputs, outputs=outputs.cpu(), features=features.cpu())


def agreement_on(model: Backbone, samples: Iterable[Sample]) -> Agreement | None:
    """How far answers in the precision that is forced agree with those in float32, on the first samples.

    None where nothing narrower is forced, or no sample can be read.
    """
    some = islice(_batches(preprocess_of(model), samples, COMPARED, lambda *_: None), 1)
    with evaluating(model):
        fast = for_inference(model)
        if not isinstance(fast, OptimizedSwin) or fast.dtype == "float32":
            return None
        return next((agreement(fast, inputs) for _, inputs in some), None)


def preprocess_of(model: Backbone) -> Preprocess:
    """What turns a picture into this model's input. Raises ConfigError where nobody knows."""
    if model.preprocess is None:
        raise ConfigError(
            "these weights do not say how pictures are prepared for them",
            hint="load them with the image size they were trained for: swinkit.load(…, image_size=…)",
        )
    return model.preprocess


def _batches(
    preprocess: Preprocess, samples: Iterable[Sample], batch: int, unreadable: Unreadable | None
) -> Iterator[tuple[Sequence[Sample], Tensor]]:
    """Samples that can be read, `batch` at a time, and their pixels. (B, C, h, w)"""
    some: list[Sample] = []
    pixels: list[Tensor] = []
    for sample in samples:
        try:
            read = sample.pixels(preprocess.channels, own_values=preprocess.own_values)
            pixels.append(preprocess(read))
        except DataError as error:
            if unreadable is None:
                raise
            unreadable(sample, error)
            continue
        some.append(sample)
        if len(some) == batch:
            yield some, torch.stack(pixels)
            some, pixels = [], []
    if some:
        yield some, torch.stack(pixels)


@contextmanager
def evaluating(model: Backbone) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
