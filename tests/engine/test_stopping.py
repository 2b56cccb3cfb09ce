from __future__ import annotations

import pytest

from swinkit.engine.stopping import best_epoch, reason_to_stop
from swinkit.tasks.classification import Classification

TASK = Classification(("a", "b"))


def epochs(*results: tuple[float, float]) -> list[dict[str, float]]:
    return [{"balanced_accuracy": accuracy, "loss": loss} for accuracy, loss in results]


def test_of_equals_the_first_is_the_best() -> None:
    assert 2 == best_epoch(TASK, None, epochs((0.5, 1.0), (0.7, 0.9), (0.7, 0.9), (0.6, 0.1)))


def test_between_equal_accuracies_the_smaller_loss_is_better() -> None:
    assert 3 == best_epoch(TASK, None, epochs((0.5, 1.0), (0.7, 0.9), (0.7, 0.8)))


@pytest.mark.parametrize(("patience", "stops"), [(1, True), (2, True), (3, False), (None, False)])
def test_patience_is_counted_from_the_best_epoch(patience: int | None, stops: bool) -> None:
    history = epochs((0.5, 1.0), (0.7, 0.9), (0.6, 0.9), (0.6, 0.9))

    assert stops == (reason_to_stop(TASK, None, history, patience) is not None)


def test_nothing_stops_before_the_first_epoch() -> None:
    assert reason_to_stop(TASK, None, [], 1) is None


def test_what_it_began_with_stays_the_best_until_an_epoch_beats_it() -> None:
    (beginning,) = epochs((0.7, 0.9))

    assert 0 == best_epoch(TASK, beginning, epochs((0.6, 0.9), (0.7, 0.9)))
    assert 2 == best_epoch(TASK, beginning, epochs((0.6, 0.9), (0.8, 0.9)))
    assert "better than what it began with" in (
        reason_to_stop(TASK, beginning, epochs((0.6, 0.9), (0.7, 0.9)), 2) or ""
    )
