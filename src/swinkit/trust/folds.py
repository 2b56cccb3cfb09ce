"""How good a linear classifier on frozen features is, where pictures are too few to set some aside.

All of them are divided into five parts. Each part is answered by a classifier that was fitted to the four
others, so that every picture is asked about once, by one that was not taught it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from swinkit.data import Sample
from swinkit.data.splits import ENOUGH, folds
from swinkit.engine.probe import fit_by_folds
from swinkit.tasks import Task
from swinkit.trust.assess import Frozen
from swinkit.trust.assessment import ByFolds, LabelByFolds
from swinkit.trust.intervals import Resampled, groups_of
from swinkit.trust.sets import mean_precision

FOLDS = 5


def by_folds(
    task: Task, frozen: Frozen, *, seed: int, together: Iterable[Sequence[str]] = ()
) -> ByFolds | LabelByFolds | None:
    """None where there are enough pictures to set some aside for the numbers.

    frozen: features of all pictures, knowing no label. together: names of pictures that are copies.
    """
    samples = frozen.samples
    if len(samples) >= ENOUGH:
        return None
    fold = folds(samples, count=FOLDS, seed=seed, together=together)
    _, outputs = fit_by_folds(task, frozen.features, samples, fold)
    parts = [[row for row, number in enumerate(fold) if number == one] for one in sorted(set(fold))]
    each = [_numbers(task, outputs[part], [samples[row] for row in part]) for part in parts]
    whole = _numbers(task, outputs, samples)
    if "mean_average_precision" in whole:
        return _of_sets(task, frozen, outputs, whole, each, seed)
    drawn = Resampled(
        task.targets(samples).numpy(),
        outputs.argmax(dim=1).numpy(),
        classes=len(task.classes),
        groups=groups_of(samples),
        seed=seed,
    )
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None  # there is a picture
    return ByFolds(
        pictures=len(samples),
        features=frozen.of,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        each=tuple(one["balanced_accuracy"] for one in each),
    )


def _of_sets(
    task: Task,
    frozen: Frozen,
    outputs: Tensor,
    whole: dict[str, float],
    each: Sequence[dict[str, float]],
    seed: int,
) -> LabelByFolds | None:
    value = whole["mean_average_precision"]
    precision = mean_precision(outputs.numpy(), frozen.samples, task.classes, value, seed)
    if precision is None:
        return None
    return LabelByFolds(
        pictures=len(frozen.samples),
        features=frozen.of,
        mean_average_precision=precision,
        each=tuple(one["mean_average_precision"] for one in each),
    )


def _numbers(task: Task, outputs: Tensor, samples: Sequence[Sample]) -> dict[str, float]:
    scores = task.scores()
    scores.add(outputs, task.targets(samples))
    return scores.result()
