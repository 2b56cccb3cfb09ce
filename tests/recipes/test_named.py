"""Recipes by name and from files of one's own, and what goes before what they say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from swinkit.errors import ConfigError
from swinkit.recipes.budget import Estimate, within_time
from swinkit.recipes.defaults import default_plan
from swinkit.recipes.facts import DataFacts, Machine
from swinkit.recipes.named import following, recipe_named, with_recipe
from swinkit.recipes.published import RECIPES
from swinkit.recipes.wishes import Wishes

FACTS = DataFacts(
    name="photos",
    layout="class folders",
    train=400,
    val=100,
    classes=("daisy", "rose"),
    size=(120, 160),
    counts={"daisy": 380, "rose": 20},
)
MACHINE = Machine(device="cpu", threads=2, bf16=False)

MINE = '''
from dataclasses import replace

from swinkit.recipes.published import small_pictures_32


def night_run():
    """All night long.

    And then some.
    """
    return replace(small_pictures_32(), epochs=7)


def nothing():
    return None


def broken():
    return 1 / 0
'''


def plan_for(wishes: Wishes, name: str = "small_pictures_32"):
    recipe = recipe_named(name)
    wishes = with_recipe(wishes, recipe)
    return recipe, following(recipe, default_plan(FACTS, MACHINE, wishes)), wishes


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_published_recipe_is_found_by_its_name() -> None:
    recipe = recipe_named("swin_tiny_imagenet")

    assert RECIPES["swin_tiny_imagenet"]() == recipe.config
    assert "81.2" in recipe.says


def test_a_recipe_of_ones_own_comes_from_a_function_in_a_file(mine: Path) -> None:
    recipe = recipe_named(f"{mine}:night_run")

    assert (7, "All night long.") == (recipe.config.epochs, recipe.says)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("swin_tiny_imagnet", "no recipe named 'swin_tiny_imagnet'", "swin_tiny_imagenet"),
        ("{mine}:day_run", "has no function 'day_run'", "night_run"),
        ("{mine}:nothing", "gives NoneType, and a TrainConfig is needed", "TrainConfig"),
        ("{mine}:broken", "failed: ZeroDivisionError: division by zero", None),
        ("nowhere.py:night_run", "no file nowhere.py", None),
    ],
)
def test_a_recipe_that_cannot_be_had_says_why(mine: Path, text: str, message: str, hint: str | None) -> None:
    with pytest.raises(ConfigError) as refusal:
        recipe_named(text.format(mine=mine))

    assert message in refusal.value.message
    assert hint is None or hint in str(refusal.value.hint)


@pytest.mark.parametrize("name", ["mine", "json"], ids=["a new name", "that of another module"])
def test_a_file_may_hold_dataclasses_whose_annotations_are_not_run(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "@dataclass\n"
        "class Night:\n"
        "    length: ClassVar[int] = 8\n" + MINE.replace("7", "9")
    )

    assert 9 == recipe_named(f"{path}:night_run").config.epochs
    assert hasattr(sys.modules["json"], "dumps")


def test_a_file_that_does_not_run_is_named_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "typo.py"
    path.write_text("import swinkitt\n")

    with pytest.raises(ConfigError, match="cannot be run: ModuleNotFoundError"):
        recipe_named(f"{path}:night_run")


def test_a_recipe_decides_what_nobody_asked_for() -> None:
    recipe, plan, _ = plan_for(Wishes(data="photos"))

    config = plan.config
    for name in ("epochs", "batch", "lr", "mixing", "augmentation", "repeats", "image_size", "drop_path"):
        assert getattr(recipe.config, name) == getattr(config, name), name
    assert ("swin_mini_patch2_window4_32", None, "photos") == (config.model, config.weights, config.data)


def test_what_was_asked_for_goes_before_the_recipe() -> None:
    _, plan, _ = plan_for(Wishes(epochs=3, batch=7, lr=0.5, image_size=(64, 64), seed=4))

    config = plan.config
    assert (3, 7, 0.5, (64, 64), 4) == (
        config.epochs,
        config.batch,
        config.lr,
        config.image_size,
        config.seed,
    )


def test_data_and_machine_are_those_that_are_here() -> None:
    _, plan, _ = plan_for(Wishes())

    assert ("cpu", 2, "fp32") == (plan.config.device, plan.config.threads, plan.config.precision)
    assert "logit-adjust" == plan.config.imbalance


def test_the_reasons_begin_with_the_recipe_and_leave_out_what_it_decides() -> None:
    _, plan, _ = plan_for(Wishes())

    kinds = [reason.partition(":")[0] for reason in plan.reasons]
    assert "recipe" == kinds[0]
    assert "augmentation" not in kinds
    assert "epochs" == kinds[-1]


def test_the_epochs_of_a_recipe_are_kept_however_long_they_take() -> None:
    from swinkit.engine.timing import Pace

    _, plan, wishes = plan_for(Wishes())

    pace = Pace(threads=1, workers=0, seconds_per_epoch=1000.0)
    timed = within_time(
        plan, wishes, Estimate(spent=0.0, keeping=0.0, probing=0.0, epoch=1000.0, scoring=0.0), pace
    )

    assert 100 == timed.config.epochs
