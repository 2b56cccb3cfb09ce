"""A classifier made ready to answer, and the machine to answer with, for the verbs that look at pictures."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from swinkit.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from swinkit.data import Sample
    from swinkit.kernels import Precision
    from swinkit.models import Backbone
    from swinkit.tasks import Task
    from swinkit.trust.caution import Caution


def open_classifier(weights: str | Path, *, device: str | None) -> tuple[Backbone, Task, Caution]:
    """The model of a weights source on its device, its task with the names of its classes, how to take it.

    Classes without names are called by their numbers. Raises CheckpointError for weights that cannot be read
    or that have no classes at all.
    """
    from swinkit.backbones.opening import open_model
    from swinkit.tasks import TASKS
    from swinkit.trust.caution import caution_of

    model = open_model(weights)
    count = model.classes
    if not count:
        raise CheckpointError(
            f"the model in {weights} has no classes: it was made for features or pre-training",
            hint=f"train it first: swinkit train DATA --weights {shlex.quote(os.fspath(weights))}",
        )
    names = model.labels or tuple(str(number) for number in range(count))
    facts = model.load_report.extra if model.load_report else {}
    kind = str(facts.get("task", "classification"))
    if kind not in TASKS:
        raise CheckpointError(f"the model in {weights} is for {kind}, which this swinkit does not know")
    return model.to(chosen_device(device)), TASKS[kind](names).knowing(facts), caution_of(facts)


def chosen_device(device: str | None) -> str:
    """What computes: what was asked for, else a GPU where there is one. ConfigError where it is not there."""
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without CUDA
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"cannot compute on device {device!r}: {reason}", hint="`swinkit doctor` lists what is there"
        ) from error
    return device


def say_agreement(model: Backbone, samples: Iterable[Sample]) -> None:
    """Where int8 is forced, say that it is approximate, and how far: on the first of these pictures."""
    from swinkit.engine.inference import agreement_on
    from swinkit.kernels import forced_precision

    if forced_precision() != "int8":
        return
    found = agreement_on(model, samples)
    if found is not None:
        print(f"int8 is approximate; {found}", file=sys.stderr)


@contextmanager
def computing(
    *, threads: int | None, kernel: str | None, precision: Precision | None = None
) -> Iterator[None]:
    """These threads, window attention and precision while inside; what was set before comes back."""
    import torch

    from swinkit.kernels import use_kernel, use_precision

    if threads is not None and threads < 1:
        raise ConfigError(f"threads is a count from 1; got {threads}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        with use_kernel(kernel), use_precision(precision):
            yield
    finally:
        torch.set_num_threads(before)
