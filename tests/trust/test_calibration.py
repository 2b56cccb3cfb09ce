from __future__ import annotations

import numpy as np
import pytest

from swinkit.trust.calibration import (
    coverage,
    coverages,
    fit_temperature,
    reliability,
    softmax,
    unsure_below,
)


def drawn(count: int, *, classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that come true exactly as often as their softmax says."""
    rng = np.random.default_rng(seed)
    outputs = rng.normal(0, 2, (count, classes))
    shares = softmax(outputs)
    targets = (shares.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return outputs, targets


def nll(outputs: np.ndarray, targets: np.ndarray) -> float:
    return float(-np.log(softmax(outputs)[np.arange(len(targets)), targets]).mean())


@pytest.mark.parametrize("planted", [0.3, 1.0, 3.0])
def test_a_planted_temperature_is_found(planted: float) -> None:
    outputs, targets = drawn(20_000)

    assert planted == pytest.approx(fit_temperature(planted * outputs, targets), rel=0.03)


@pytest.mark.parametrize("count", [100, 300])
def test_no_other_temperature_makes_the_labels_more_likely(count: int) -> None:
    """But for the one picture of softening that the fit counts beside them."""
    outputs, targets = drawn(count, seed=count)
    outputs *= 4
    found = fit_temperature(outputs, targets)

    best = min((nll(outputs / t, targets), t) for t in np.geomspace(0.5, 20, 400))[1]

    assert best == pytest.approx(found, rel=0.1)


def test_where_all_is_right_probabilities_stay_short_of_certainty() -> None:
    outputs = np.eye(4)[np.arange(120) % 4]
    targets = np.arange(120) % 4

    shares = softmax(outputs / fit_temperature(outputs, targets)).max(axis=1)

    assert (shares > 0.98).all()
    assert (shares < 0.999).all()


def test_outputs_that_say_nothing_keep_their_temperature() -> None:
    assert 1.0 == fit_temperature(np.zeros((100, 3)), np.zeros(100, dtype=int))


def test_a_temperature_makes_wrong_probabilities_right_and_changes_no_answer() -> None:
    outputs, targets = drawn(4000, seed=1)
    too_sure = 3 * outputs
    temperature = fit_temperature(too_sure, targets)

    before, after = (
        reliability(softmax(too_sure), targets),
        reliability(softmax(too_sure / temperature), targets),
    )

    assert before.ece > 0.1
    assert after.ece < 0.025
    assert after.brier < before.brier
    assert ((too_sure / temperature).argmax(axis=1) == too_sure.argmax(axis=1)).all()


def test_reliability_is_counted_by_ranges_of_probability() -> None:
    shares = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    targets = np.array([0, 1, 1, 1])

    found = reliability(shares, targets)

    assert [(2, 0.65, 1.0), (2, 0.95, 0.5)] == [
        (one.pictures, pytest.approx(one.confidence), one.accuracy) for one in found.bins
    ]
    assert 0.5 * 0.35 + 0.5 * 0.45 == pytest.approx(found.ece)
    assert np.mean([2 * 0.05**2, 2 * 0.95**2, 2 * 0.35**2, 2 * 0.35**2]) == pytest.approx(found.brier)
    assert all(one.low <= one.confidence <= one.high for one in found.bins)


def test_the_higher_the_threshold_the_fewer_the_answers() -> None:
    outputs, targets = drawn(500)
    found = coverages(softmax(outputs), targets)

    assert (1.0, 0.0) == (found[0].coverage, found[0].threshold)
    shares = [one.coverage for one in found]
    assert sorted(shares, reverse=True) == shares
    assert coverage(softmax(outputs), targets, 1.1).accuracy is None


def test_above_the_threshold_no_more_is_wrong_than_stated_and_any_lower_one_would_be() -> None:
    outputs, targets = drawn(1000, classes=3)
    shares = softmax(outputs)
    chosen = unsure_below(shares, targets)

    assert chosen is not None
    threshold, rate = chosen
    kept = coverage(shares, targets, threshold)
    assert 0.05 == rate
    assert kept.accuracy is not None and kept.accuracy >= 0.95
    lower = coverage(shares, targets, threshold - 1e-9)
    looser = [coverage(shares, targets, t) for t in np.sort(shares.max(axis=1)) if t < threshold]
    assert lower.accuracy == kept.accuracy
    assert all(one.accuracy is not None and one.accuracy < 0.95 for one in looser)


def test_a_better_model_is_held_to_a_stricter_rate_and_a_perfect_one_to_none() -> None:
    shares = np.repeat([[0.9, 0.1]], 100, axis=0)
    shares[:4] = [0.6, 0.4]
    few_wrong = np.array([1, 1, 1] + [0] * 97)

    assert (0.9, 0.01) == unsure_below(shares, few_wrong)
    assert unsure_below(shares, np.zeros(100, dtype=int)) is None


def test_a_model_that_is_wrong_however_sure_gets_no_threshold() -> None:
    shares = np.array([[0.99, 0.01], [0.8, 0.2], [0.7, 0.3]])

    assert unsure_below(shares, np.array([1, 0, 0])) is None
