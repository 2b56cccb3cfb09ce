from __future__ import annotations

from dataclasses import replace

import pytest

from swinkit.models import Preprocess
from swinkit.recipes.defaults import SEEN_OFTEN, SMALL, Plan, default_plan, suited_to_epochs
from swinkit.recipes.facts import DataFacts, Machine, Start
from swinkit.recipes.wishes import Wishes

FACTS = DataFacts(
    name="flowers", layout="class folders", train=750, val=200, classes=("daisy", "rose"), size=(180, 240)
)
MACHINE = Machine(device="cpu", threads=2, bf16=True)


def plan(facts: DataFacts = FACTS, wishes: Wishes = Wishes(), start: Start | None = None) -> Plan:  # noqa: B008
    return default_plan(facts, MACHINE, wishes, start)


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


def test_pictures_that_are_seen_a_few_times_keep_their_colours_and_parts() -> None:
    few = suited_to_epochs(plan(wishes=Wishes(epochs=SEEN_OFTEN - 1)))
    often = plan(wishes=Wishes(epochs=SEEN_OFTEN))

    assert (0, 0) == (few.config.augmentation.colour, few.config.augmentation.erasing)
    assert often.config.augmentation.crop_scale == few.config.augmentation.crop_scale
    assert f"seen {SEEN_OFTEN - 1} times" in few.why("augmentation")
    assert 0 < often.config.augmentation.colour
    assert often == suited_to_epochs(often)


def test_where_only_the_linear_classifier_learns_nothing_is_augmented():
    begun = plan(wishes=Wishes(epochs=3))
    none = replace(begun, config=replace(begun.config, epochs=0, warm_start=True))

    assert "none, since nothing but the linear classifier learns" == suited_to_epochs(none).why(
        "augmentation"
    )


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
    fine_tuned = plan(
        start=Start(weights="swin_tiny.pth", image_size=preprocess.image_size, preprocess=preprocess)
    ).config
    from_scratch = plan().config

    assert (224, 224) == fine_tuned.image_size
    assert (256, 256) == fine_tuned.resize_to
    assert "swin_tiny.pth" == fine_tuned.weights
    assert fine_tuned.lr <= from_scratch.lr
    assert fine_tuned.layer_decay is not None and fine_tuned.layer_decay < 1
    assert fine_tuned.epochs < from_scratch.epochs


def test_few_pictures_are_seen_more_often_than_many() -> None:
    few, many = plan(replace(FACTS, train=200)).config, plan(replace(FACTS, train=50_000)).config

    assert few.epochs > many.epochs


def test_a_reason_on_a_subject_takes_the_place_of_the_one_before() -> None:
    once = plan().because("epochs", "7, for luck")

    assert "7, for luck" == once.why("epochs")
    assert len(plan().reasons) == len(once.reasons)
    assert "memory: enough" == plan().because("memory", "enough").reasons[-1]


def test_a_head_that_knows_nothing_begins_as_a_linear_classifier() -> None:
    start = Start(weights="swin_tiny.pth", image_size=(224, 224), preprocess=None, new_head=True)

    assert plan(start=start).config.warm_start
    assert not plan(start=replace(start, new_head=False)).config.warm_start
    assert not plan().config.warm_start


def test_training_from_scratch_on_few_photographs_is_warned_of() -> None:
    assert "Warning: 750 pictures are few" in plan().why("weights")
    assert "Warning" not in plan(replace(FACTS, train=20_000)).why("weights")
    assert "Warning" not in plan(replace(FACTS, classes=tuple("0123456789"))).why("weights")
