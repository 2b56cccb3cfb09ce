"""All that is found out about one model, as plain facts: what evaluation.json holds and the report shows.

No torch here, and no words for people: those are the report's. Shares run from 0 to 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from swinkit.tasks.results import (
    ClassIntervals,
    Evaluation,
    Interval,
    Intervals,
    LabelIntervals,
    MultiLabelEvaluation,
    SetIntervals,
)

Copies = Literal["file", "near"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baselines:
    """What the model has to beat on the same pictures.

    majority: accuracy of always answering `majority_class`, the commonest class of train.
    probe: balanced accuracy of a linear classifier on frozen features, which `probe_features` names; None
        where none was fitted.
    """

    majority_class: str
    majority: float
    probe: Interval | None = None
    probe_features: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ByFolds:
    """A linear classifier on frozen features, asked about every picture by one that was not taught it.

    pictures: of all splits together. features: what they are features of. each: balanced accuracy, of every
    fold by itself.
    """

    pictures: int
    features: str
    accuracy: Interval
    balanced_accuracy: Interval
    each: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Pictures whose probability of the answer lies from `low` to `high`."""

    low: float
    high: float
    pictures: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Whether probabilities mean what they say (Guo et al. 2017): expected calibration error, Brier score."""

    ece: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Answering only when the probability is at least `threshold`: share answered, and right among those."""

    threshold: float
    coverage: float
    accuracy: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Probabilities before and after dividing the outputs by `temperature`.

    skipped: why none was fitted (the temperature is then 1).
    unsure_below: `predict` says unsure below this probability; None where no threshold was set.
    error_rate: the share of wrong answers that this threshold was chosen to leave, on the pictures of
        `fitted_on`; answered: what it comes to on the pictures scored.
    """

    temperature: float
    fitted_on: str
    before: Reliability
    after: Reliability
    coverage: tuple[Coverage, ...]
    unsure_below: float | None = None
    error_rate: float | None = None
    answered: Coverage | None = None
    skipped: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """A picture whose label may be wrong: others of its kind, seen without it, say otherwise."""

    image: str
    label: str
    suggested: str
    probability_of_label: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Shaken:
    """How the model fares when every picture is changed in one way. level: in words ("quality 30").

    pictures: how many were changed; the first of a list is of the same pictures, unchanged.
    """

    change: str
    level: str
    pictures: int = 0
    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShakenSets:
    """The same where a picture may have several classes."""

    change: str
    level: str
    pictures: int
    mean_average_precision: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """Where the model looked for its answer. heat: rows of values 0 to 1 over the whole picture."""

    image: str
    label: str
    predicted: str
    probability: float
    heat: tuple[tuple[float, ...], ...]

    @property
    def right(self) -> bool:
        return self.label == self.predicted


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedFor:
    """Where the model looked for one of the classes that it gave. right: whether the picture has it."""

    image: str
    given: str
    probability: float
    right: bool
    heat: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What an answer costs. macs: multiply-adds of one picture; seconds: of one picture, as measured here."""

    parameters: int
    macs: int | None
    seconds_per_picture: float
    device: str
    threads: int
    kernel: str
    file_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """One picture with its label and what was said of it: a row of predictions.csv.

    content: a hash of the file's bytes, by which two runs find the pictures they share. group: a patient, a
    film. unsure, strangeness: as in `Prediction`. probabilities: of all classes, in their order. rank: place
    of the label among the answers, from 1.
    """

    image: str
    label: str
    predicted: str
    probability: float
    unsure: bool = False
    strangeness: float | None = None
    content: str
    group: str | None
    rank: int
    probability_of_label: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """Everything known about how good a model is.

    chosen_on_same: whether the scored pictures were also those by which the best epoch was chosen.
    pictures: every scored picture, in order.
    by_folds: where so few pictures were there that this tells more than those that were set aside.
    trained_copies: scored pictures of which a copy was trained on; accuracy_without_copies leaves them out.
    copies: which were looked for: of the same file ("file"), or also changed ones ("near").
    """

    evaluation: Evaluation
    accuracy: Interval
    balanced_accuracy: Interval
    per_class: dict[str, ClassIntervals]
    pictures: tuple[Scored, ...] = ()
    chosen_on_same: bool = False
    baselines: Baselines | None = None
    calibration: Calibration | None = None
    suspects: tuple[Suspect, ...] = ()
    suspects_skipped: str | None = None
    robustness: tuple[Shaken, ...] = ()
    looked: tuple[Looked, ...] = ()
    cost: Cost | None = None
    by_folds: ByFolds | None = None
    trained_copies: int | None = None
    accuracy_without_copies: float | None = None
    copies: Copies = "file"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the numbers of `Evaluation.to_dict`, and beside them how far to trust them.

        Without the single pictures, which predictions.csv holds.
        """
        values = asdict(replace(self, pictures=()))
        for name in ("evaluation", "pictures", "accuracy", "balanced_accuracy", "per_class"):
            del values[name]
        return {**self.told().to_dict(), **values}

    def told(self) -> Evaluation:
        """The evaluation with its intervals."""
        intervals = Intervals(
            accuracy=self.accuracy, balanced_accuracy=self.balanced_accuracy, per_class=self.per_class
        )
        return replace(self.evaluation, intervals=intervals)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelBaselines:
    """What the model has to beat on the same pictures, in mean average precision.

    guessing: of answers at random: the share of pictures that have a class, on the average of the classes.
    probe: of a linear classifier on frozen features, which `probe_features` names; None where none was
        fitted.
    """

    guessing: float
    probe: Interval | None = None
    probe_features: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelByFolds:
    """As `ByFolds`, by mean average precision."""

    pictures: int
    features: str
    mean_average_precision: Interval
    each: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredSet:
    """One picture with all its classes and those it was given: a row of predictions.csv.

    unknown: the classes of which nobody said. Otherwise as in `Scored`.
    """

    image: str
    labels: tuple[str, ...]
    unknown: tuple[str, ...]
    predicted: tuple[str, ...]
    unsure: bool = False
    strangeness: float | None = None
    content: str
    group: str | None
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiLabelAssessment:
    """What is known about a model that may give a picture several classes or none.

    chosen_on_same: whether the scored pictures were also those by which the best epoch and the thresholds
        were chosen.
    by_folds, trained_copies, copies: as in `Assessment`; precision_without_copies: mean average precision.
    """

    evaluation: MultiLabelEvaluation
    mean_average_precision: Interval | None
    f1: Interval | None
    per_class: dict[str, LabelIntervals]
    pictures: tuple[ScoredSet, ...] = ()
    chosen_on_same: bool = False
    baselines: LabelBaselines | None = None
    robustness: tuple[ShakenSets, ...] = ()
    looked: tuple[LookedFor, ...] = ()
    cost: Cost | None = None
    by_folds: LabelByFolds | None = None
    trained_copies: int | None = None
    precision_without_copies: float | None = None
    copies: Copies = "file"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as `Assessment.to_dict`."""
        values = asdict(replace(self, pictures=()))
        for name in ("evaluation", "pictures", "mean_average_precision", "f1", "per_class"):
            del values[name]
        return {**self.told().to_dict(), **values}

    def told(self) -> MultiLabelEvaluation:
        """The evaluation with its intervals."""
        intervals = SetIntervals(
            mean_average_precision=self.mean_average_precision, f1=self.f1, per_class=self.per_class
        )
        return replace(self.evaluation, intervals=intervals)
