"""What is said first about a model: never better than its numbers allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from swinkit.report.verdict import Verdict, judge, still_rising
from swinkit.trust.assessment import Assessment, Baselines, ClassIntervals, Interval
from tests.report.runs import Finished


def interval(value: float, around: float = 0.05) -> Interval:
    return Interval(value=value, low=value - around, high=value + around)


def good(run: Finished, **changes: Any) -> Assessment:
    """A model that beats both baselines on 150 pictures that had no part in choosing it."""
    baselines = Baselines(majority_class="5", majority=0.1, probe=interval(0.6), probe_features="x")
    better = replace(
        run.found,
        chosen_on_same=False,
        baselines=baselines,
        accuracy=interval(0.9),
        balanced_accuracy=interval(0.9),
    )
    return replace(better, **changes)


def scores(*values: float) -> list[dict[str, float]]:
    return [{"epoch": i + 1, "balanced_accuracy": value} for i, value in enumerate(values)]


def test_a_good_model_on_unseen_pictures_has_nothing_held_against_it(run: Finished) -> None:
    facts = {"config": {"weights": "swin_tiny"}, "data": {"pictures": {"train": 300}}}
    assert Verdict("unseen", ()) == judge(good(run), facts)


def test_without_the_training_it_is_not_called_unseen(run: Finished) -> None:
    assert "measured" == judge(good(run)).headline


@pytest.mark.parametrize(
    ("changes", "headline", "caution"),
    [
        ({"chosen_on_same": True}, "chosen on the same", "chosen on the same"),
        ({"trained_copies": 3, "accuracy_without_copies": 0.8}, "measured", "copies"),
        ({"balanced_accuracy": interval(0.55)}, "below the probe", "below the probe"),
        ({"balanced_accuracy": interval(0.63)}, "measured", "like the probe"),
        (
            {"accuracy": interval(0.09), "balanced_accuracy": interval(0.1)},
            "nothing learnt",
            "no better than the majority",
        ),
        (
            {"accuracy": interval(0.12), "balanced_accuracy": interval(0.12)},
            "not shown",
            "no better than the majority",
        ),
        ({"baselines": None, "balanced_accuracy": interval(0.12)}, "not shown", "no better than guessing"),
        (
            {"baselines": Baselines(majority_class="5", majority=0.9)},
            "measured",
            "uneven",
        ),
    ],
    ids=["same", "copies", "below", "like", "nothing", "not shown", "guessing", "uneven"],
)
def test_a_weakness_is_said(run: Finished, changes: dict[str, Any], headline: str, caution: str) -> None:
    verdict = judge(good(run, **changes))
    assert (headline, True) == (verdict.headline, caution in verdict.cautions)


def test_a_linear_classifier_is_not_held_against_itself(run: Finished) -> None:
    facts = {"config": {"weights": "swin_tiny", "epochs": 0}, "data": {"pictures": {"train": 300}}}

    verdict = judge(good(run, balanced_accuracy=interval(0.6)), facts)

    assert Verdict("unseen", ("nothing but a probe",)) == verdict


def test_29_pictures_are_too_few_to_trust_and_30_are_not(run: Finished) -> None:
    for pictures, too_few in ((29, True), (30, False)):
        verdict = judge(good(run, evaluation=replace(run.found.evaluation, pictures=pictures)))
        assert (too_few, too_few) == (verdict.headline == "too few", "too few" in verdict.cautions)


def test_scores_on_the_pictures_it_learnt_from_are_called_so(run: Finished) -> None:
    verdict = judge(good(run, evaluation=replace(run.found.evaluation, split="train")))
    assert "learnt from" == verdict.headline


def test_classes_about_which_little_is_known_are_noticed(run: Finished) -> None:
    nobody = ClassIntervals(pictures=0, recall=None, precision=None, f1=None)
    verdict = judge(good(run, per_class=dict(run.found.per_class) | {"0": nobody}))
    assert ("classes without pictures",) == verdict.cautions
    few = replace(run.found.per_class["1"], pictures=3)
    assert ("classes with few pictures",) == judge(
        good(run, per_class=dict(run.found.per_class) | {"1": few})
    ).cautions


def test_from_scratch_on_little_data_is_said(run: Finished) -> None:
    facts: dict[str, Any] = {"config": {"weights": None}, "data": {"pictures": {"train": 9_999}}}
    assert ("from scratch",) == judge(good(run), facts).cautions
    facts["data"]["pictures"]["train"] = 10_000
    assert () == judge(good(run), facts).cautions


def test_a_curve_that_grows_to_the_end_is_noticed() -> None:
    assert still_rising(scores(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8))
    assert not still_rising(scores(0.1, 0.5, 0.7, 0.78, 0.80, 0.80, 0.81, 0.81))
    assert not still_rising(scores(0.1, 0.2, 0.3))  # nothing can be said of three epochs
    assert not still_rising([])
