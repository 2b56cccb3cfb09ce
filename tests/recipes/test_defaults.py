from __future__ import annotations

from dataclasses import replace

import pytest

from swinkit.engine.timing import Pace
from swinkit.models import Preprocess, size_config
from swinkit.recipes.defaults import SMALL, UNASKED_BUDGET, Plan, default_plan, within_time
from swinkit.recipes.facts import DataFacts, Machine, Start
from swinkit.recipes.wishes import Wishes

FACTS = DataFacts(
    name="flowers", layout="class folders", train=750, val=200, classes=("daisy", "rose"), size=(180, 240)
)
MACHINE = Machine(device="cpu", threads=2, bf16=True)


def plan(facts: DataFacts = FACTS, wishes: Wishes = Wishes(), start: Start | None = None) -> Plan:  # noqa: B008
    return default_plan(facts, MACHINE, wishes, start)


def pace(seconds_per_epoch: float, *, threads: int = 2, workers: int = 0) -> Pace:
    return Pace(threads=threads, workers=workers, seconds_per_epoch=seconds_per_epoch)


@pytest.mark.parametrize(
    ("size", "model"),
    [
        ((28, 28), "swin_nano"),
        ((32, 32), "swin_nano"),
        ((SMALL + 1, 300), "swin_micro"),
        ((2000, 3000), "swin_micro"),
    ],
)
def test_the_model_suits_the_size_of_the_pictures(size: tuple[int, int], model: str) -> None:
    assert model == plan(replace(FACTS, size=size)).config.model


def test_small_pictures_are_not_cropped_and_larger_ones_lose_their_edges() -> None:
    assert plan(replace(FACTS, size=(32, 32))).config.resize_to is None

    config = plan().config
    assert config.resize_to is not None
    assert config.resize_to > config.image_size


def test_characters_are_never_mirrored_and_photographs_are() -> None:
    digits = replace(FACTS, classes=tuple("0123456789"), size=(32, 32))

    assert 0 == plan(digits).config.augmentation.flip
    assert 0 < plan().config.augmentation.flip


@pytest.mark.parametrize(
    ("wish", "value"),
    [
        ("model", "swin_pico"),
        ("image_size", (48, 64)),
        ("epochs", 3),
        ("batch", 7),
        ("lr", 0.123),
        ("precision", "fp32"),
        ("kernel", "reference"),
        ("seed", 5),
        ("data", "somewhere"),
    ],
)
def test_what_is_wished_for_stays_as_it_is(wish: str, value: object) -> None:
    assert value == getattr(plan(wishes=replace(Wishes(), **{wish: value})).config, wish)


def test_every_decision_has_its_reason_with_the_numbers_it_rests_on() -> None:
    reasons = plan().reasons

    subjects = [reason.partition(":")[0] for reason in reasons]
    expected = "data, model, weights, input, augmentation, learning rate, precision, epochs"
    assert expected == ", ".join(subjects)
    assert "750 pictures" in reasons[0]
    assert "2 classes" in reasons[0]


@pytest.mark.parametrize(("bf16", "expected"), [(True, "bf16"), (False, "fp32")])
def test_half_precision_is_used_where_the_machine_is_faster_with_it(bf16: bool, expected: str) -> None:
    assert expected == default_plan(FACTS, replace(MACHINE, bf16=bf16), Wishes()).config.precision


def test_weights_are_fine_tuned_gently_and_prepared_as_they_were_scored() -> None:
    preprocess = Preprocess(image_size=(224, 224), resize_to=(256, 256))
    tiny = size_config("swin_tiny")
    fine_tuned = plan(start=Start(weights="swin_tiny.pth", config=tiny, preprocess=preprocess)).config
    from_scratch = plan().config

    assert (224, 224) == fine_tuned.image_size
    assert (256, 256) == fine_tuned.resize_to
    assert "swin_tiny.pth" == fine_tuned.weights
    assert fine_tuned.lr < from_scratch.lr
    assert fine_tuned.layer_decay is not None and fine_tuned.layer_decay < 1
    assert fine_tuned.epochs < from_scratch.epochs


def test_few_pictures_are_seen_more_often_than_many() -> None:
    few, many = plan(replace(FACTS, train=200)).config, plan(replace(FACTS, train=50_000)).config

    assert few.epochs > many.epochs


@pytest.mark.parametrize(
    ("wishes", "seconds_per_epoch", "epochs"),
    [
        (Wishes(time="60s"), 2.0, 30),
        (Wishes(time="100m"), 2.0, 3000),
        (Wishes(time="1s"), 2.0, 1),
        (Wishes(epochs=40), 1e6, 40),
        (Wishes(), UNASKED_BUDGET / 3, 3),
    ],
    ids=["asked", "asked for long", "shorter than one epoch", "epochs asked", "slow machine"],
)
def test_the_time_there_is_decides_the_epochs(wishes: Wishes, seconds_per_epoch: float, epochs: int) -> None:
    found = within_time(plan(wishes=wishes), wishes, pace(seconds_per_epoch))

    assert epochs == found.config.epochs
    assert f"epochs: {epochs}" in found.reasons[-1]


def test_a_fast_machine_does_no_more_epochs_than_planned() -> None:
    planned = plan()

    found = within_time(planned, Wishes(), pace(0.1))

    assert planned.config == found.config
    assert "timed here" in found.reasons[-1]


def test_the_fastest_way_to_share_out_the_cores_is_taken() -> None:
    found = within_time(plan(), Wishes(), pace(1.0, threads=1, workers=1))

    assert (1, 1) == (found.config.threads, found.config.workers)
    assert "with 1 thread to compute and 1 to load" in found.reasons[-1]
