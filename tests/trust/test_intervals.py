from __future__ import annotations

import numpy as np
import pytest

from swinkit.trust.assessment import Interval
from swinkit.trust.intervals import Resampled, wilson


def covered(interval: Interval | None, truth: float) -> bool:
    assert interval is not None
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_figures(hits: int, of: int, low: float, high: float) -> None:
    found = wilson(hits, of)

    assert found is not None
    assert (hits / of, low, high) == pytest.approx((found.value, found.low, found.high), abs=5e-5)


def test_a_share_of_nothing_has_no_interval() -> None:
    assert wilson(0, 0) is None


def test_all_right_is_not_certainly_perfect() -> None:
    truth = [0] * 10 + [1] * 10
    found = Resampled(truth, truth, classes=2).balanced_accuracy()

    assert found is not None
    assert (1.0, 1.0) == (found.value, found.high)
    assert 0.80 < found.low < 0.95


def test_a_class_without_pictures_counts_for_nothing() -> None:
    truth, answers = [0, 0, 0, 1, 1], [0, 0, 1, 1, 2]
    found = Resampled(truth, answers, classes=3)
    balanced, stranger = found.balanced_accuracy(), found.of_class(2)

    assert balanced is not None
    assert (2 / 3 + 1 / 2) / 2 == pytest.approx(balanced.value)
    assert (0, None) == (stranger.pictures, stranger.recall)
    assert stranger.precision is not None and 0.0 == stranger.precision.value


def test_the_same_seed_gives_the_same_interval_whatever_the_names_of_the_groups() -> None:
    truth, answers = [0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]

    one = Resampled(truth, answers, classes=2, groups=list("aabbcc")).balanced_accuracy()
    other = Resampled(truth, answers, classes=2, groups=list("kkllmm")).balanced_accuracy()

    assert one == other


def test_groups_of_one_are_as_no_groups() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    answers = np.where(rng.random(90) < 0.7, truth, rng.integers(0, 3, 90))

    alone = Resampled(truth, answers, classes=3).balanced_accuracy()
    grouped = Resampled(truth, answers, classes=3, groups=[str(n) for n in range(90)]).balanced_accuracy()

    assert alone is not None and grouped is not None
    assert (alone.low, alone.high) == pytest.approx((grouped.low, grouped.high), abs=0.01)


def test_more_groups_than_are_drawn_at_once_change_no_width() -> None:
    truth = [0, 1] * 1200
    answers = [0, 1, 0, 0] * 600
    groups = [str(n) for n in range(2400)]

    alone = Resampled(truth, answers, classes=2).balanced_accuracy()
    grouped = Resampled(truth, answers, classes=2, groups=groups).balanced_accuracy()

    assert alone is not None and grouped is not None
    assert (alone.low, alone.high) == pytest.approx((grouped.low, grouped.high), abs=0.004)


RECALL = np.array([0.95, 0.8, 0.6, 0.9])


def test_the_interval_of_balanced_accuracy_holds_the_truth_in_95_of_100_cases() -> None:
    """25 pictures a class; 90 % would be a wrong formula, 99 % a useless one."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(4), 25)
    hits = 0
    for trial in range(300):
        answers = np.where(rng.random(100) < RECALL[truth], truth, (truth + 1) % 4)
        found = Resampled(truth, answers, classes=4, seed=trial)
        hits += covered(found.balanced_accuracy(), RECALL.mean())

    assert 0.92 <= hits / 300 <= 0.98


@pytest.mark.parametrize(
    ("classes", "pictures", "recall", "film"),
    [(60, 2, 0.08, 1), (20, 10, 0.95, 1), (10, 40, 0.95, 8)],
    ids=["many classes, hardly any right", "many classes, nearly all right", "films"],
)
def test_a_mean_over_many_small_classes_is_not_drawn_to_a_half(
    classes: int, pictures: int, recall: float, film: int
) -> None:
    rng = np.random.default_rng(4)
    truth = np.repeat(np.arange(classes), pictures)
    films = np.arange(len(truth)) // film
    held = 0
    for trial in range(60):
        right = (rng.random(len(truth)) < recall)[films * film]
        found = Resampled(
            truth,
            np.where(right, truth, (truth + 1) % classes),
            classes=classes,
            groups=None if film == 1 else [str(one) for one in films],
            seed=trial,
        ).balanced_accuracy()
        held += covered(found, recall)
        assert found is not None and found.high - found.low < 0.3

    assert held >= 55


def test_by_group_the_interval_holds_the_truth_where_pictures_come_in_films() -> None:
    """40 films of 8 pictures, all right or all wrong: taken as 320 pictures, it holds in half the cases."""
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1], 160)
    films = np.repeat(np.arange(40), 8)
    names = [str(film) for film in films]
    hits = naive = 0
    for trial in range(200):
        right = (rng.random(40) < 0.8)[films]
        answers = np.where(right, truth, 1 - truth)
        hits += covered(Resampled(truth, answers, classes=2, groups=names, seed=trial).accuracy(), 0.8)
        naive += covered(Resampled(truth, answers, classes=2, seed=trial).accuracy(), 0.8)

    assert 0.90 <= hits / 200
    assert naive / 200 < 0.75


def test_the_interval_of_f1_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1], [30, 60])
    recall = np.array([0.7, 0.9])
    f1 = 2 * 0.7 * 30 / (2 * 0.7 * 30 + 0.3 * 30 + 0.1 * 60)
    hits = 0
    for trial in range(300):
        answers = np.where(rng.random(90) < recall[truth], truth, 1 - truth)
        hits += covered(Resampled(truth, answers, classes=2, seed=trial).of_class(0).f1, f1)

    assert 0.92 <= hits / 300 <= 0.99
