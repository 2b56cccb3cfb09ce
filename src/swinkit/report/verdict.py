"""What has to be said about a model before its numbers are: whether it learnt anything, and what speaks
against believing them. Judgements only; `words.py` has their sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from swinkit.trust.assessment import Assessment, Interval, MultiLabelAssessment

FEW = 30
"""Below so many pictures an accuracy says next to nothing."""
FEW_OF_A_CLASS = 10
UNEVEN = 1.5
"""The commonest class, as many times what guessing gives, from which classes are told to be uneven."""
LITTLE_TO_LEARN_FROM = 10_000
"""Pictures below which training from scratch is told to be a handicap."""
STILL_RISING = 0.02
"""Growth of the validation score from the third quarter of training to the last that says: not done yet."""
_EPOCHS_TO_JUDGE = 8
_CHOSEN_BY = ("balanced_accuracy", "mean_average_precision")  # a task has one of them

Headline = Literal[
    "nothing learnt",
    "not shown",
    "too few",
    "learnt from",
    "by folds",
    "below the probe",
    "chosen on the same",
    "unseen",
    "measured",
]
Caution = Literal[
    "too few",
    "learnt from",
    "chosen on the same",
    "copies",
    "no better than the majority",
    "no better than guessing",
    "uneven",
    "nothing but a probe",
    "below the probe",
    "like the probe",
    "still rising",
    "from scratch",
    "classes without pictures",
    "classes with few pictures",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first thing to say, and what to hold against the numbers, the weightiest first."""

    headline: Headline
    cautions: tuple[Caution, ...]


def judge(
    found: Assessment,
    trained: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> Verdict:
    """What the facts allow to say. trained: run.json, where the model comes of a run; history: its epochs."""
    guessing = 1 / max(1, sum(one.pictures > 0 for one in found.per_class.values()))
    beats_guessing = found.balanced_accuracy.low > guessing
    majority = found.baselines.majority if found.baselines else None
    beats_majority = majority is not None and found.accuracy.low > majority
    holds: dict[Caution, bool] = {
        "too few": found.evaluation.pictures < FEW,
        "learnt from": found.evaluation.split == "train",
        "chosen on the same": found.chosen_on_same,
        "copies": bool(found.trained_copies),
        "no better than the majority": majority is not None and not (beats_majority or beats_guessing),
        "no better than guessing": majority is None and not beats_guessing,
        "uneven": majority is not None
        and majority >= UNEVEN * guessing
        and beats_guessing
        and not beats_majority,
        **_of_probe(trained, found.balanced_accuracy, found.baselines.probe if found.baselines else None),
        **_of_training(trained, history),
        **_of_classes([one.pictures for one in found.per_class.values()]),
    }
    cautions = tuple(name for name, it_does in holds.items() if it_does)
    if found.by_folds is not None:
        return Verdict(_by_folds(found.by_folds.balanced_accuracy, guessing), cautions)
    return Verdict(_headline(found, cautions, unseen=trained is not None), cautions)


def judge_labels(
    found: MultiLabelAssessment,
    trained: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> Verdict:
    """The same where a picture may have several classes."""
    ours, baselines = found.mean_average_precision, found.baselines
    guessing = baselines.guessing if baselines else None
    holds: dict[Caution, bool] = {
        "too few": found.evaluation.pictures < FEW,
        "learnt from": found.evaluation.split == "train",
        "chosen on the same": found.chosen_on_same,
        "copies": bool(found.trained_copies),
        "no better than guessing": ours is None or (guessing is not None and ours.low <= guessing),
        **_of_probe(trained, ours, baselines.probe if baselines else None),
        **_of_training(trained, history),
        **_of_classes([one.pictures for one in found.per_class.values()]),
    }
    cautions = tuple(name for name, it_does in holds.items() if it_does)
    if found.by_folds is not None:
        return Verdict(_by_folds(found.by_folds.mean_average_precision, guessing or 0.0), cautions)
    if "no better than guessing" in cautions:
        learnt = ours is not None and guessing is not None and ours.value > guessing
        return Verdict("not shown" if learnt else "nothing learnt", cautions)
    return Verdict(_weightiest(cautions, unseen=trained is not None), cautions)


def _by_folds(share: Interval, guessing: float) -> Headline:
    """Where the number over all pictures comes first."""
    return "by folds" if share.low > guessing else "not shown"


def _of_training(
    trained: Mapping[str, Any] | None, history: Sequence[Mapping[str, float]]
) -> dict[Caution, bool]:
    return {
        "still rising": still_rising(history),
        "from scratch": trained is not None and _from_scratch_on_little(trained),
    }


def _of_classes(pictures: Sequence[int]) -> dict[Caution, bool]:
    """pictures: of each class."""
    return {
        "classes without pictures": any(count == 0 for count in pictures),
        "classes with few pictures": any(0 < count < FEW_OF_A_CLASS for count in pictures),
    }


def _headline(found: Assessment, cautions: Sequence[Caution], *, unseen: bool) -> Headline:
    if "no better than guessing" in cautions:
        return "not shown"
    if "no better than the majority" in cautions:
        assert found.baselines is not None
        return "nothing learnt" if found.accuracy.value <= found.baselines.majority else "not shown"
    return _weightiest(cautions, unseen=unseen)


def _weightiest(cautions: Sequence[Caution], *, unseen: bool) -> Headline:
    weighty: tuple[Headline, ...] = ("too few", "learnt from", "below the probe", "chosen on the same")
    for one in weighty:
        if one in cautions:
            return one
    return "unseen" if unseen else "measured"


def _of_probe(
    trained: Mapping[str, Any] | None, ours: Interval | None, probe: Interval | None
) -> dict[Caution, bool]:
    """How the model fares beside the linear classifier, which it is where there was no time for an epoch."""
    if trained is not None and trained["config"].get("epochs") == 0:
        return {"nothing but a probe": True}
    if ours is None or probe is None:
        return {}
    below = ours.value <= probe.value
    return {"below the probe": below, "like the probe": not below and ours.low <= probe.value}


def still_rising(history: Sequence[Mapping[str, float]]) -> bool:
    """Whether the score by which epochs are chosen grew to the very end: more epochs would have helped."""
    scores = [row[key] for row in history for key in _CHOSEN_BY if key in row]
    if len(scores) < _EPOCHS_TO_JUDGE:
        return False
    quarter = len(scores) // 4
    last, before = scores[-quarter:], scores[-2 * quarter : -quarter]
    return sum(last) / quarter - sum(before) / quarter > STILL_RISING


def _from_scratch_on_little(trained: Mapping[str, Any]) -> bool:
    learnt_from = trained["data"]["pictures"].get("train", 0)
    return trained["config"]["weights"] is None and learnt_from < LITTLE_TO_LEARN_FROM
