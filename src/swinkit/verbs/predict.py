"""What do these pictures show? Class names with probabilities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from swinkit.errors import ConfigError, DataError
from swinkit.tasks.results import Prediction

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from swinkit.data import Sample
    from swinkit.kernels import Precision
    from swinkit.models import Backbone
    from swinkit.tasks import Task
    from swinkit.trust.caution import Caution

    Picture: TypeAlias = str | Path | np.ndarray | Image


def predict(
    images: Picture | Sequence[Picture],
    weights: str | Path,
    *,
    top: int = 5,
    explain: str | Path | None = None,
    batch: int = 64,
    device: str | None = None,
    threads: int | None = None,
    kernel: str | None = None,
    precision: Precision | None = None,
) -> list[Prediction]:
    """Say what pictures show: class names with probabilities, in the order of the pictures.

    A picture that cannot be read yields a prediction with an `error`, and the others go on. Where the weights
    say when not to rely on an answer, as those of a training do, it is marked `unsure`.

    Args:
        images: Picture files, and folders, which are searched at any depth; from Python also arrays (H, W, C)
            or (H, W) and Pillow images; one or many.
        weights: A run folder, a weights file of any format, the name of published weights, or hf:owner/name.
        top: How many classes to name for each picture.
        explain: A folder to write each picture into, as a PNG that shows where the model looked for its
            answer, or for each of its answers where there may be several; one takes about as long as twenty
            more answers.
        batch: Pictures that go through the model at once.
        device: What computes, in torch's words (cpu, cuda, cuda:1); by default a GPU where there is one.
        threads: CPU threads; by default as many as torch takes.
        kernel: What computes the blocks (`swinkit doctor` lists the kernels); by default the fastest.
        precision: Of products, by the native kernels of a CPU alone: fp32, bf16, int8. That is approximate;
            how far its answers agree with fp32 on the first pictures is said. By default fp32.

    Raises:
        DataError: nothing that is named is there, or a folder holds no pictures.
        CheckpointError: the weights cannot be used.
    """
    from swinkit.verbs.classifier import computing, open_classifier, say_agreement
    from swinkit.verbs.overlays import write_overlays

    if top < 1 or batch < 1:
        raise ConfigError(f"top and batch are counts from 1; got {top} and {batch}")
    samples = _samples(images)
    with computing(threads=threads, kernel=kernel, precision=precision):
        model, task, caution = open_classifier(weights, device=device)
        say_agreement(model, samples)
        found = predictions(model, task, caution, samples, top=top, batch=batch)
        if explain is not None:
            answered = [one for one in found if one.error is None]
            read = [sample for sample, one in zip(samples, found, strict=True) if one.error is None]
            list(write_overlays(Path(explain), model, read, answered))
    return found


def predictions(
    model: Backbone, task: Task, caution: Caution, samples: Sequence[Sample], *, top: int, batch: int
) -> list[Prediction]:
    """What a model says of each sample, in their order; of one that cannot be read, why."""
    from swinkit.trust.answers import answered
    from swinkit.trust.said import said

    found: dict[int, Prediction] = {}  # by id: two pictures may have one name
    batches = answered(
        model,
        samples,
        batch=batch,
        unreadable=lambda sample, error: found.update({id(sample): _failed(sample, error.message)}),
    )
    for some in batches:
        found |= zip(map(id, some.samples), said(task, caution, some, top=top), strict=True)
    return [found[id(sample)] for sample in samples]


def _failed(sample: Sample, reason: str) -> Prediction:
    return Prediction(
        image=sample.name, probabilities={}, error=reason.removeprefix(f"cannot read {sample.name}: ")
    )


def _samples(images: Any) -> list[Sample]:
    """Every picture that was given, folders replaced by what is in them; arrays are named by their place."""
    from swinkit.data import Sample, list_pictures

    given = list(images) if isinstance(images, (list, tuple)) else [images]
    _refuse_nothing(given)
    samples: list[Sample] = []
    for number, image in enumerate(given, start=1):
        if isinstance(image, (str, os.PathLike)):
            paths = list_pictures([image]) if os.path.isdir(image) else [Path(image)]
            samples += (Sample(name=str(path), label=None, source=path) for path in paths)
        else:
            samples.append(Sample(name=f"picture {number}", label=None, source=_array(image)))
    if not samples:
        raise ConfigError("no picture was given", hint="name files or folders")
    return samples


def _refuse_nothing(given: Sequence[Any]) -> None:
    """Raises DataError where none of what was named is there: a slip of the pen, not bad pictures."""
    from swinkit.data.files import did_you_mean

    missing = [one for one in given if isinstance(one, (str, os.PathLike)) and not os.path.lexists(one)]
    if missing and len(missing) == len(given):
        names = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise DataError(f"there is no picture or folder {names}", hint=did_you_mean(missing[0]))


def _array(image: Any) -> np.ndarray:
    """H, W, C of an array or a Pillow image."""
    import numpy as np
    from PIL.Image import Image

    from swinkit.data.pictures import decode
    from swinkit.data.read import MAX_PIXELS

    if isinstance(image, Image):
        return decode(image, max_pixels=MAX_PIXELS)
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3):
        what = f"an array of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ConfigError(f"a picture is a path, an array (H, W, C) or (H, W), or a Pillow image; got {what}")
    return image[..., None] if image.ndim == 2 else image
