"""Models that may give several classes beside each other: chance is called so, and a real lead is seen."""

from __future__ import annotations

import numpy as np
import pytest

from swinkit.trust import compare_sets
from swinkit.trust.compare_sets import Answered, CommonSets, answered, set_duels

CLASSES = 3


def pictures(count: int, random: np.random.Generator, *, copies: int = 1) -> CommonSets:
    truth = (random.random((count, CLASSES)) < 0.3).astype(float).repeat(copies, axis=0)
    truth[0] = 1  # each class has a picture
    return CommonSets(truth=truth, groups=[str(n) for n in range(count) for _ in range(copies)])


def model(common: CommonSets, random: np.random.Generator, *, lead: float, copies: int = 1) -> Answered:
    """Answers that are the better the larger the lead; those to copies of one picture are alike."""
    noise = random.normal(size=(len(common.truth) // copies, CLASSES)).repeat(copies, axis=0)
    shares = noise + lead * common.truth
    return answered(shares, shares > 1, common)


def test_models_that_are_equally_good_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 6 of 100 at most; copies that counted as so many pictures would make it far more."""
    monkeypatch.setattr(compare_sets, "SHUFFLES", 199)
    random, alarms = np.random.default_rng(5), 0
    for trial in range(100):
        copies = 1 if trial % 2 else 4
        common = pictures(60, random, copies=copies)
        both = [model(common, random, lead=1.5, copies=copies) for _ in "ab"]
        alarms += set_duels(["a", "b"], both, common, seed=trial)[0].decided

    assert alarms <= 6


def test_a_model_that_is_clearly_better_is_called_so_whatever_the_scale_of_its_answers() -> None:
    random = np.random.default_rng(0)
    common = pictures(200, random)
    weak, strong = model(common, random, lead=0.5), model(common, random, lead=3.0)

    (duel,) = set_duels(["weak", "strong"], [weak, strong], common)

    assert duel.decided and duel.mean_average_precision.low > 0.1 and duel.p < 0.01
    assert duel.mean_average_precision.value == strong.intervals()[0].value - weak.intervals()[0].value


def test_a_model_beside_itself_differs_in_nothing_and_many_pairs_are_corrected() -> None:
    random = np.random.default_rng(0)
    common = pictures(60, random)
    one, other = model(common, random, lead=1.5), model(common, random, lead=2.0)

    (same,) = set_duels(["a", "b"], [one, one], common)
    (alone,) = set_duels(["a", "b"], [one, other], common)
    first, *_ = set_duels(["a", "b", "c"], [one, other, one], common)

    assert (0, 1, False) == (same.mean_average_precision.value, same.p, same.decided)
    assert first.p >= alone.p
