from __future__ import annotations

import numpy as np
import pytest

from swinkit.trust.compare import Common, duels, exchanged, holm, mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (1, 9, 2 * 11 / 1024), (9, 1, 2 * 11 / 1024)],
)
def test_mcnemar_is_a_coin_tossed_for_each_picture_that_differs(
    only_first: int, only_second: int, p: float
) -> None:
    assert p == pytest.approx(mcnemar(only_first, only_second), rel=0.1)
    assert mcnemar(only_first, only_second) == mcnemar(only_second, only_first)


def test_holm_gives_the_textbook_figures() -> None:
    assert [0.03, 0.06, 0.06, 0.02] == pytest.approx(holm([0.01, 0.04, 0.03, 0.005]))


def test_exchanging_equal_weights_is_mcnemar() -> None:
    gains = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 50)

    assert mcnemar(2, 9) == pytest.approx(exchanged(gains, seed=0), abs=0.01)


def pair(rng: np.random.Generator, *, better: float = 0.0) -> tuple[Common, list[np.ndarray]]:
    """Two models on 90 pictures of three unequal classes, whose mistakes partly coincide."""
    labels = np.repeat(["a", "b", "c"], [50, 28, 12])
    hard = rng.random(90)
    one, other = hard + 0.3 * rng.random(90) < 0.9, hard + 0.3 * rng.random(90) < 0.9 + better
    return Common(labels=labels.tolist(), groups=None), [one, other]


def alarms(trials: int, seed: int) -> float:
    """How often two models that are equally good are called different."""
    rng = np.random.default_rng(seed)
    return sum(duels(("a", "b"), right, common)[0].decided for common, right in _pairs(rng, trials)) / trials


def _pairs(rng: np.random.Generator, trials: int) -> list[tuple[Common, list[np.ndarray]]]:
    return [pair(rng) for _ in range(trials)]


def test_models_that_are_equally_good_are_seldom_called_different() -> None:
    assert alarms(60, seed=0) <= 0.1


@pytest.mark.soak
def test_false_alarms_stay_below_six_in_a_hundred() -> None:
    assert alarms(1000, seed=1) <= 0.06


@pytest.mark.soak
def test_false_alarms_among_three_models_stay_below_six_in_a_hundred() -> None:
    rng = np.random.default_rng(2)
    any_alarm = 0
    for _ in range(500):
        hard = rng.random(120)
        right = [hard + 0.3 * rng.random(120) < 0.9 for _ in range(3)]
        common = Common(labels=["a", "b"] * 60, groups=None)
        any_alarm += any(one.decided for one in duels("abc", right, common))

    assert any_alarm / 500 <= 0.06


def test_a_better_model_is_found() -> None:
    rng = np.random.default_rng(3)
    found = [
        duels(("a", "b"), right, common)[0] for common, right in (pair(rng, better=0.3) for _ in range(20))
    ]

    assert sum(one.decided for one in found) >= 15
    assert all(one.balanced_accuracy.value > 0 for one in found if one.decided)


def test_in_films_one_lucky_film_is_no_proof() -> None:
    """All of 20 pictures gained, but in two films of ten: exchanged together, they often fall alike."""
    before, after = np.zeros(60, dtype=bool), np.zeros(60, dtype=bool)
    after[:20] = True
    films = [str(number // 10) for number in range(60)]
    labels = ["a", "b"] * 30

    alone = duels(("x", "y"), (before, after), Common(labels=labels, groups=None))[0]
    together = duels(("x", "y"), (before, after), Common(labels=labels, groups=films))[0]

    assert alone.decided and alone.p < 1e-4
    assert not together.decided
    assert 0.5 == pytest.approx(together.p, abs=0.03)


def test_a_difference_is_the_second_less_the_first_and_of_classes_counts_each_alike() -> None:
    labels = ["a"] * 8 + ["b"] * 2
    before = np.array([True] * 8 + [False] * 2)
    after = np.array([True] * 6 + [False] * 2 + [True] * 2)

    one = duels(("x", "y"), (before, after), Common(labels=labels, groups=None))[0]

    assert (2, 2) == (one.only_first, one.only_second)
    assert 0.0 == pytest.approx(one.accuracy.value)
    assert (1.0 - 0.25) / 2 == pytest.approx(one.balanced_accuracy.value)
    assert one.balanced_accuracy.low < one.balanced_accuracy.value < one.balanced_accuracy.high


def test_a_gain_in_many_small_classes_is_not_drawn_to_nothing() -> None:
    """60 classes of 3 pictures, and the second model gets 40 % of what the first got wrong."""
    rng = np.random.default_rng(5)
    common = Common(labels=[str(number // 3) for number in range(180)], groups=None)
    held = 0
    for trial in range(40):
        one = duels(("x", "y"), (np.zeros(180, bool), rng.random(180) < 0.4), common, seed=trial)[0]
        held += all(found.low <= 0.4 <= found.high for found in (one.accuracy, one.balanced_accuracy))

    assert held >= 36
