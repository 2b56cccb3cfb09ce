"""The code of docs/how-to/recipes.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from swinkit.errors import ConfigError
from swinkit.recipes.defaults import default_plan
from swinkit.recipes.named import following, recipe_named, with_recipe
from swinkit.recipes.wishes import Wishes
from tests.recipes.test_named import FACTS, MACHINE

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "recipes.md"


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path_factory.mktemp("recipes") / "mine.py"
    path.write_text("\n".join(block for block in blocks if "def " in block))
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("patient", {"patience": 30, "ema": None}),
        ("with_muon", {"optimizer": "muon"}),
        ("last_stages", {"frozen_stages": 2}),
        ("straight_on", {"schedule": "constant", "warmup": 0.0, "label_smoothing": 0.0}),
    ],
)
def test_a_function_with_a_parameter_changes_what_it_says_and_nothing_else(
    mine: Path, name: str, expected: dict[str, object]
) -> None:
    wishes = Wishes(weights="none", epochs=3)
    recipe = recipe_named(f"{mine}:{name}")
    assert wishes == with_recipe(wishes, recipe)
    plan = default_plan(FACTS, MACHINE, wishes)

    changed = following(recipe, plan)

    before, after = plan.config.to_dict(), changed.config.to_dict()
    assert expected == {key: value for key, value in after.items() if before[key] != value}
    assert all(f"{key} {value}" in changed.reasons[0] for key, value in expected.items())
    assert plan.reasons == changed.reasons[1:]


def test_a_function_without_one_decides_everything(mine: Path) -> None:
    recipe = recipe_named(f"{mine}:night_run")
    wishes = with_recipe(Wishes(epochs=100), recipe)

    config = following(recipe, default_plan(FACTS, MACHINE, wishes)).config

    assert (100, 40) == (config.epochs, config.patience)


def test_what_train_has_a_setting_for_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\n\n"
        "def longer(config):\n    return replace(config, epochs=9, lr=1.0)\n"
    )
    plan = default_plan(FACTS, MACHINE, Wishes(weights="none"))

    with pytest.raises(ConfigError, match="changes epochs, lr, which is settled before") as refusal:
        following(recipe_named(f"{path}:longer"), plan)

    assert "beside the recipe" in str(refusal.value.hint)
