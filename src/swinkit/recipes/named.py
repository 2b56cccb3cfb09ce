"""A recipe by its name, or from a file of one's own: `swin_tiny_imagenet`, `mine.py:night_run`."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

from swinkit.engine.settings import TrainConfig
from swinkit.errors import ConfigError
from swinkit.recipes.defaults import Plan
from swinkit.recipes.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings with a name. says: what it is, the first line of its docstring."""

    name: str
    config: TrainConfig
    says: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a function of a user's makes of settings that suit the pictures. name, says: as in `Recipe`."""

    name: str
    make: Callable[[TrainConfig], TrainConfig]
    says: str


def recipe_named(text: str) -> Recipe | Change:
    """The recipe of that name, or of a function in a Python file, which is run: FILE.py:FUNCTION.

    A function without a parameter gives all settings. One with a parameter gets those that suit the pictures,
    and gives them back changed. Raises ConfigError where there is none, or where it gives no settings.
    """
    from swinkit.recipes.published import RECIPES

    file, colon, function = text.rpartition(":")
    if colon and file.endswith(".py"):
        make = _function_in(Path(file), function)
    elif text in RECIPES:
        make = RECIPES[text]
    else:
        near = difflib.get_close_matches(text, RECIPES, n=3, cutoff=0.4)
        raise ConfigError(
            f"there is no recipe named {text!r}",
            hint=(f"nearest: {', '.join(near)}" if near else f"recipes are {', '.join(RECIPES)}")
            + "; one of your own is FILE.py:FUNCTION",
        )
    says, _, _ = (inspect.getdoc(make) or "").partition("\n")
    if inspect.signature(make).parameters:
        return Change(text, make, says)
    return Recipe(text, _settings(text, make), says)


def with_recipe(wishes: Wishes, recipe: Recipe | Change) -> Wishes:
    """What was asked for, and what the recipe says where nothing was."""
    if isinstance(recipe, Change):
        return wishes
    config = recipe.config
    return replace(
        wishes,
        model=wishes.model or config.model,
        weights=wishes.weights or config.weights or "none",
        image_size=wishes.image_size or config.image_size,
        epochs=wishes.epochs or (None if wishes.time else config.epochs),
        batch=wishes.batch or config.batch,
        lr=wishes.lr or config.lr,
        drop_path=config.drop_path,
    )


def following(recipe: Recipe | Change, plan: Plan) -> Plan:
    """The settings of a recipe, with what depends on this data, this machine and on what was asked for.

    plan: the default plan for wishes that `with_recipe` completed. Raises ConfigError for a function that
    changes what other settings of `train` decide.
    """
    why = f"recipe: {recipe.name}{f', {recipe.says}' if recipe.says else ''}"
    if isinstance(recipe, Change):
        config = _settings(recipe.name, lambda: recipe.make(plan.config))
        return Plan(config=config, reasons=(_changes(recipe, plan.config, config, why), *plan.reasons))
    here = {name: getattr(plan.config, name) for name in _OF_HERE}
    if plan.config.image_size != recipe.config.image_size:
        here["resize_to"] = plan.config.resize_to
    if plan.config.distillation is not None:
        here["distillation"] = plan.config.distillation
    kept = tuple(reason for reason in plan.reasons if reason.partition(":")[0] in _STILL_TRUE)
    return Plan(
        config=replace(recipe.config, **here),
        reasons=(why, *kept),
    )


def _changes(recipe: Change, before: TrainConfig, after: TrainConfig, why: str) -> str:
    """The reason with all that is changed. Raises ConfigError for what is not a recipe's to change."""
    names = [one.name for one in fields(before) if getattr(before, one.name) != getattr(after, one.name)]
    settled = (*_OF_HERE, "drop_path") if before.weights is not None else _OF_HERE
    wrong = [name for name in names if name in settled]
    if wrong:
        raise ConfigError(
            f"the recipe {recipe.name} changes {', '.join(wrong)}, which is settled before",
            hint="give it beside the recipe, as a setting of train"
            if set(wrong) <= set(_OF_HERE)
            else "loaded weights have their stochastic depth; a recipe without a parameter sets it",
        )
    told = ", ".join(f"{name} {getattr(after, name)}" for name in names) or "nothing"
    return f"{why}; it changes {told}"


_OF_HERE = (
    "task",
    "imbalance",
    "data",
    "labels",
    "group_by",
    "channels",
    "own_values",
    "mean",
    "std",
    "model",
    "weights",
    "image_size",
    "epochs",
    "batch",
    "lr",
    "seed",
    "precision",
    "device",
    "threads",
    "cache",
    "shard",
    "kernel",
    "track",
)
_STILL_TRUE = (
    "data",
    "channels",
    "model",
    "weights",
    "teacher",
    "imbalance",
    "learning rate",
    "precision",
    "epochs",
)
"""What the reasons of a default plan are about, where a recipe does not decide it."""


def _function_in(path: Path, name: str) -> Callable[..., TrainConfig]:
    if not path.is_file():
        raise ConfigError(f"there is no file {path} with recipes")
    module = _run(path)
    functions = [key for key, value in vars(module).items() if inspect.isfunction(value) and key[0] != "_"]
    if name not in functions:
        raise ConfigError(
            f"{path} has no function {name!r}", hint=f"it has {', '.join(functions) or 'no functions'}"
        )
    made: Callable[..., TrainConfig] = getattr(module, name)
    return made


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"recipes in {path.stem}", path
    )  # no name of another module
    assert spec is not None and spec.loader is not None  # the ending is .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up what annotations mean
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a file of the user's raises
        del sys.modules[spec.name]
        raise ConfigError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module


def _settings(text: str, make: Callable[[], TrainConfig]) -> TrainConfig:
    try:
        config = make()
    except ConfigError:
        raise
    except Exception as error:  # whatever a function of the user's raises
        raise ConfigError(f"the recipe {text} failed: {type(error).__name__}: {error}") from error
    if not isinstance(config, TrainConfig):
        raise ConfigError(
            f"the recipe {text} gives {type(config).__name__}, and a TrainConfig is needed",
            hint="return swinkit.engine.settings.TrainConfig(…)",
        )
    return config
