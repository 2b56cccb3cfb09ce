"""As many epochs, stages and pixels as there is time for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swinkit.engine.timing import Pace
from swinkit.recipes.budget import UNASKED_BUDGET, Estimate, epochs_within, lighter, within_time
from swinkit.recipes.defaults import Plan
from swinkit.recipes.wishes import Wishes
from tests.engine.small_runs import SETTINGS

PLAN = Plan(config=replace(SETTINGS, epochs=50), reasons=("data: some", "epochs: 50, so many"))
WARM = replace(PLAN, config=replace(PLAN.config, warm_start=True))
PACE = Pace(threads=2, workers=0, seconds_per_epoch=2.0, seconds_to_look=0.01)
ESTIMATE = Estimate(spent=3.0, keeping=1.0, probing=20.0, epoch=2.0, scoring=6.0)


@pytest.mark.parametrize(
    ("wishes", "estimate", "epochs"),
    [
        (Wishes(time="100s"), ESTIMATE, 32),
        (Wishes(time="100m"), ESTIMATE, 2835),
        (Wishes(time="10s"), ESTIMATE, 1),
        (Wishes(epochs=50), replace(ESTIMATE, epoch=1e6), 50),
        (Wishes(), replace(ESTIMATE, epoch=(0.95 * UNASKED_BUDGET - 30) / 3), 3),
        (Wishes(), ESTIMATE, 50),
    ],
    ids=["asked", "asked for long", "too short", "epochs asked", "slow machine", "fast machine"],
)
def test_the_time_there_is_decides_the_epochs(wishes: Wishes, estimate: Estimate, epochs: int) -> None:
    found = within_time(PLAN, wishes, estimate, PACE)

    assert epochs == found.config.epochs
    assert found.why("epochs").startswith(f"{epochs}")


def test_all_that_is_planned_ends_within_the_time() -> None:
    found = within_time(PLAN, Wishes(time="5m"), ESTIMATE, PACE).config

    whole = ESTIMATE.beside + found.epochs * ESTIMATE.epoch
    assert 300 - 0.05 * 300 - ESTIMATE.epoch < whole <= 0.95 * 300


def test_without_time_for_an_epoch_the_linear_classifier_is_the_result() -> None:
    found = within_time(WARM, Wishes(time="10s"), ESTIMATE, PACE)

    assert 0 == found.config.epochs
    assert "the linear classifier is the result" in found.why("epochs")


def test_the_time_is_said_with_its_parts_and_how_it_was_timed() -> None:
    found = within_time(PLAN, Wishes(epochs=50), ESTIMATE, replace(PACE, threads=1, workers=1))

    assert (1, 1) == (found.config.threads, found.config.workers)
    assert found.why("time").startswith(
        "about 2 min 10 s, of which 20 s for the linear classifier, 50 × 2.0 s"
    )
    assert found.why("time").endswith("timed here, with 1 thread to compute and 1 to load")


def test_what_cannot_end_in_the_time_that_was_asked_for_says_so_and_why() -> None:
    found = within_time(PLAN, Wishes(time="20s"), ESTIMATE, PACE)

    assert found.why("time").startswith("about 32 s, more than was asked for, of which 20 s for the linear")
    assert "6 s for the numbers at the end" in found.why("time")
    assert "more than" not in within_time(PLAN, Wishes(time="100s"), ESTIMATE, PACE).why("time")


def test_stages_are_given_up_before_pixels_and_everything_is_tried_first() -> None:
    config = replace(SETTINGS, image_size=(224, 224))
    depths = (2, 2, 6, 2)

    found = [
        (one.config.image_size, one.config.frozen_stages) for one in lighter(config, depths, smaller=True)
    ]

    full, fewer = (224, 224), (128, 128)
    assert [(full, 0), (full, 2), (full, 3), (fewer, 0), (fewer, 2), (fewer, 3)] == found
    assert [full] * 3 == [one.config.image_size for one in lighter(config, depths, smaller=False)]


def test_what_is_frozen_saves_its_backward_pass_and_fewer_pixels_everything() -> None:
    config = replace(SETTINGS, image_size=(320, 320))

    shares = [one.share for one in lighter(config, (2, 2, 6, 2), smaller=True)]

    assert [1, 1 - 2 / 3 * 4 / 12, 1 - 2 / 3 * 10 / 12] == shares[:3]
    assert shares[3] == pytest.approx(0.36)


def test_no_time_is_no_epochs() -> None:
    assert 0 == epochs_within(replace(ESTIMATE, spent=1e9), Wishes())
