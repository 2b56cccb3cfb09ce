"""What is learnt: one object per kind of learning, and the loop knows only that object.

    task = TASKS["classification"](classes)      # the names, in the order of the model's outputs

To add a task, write `tasks/<name>.py` with a class that has the attributes of `Task`, and add a line to
`TASKS`. If a line of the engine had to ask which task runs, the seam would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from swinkit.tasks.imbalance import Imbalance
from swinkit.tasks.results import (
    ClassScore,
    Evaluation,
    LabelScore,
    MultiLabelEvaluation,
    Prediction,
)

if TYPE_CHECKING:
    from torch import Tensor

    from swinkit.data import Sample


class Scores(Protocol):
    """Gathers what a model answered, batch by batch, and says how good it was."""

    def add(self, outputs: Tensor, targets: Tensor) -> None: ...

    def result(self) -> dict[str, float]:
        """Every number by name, as `metrics.jsonl` holds them."""
        ...


class Task(Protocol):
    """What the engine asks of a task. Outputs are what the model returns, targets what a batch holds."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the model's outputs."""
        ...

    def against(self, imbalance: Imbalance, samples: Sequence[Sample]) -> Task:
        """The task as it is learnt from these samples with a remedy for classes of unequal size."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        """What training minimises: the mean over the batch, a scalar in float32."""
        ...

    def distilled(self, outputs: Tensor, taught: Tensor, *, hard: bool, temperature: float) -> Tensor:
        """What learning from a teacher minimises: the mean over the batch. taught: its outputs, B, K.

        hard: its answers alone count. temperature: divides both outputs where its probabilities count.
        """
        ...

    def shares(self, targets: Tensor) -> Tensor:
        """Targets as shares of the classes, which can be blended, and which `loss` takes too. (B, K)

        Not smoothed: `loss` does that, once.
        """
        ...

    def targets(self, samples: Sequence[Sample]) -> Tensor:
        """What the samples are known to show, as `loss` and `Scores.add` take it."""
        ...

    def scores(self) -> Scores:
        """An empty tally for one pass over a split."""
        ...

    def rank(self, numbers: dict[str, float]) -> tuple[float, ...]:
        """Orders results of different epochs; the largest is the best."""
        ...

    def headline(self, numbers: dict[str, float]) -> str:
        """The numbers that a person wants to see after each epoch, in a few words."""
        ...

    def decode(self, outputs: Tensor, *, top: int) -> list[dict[str, float]]:
        """Outputs in words: for each picture the `top` best names with their probabilities, best first."""
        ...

    def sets(self, outputs: Tensor) -> list[tuple[str, ...] | None]:
        """All the names that each picture is given, the most probable first; None where one is the answer."""
        ...

    def chosen_on(self, outputs: Tensor, samples: Sequence[Sample]) -> Task:
        """The task with what is chosen after training, on pictures that were not learnt from: thresholds."""
        ...

    def facts(self) -> dict[str, Any]:
        """What was chosen so, in plain values, for the file of the model."""
        ...

    def knowing(self, facts: Mapping[str, Any]) -> Task:
        """The task with what a model's file says was chosen: the inverse of `facts`."""
        ...

    def evaluate(self, outputs: Tensor, samples: Sequence[Sample]) -> Evaluation | MultiLabelEvaluation:
        """Everything that can be said about a model's outputs on samples that have labels."""
        ...


def _classification(classes: Sequence[str]) -> Task:
    from swinkit.tasks.classification import Classification  # imports torch

    return Classification(tuple(classes))


def _multilabel(classes: Sequence[str]) -> Task:
    from swinkit.tasks.multilabel import MultiLabel  # imports torch

    return MultiLabel(tuple(classes))


TASKS: dict[str, Callable[[Sequence[str]], Task]] = {
    "classification": _classification,
    "multilabel": _multilabel,
}

__all__ = [
    "TASKS",
    "ClassScore",
    "Evaluation",
    "LabelScore",
    "MultiLabelEvaluation",
    "Prediction",
    "Scores",
    "Task",
]
