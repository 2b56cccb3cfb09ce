"""All that is found out about one model: from pictures with labels to an `Assessment`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.engine.inference import EVALUATION_BATCH, answers_of
from swinkit.errors import DataError
from swinkit.models import Swin
from swinkit.tasks import Evaluation, Task
from swinkit.trust.assessment import Assessment, Baselines, Scored
from swinkit.trust.intervals import Resampled

_HASH = 32  # hexadecimal digits, 128 bits: no two of any number of pictures agree by chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """Features of pictures by a model that has not seen their labels: the starting weights, say.

    of: what they are features of, in words. samples: N, of all splits. features: N, C.
    """

    of: str
    samples: Sequence[Sample]
    features: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a model answered to the N pictures that could be read. outputs: N, K. features: N, C."""

    samples: tuple[Sample, ...]
    outputs: Tensor
    features: Tensor
    skipped: tuple[tuple[str, str], ...]


def assess(
    model: Swin,
    task: Task,
    samples: Sequence[Sample],
    *,
    train: Sequence[Sample] = (),
    chosen_on_same: bool = False,
    frozen: Frozen | None = None,
    batch: int = EVALUATION_BATCH,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Assessment:
    """Score a model on samples with labels, spelled as the task's classes, and find out how far to trust it.

    train: what it learnt from, where that is known: for the majority class.
    chosen_on_same: whether the best epoch was chosen by these same samples.
    frozen: features of train and of these samples that know no label, for the linear baseline.
    progress: called with (pictures done, pictures in all).
    Raises DataError where no sample can be read.
    """
    answers = gather(model, samples, batch=batch, progress=progress)
    evaluation = replace(task.evaluate(answers.outputs, answers.samples), skipped=answers.skipped)
    drawn = _resampled(evaluation, answers.samples, seed)
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None  # there is a picture
    return Assessment(
        evaluation=evaluation,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        per_class={name: drawn.of_class(index) for index, name in enumerate(task.classes)},
        pictures=tuple(_scored(evaluation, answers)),
        chosen_on_same=chosen_on_same,
        baselines=_baselines(train, answers.samples),
    )


def gather(
    model: Swin,
    samples: Sequence[Sample],
    *,
    batch: int = EVALUATION_BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Every answer of a model, and the pictures that could not be read. DataError where none could."""
    skipped: list[tuple[str, str]] = []
    seen: list[Sample] = []
    outputs: list[Tensor] = []
    features: list[Tensor] = []

    def unreadable(sample: Sample, error: DataError) -> None:
        skipped.append((sample.path, error.message.removeprefix(f"cannot read {sample.path}: ")))

    for some in answers_of(model, samples, batch=batch, unreadable=unreadable):
        seen += some.samples
        outputs.append(some.outputs)
        features.append(some.features)
        if progress is not None:
            progress(len(seen) + len(skipped), len(samples))
    if not seen:
        raise DataError("there is no picture that could be scored")
    return Answers(
        samples=tuple(seen),
        outputs=torch.cat(outputs),
        features=torch.cat(features),
        skipped=tuple(skipped),
    )


def content(sample: Sample) -> str:
    """A hash that two copies of one picture share."""
    return sample.content_hash()[:_HASH]


def _scored(found: Evaluation, answers: Answers) -> Iterator[Scored]:
    index = {name: number for number, name in enumerate(found.classes)}
    probabilities = answers.outputs.float().softmax(dim=1)
    for sample, said, label, shares in zip(
        answers.samples, found.predictions, found.answers, probabilities, strict=True
    ):
        assert said.label is not None
        share = shares[index[label]]
        yield Scored(
            image=said.image,
            label=label,
            predicted=said.label,
            probability=shares[index[said.label]].item(),
            content=content(sample),
            group=sample.group,
            rank=1 + int((shares > share).sum()),
            probability_of_label=share.item(),
            probabilities=tuple(shares.tolist()),
        )


def _resampled(found: Evaluation, samples: Sequence[Sample], seed: int) -> Resampled:
    index = {name: number for number, name in enumerate(found.classes)}
    grouped = any(sample.group is not None for sample in samples)
    return Resampled(
        [index[label] for label in found.answers],
        [index[str(said.label)] for said in found.predictions],
        classes=len(found.classes),
        groups=[sample.group or f"alone: {sample.name}" for sample in samples] if grouped else None,
        seed=seed,
    )


def _baselines(train: Sequence[Sample], scored: Sequence[Sample]) -> Baselines | None:
    counts = Counter(sample.label for sample in train if sample.label is not None)
    if not counts:
        return None
    commonest = max(sorted(counts), key=lambda label: counts[label])
    share = sum(sample.label == commonest for sample in scored) / len(scored)
    return Baselines(majority_class=commonest, majority=share)
