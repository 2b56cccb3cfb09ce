"""What an answer costs: size, multiply-adds, seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from swinkit.data import Sample
from swinkit.engine.inference import answers_of, preprocess_of
from swinkit.models import Backbone
from swinkit.trust.assessment import Cost

_TIMED = 5
"""Pictures that are answered one after the other, each alone; their median is what one takes. One more comes
before them, for what is prepared once: weights packed, threads begun."""


def cost_of(model: Backbone, samples: Sequence[Sample], weights: Path | None) -> Cost:
    """Of one picture, from its file to the answer, as measured here and now. weights: the file, if any."""
    device = next(model.parameters()).device
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=model.macs(preprocess_of(model).image_size),
        seconds_per_picture=_seconds(model, samples[: 1 + _TIMED]),
        device=str(device),
        threads=torch.get_num_threads(),
        kernel=model.kernel,
        file_bytes=weights.stat().st_size if weights is not None and weights.is_file() else 0,
    )


def _seconds(model: Backbone, samples: Sequence[Sample]) -> float:
    taken, start = [], time.perf_counter()
    for _ in answers_of(model, samples, batch=1):
        taken.append(time.perf_counter() - start)
        start = time.perf_counter()
    return statistics.median(taken[1:] or taken)
