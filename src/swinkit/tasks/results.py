"""What a task finds out, as plain facts that print, compare and turn into JSON. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a model says about one picture.

    image: the path, or the number of an array in the order given.
    label, probability: the most probable class; None where the picture could not be read.
    labels: where a picture may have several classes or none, those whose probability reaches their threshold,
        most probable first; None where it has just one.
    probabilities: the best classes with their probabilities, best first.
    unsure: whether the answer is better not relied on: too improbable, or of a picture too strange, by the
        limits that the weights file states.
    strangeness: how unlike the pictures that the model was made for, above 1 too much; None where the file
        does not say what those are like.
    error: why there is no answer.
    """

    image: str
    label: str | None = None
    probability: float | None = None
    labels: tuple[str, ...] | None = None
    probabilities: Mapping[str, float]
    unsure: bool = False
    strangeness: float | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassScore:
    """How one class fares. Each number is None where nothing can be said: no such picture, or no such answer.

    recall: share of the pictures of this class that were found.
    precision: share of right ones among the pictures that were given this class.
    """

    pictures: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassIntervals:
    """How one class fares; None where nothing can be said: no such picture, or no such answer."""

    pictures: int
    recall: Interval | None
    precision: Interval | None
    f1: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Intervals:
    """How far the numbers of an `Evaluation` may lie from those that many pictures would show."""

    accuracy: Interval
    balanced_accuracy: Interval
    per_class: Mapping[str, ClassIntervals]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How good a model is on pictures whose classes are known; numbers are shares from 0 to 1.

    balanced_accuracy: mean recall of the classes that have pictures here.
    top5: share of pictures whose class is among the five most probable; None with fewer than six classes,
        where it says nothing.
    loss: mean cross-entropy, in nats.
    confusion: confusion[i][j] counts pictures of class i that were given class j, by the order of `classes`.
    predictions: one for each picture, in order; answers[i] is what picture i truly shows.
    intervals: of 95 %; None where nobody asked for them.
    split: the part of the data, train, val or test; None where all of it was taken.
    skipped: pictures that could not be read, with the reason.
    """

    pictures: int
    accuracy: float
    balanced_accuracy: float
    top5: float | None
    loss: float
    classes: tuple[str, ...]
    per_class: Mapping[str, ClassScore]
    confusion: tuple[tuple[int, ...], ...]
    predictions: tuple[Prediction, ...]
    answers: tuple[str, ...]
    intervals: Intervals | None = None
    data: str = ""
    split: str | None = None
    weights: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the single predictions, which `predictions_csv` holds."""
        values = asdict(self)
        del values["predictions"], values["answers"]
        return values


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScore:
    """How one class fares where a picture may have several. None where nothing can be said.

    pictures, without: how many are known to have it, and known not to have it.
    average_precision: area under the curve of precision over recall; it does not depend on a threshold.
    threshold: the probability from which the class is given; recall, precision and f1 are at it.
    """

    pictures: int
    without: int
    average_precision: float | None
    threshold: float
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelIntervals:
    """How one class fares where a picture may have several; None where nothing can be said.

    recall, precision, f1: at the threshold of the class.
    """

    pictures: int
    average_precision: Interval | None
    recall: Interval | None
    precision: Interval | None
    f1: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SetIntervals:
    """The same for a `MultiLabelEvaluation`; None where nothing can be said."""

    mean_average_precision: Interval | None
    f1: Interval | None
    per_class: Mapping[str, LabelIntervals]


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiLabelEvaluation:
    """How good a model is where a picture may have several classes or none; numbers are shares from 0 to 1.

    Whatever is not known of a picture is left out of every number.

    mean_average_precision: over the classes that are known of some picture here.
    f1: mean over the same classes, each at its threshold.
    exact: share of the pictures, all of whose classes are known, that were given just those.
    loss: mean binary cross-entropy, in nats.
    predictions: one for each picture, in order; answers[i] are the classes that picture i truly has, and
        unknown[i] those of which nobody said.
    intervals, data, split, weights, skipped: as in `Evaluation`.
    """

    pictures: int
    mean_average_precision: float | None
    f1: float | None
    exact: float | None
    loss: float
    classes: tuple[str, ...]
    per_class: Mapping[str, LabelScore]
    predictions: tuple[Prediction, ...]
    answers: tuple[tuple[str, ...], ...]
    unknown: tuple[tuple[str, ...], ...]
    intervals: SetIntervals | None = None
    data: str = ""
    split: str | None = None
    weights: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without what is said of single pictures."""
        values = asdict(self)
        del values["predictions"], values["answers"], values["unknown"]
        return values
