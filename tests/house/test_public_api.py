"""The names others script against: there, not shadowed, with the promised parameters, and cheap to import."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import swinkit

# The promised functions and their parameters. A name joins `swinkit.__all__` when it works, and then keeps
# these; more keyword parameters may come.
PROMISED = {
    "bench": "",
    "check": "data",
    "compare": "runs",
    "convert": "source, target, to",
    "cosine_window_attention": "qkv, pad, bias, plan, scale",
    "create_model": (
        "size, *, classes=None, in_channels=3, image_size=None, window=None, dense=None, "
        "norms=True, policy=None, drop_path=0.0"
    ),
    "doctor": "",
    "evaluate": "data, weights",
    "explain": "image, weights",
    "export": "",
    "inspect": "source",
    "list_models": "",
    "load": (
        "source, *, classes=None, in_channels=None, image_size=None, window=None, "
        "pretrained_window=None, dense=None, norms=True, policy=None, resize='bicubic', drop_path=0.0"
    ),
    "optimize": "model, dtype='auto', threads=None",
    "predict": "images, weights",
    "save": "model, path, format='swinkit'",
    "serve": "",
    "train": "data=None",
    "window_attention": "qkv, pad, bias, plan, scale",
}
FUNCTIONS = sorted(PROMISED.keys() & set(swinkit.__all__))
COSTLY = {"torch", "torchvision", "numpy", "PIL", "timm", "transformers"}  # not before they are needed


def every_submodule() -> list[str]:
    found = (module.name for module in pkgutil.walk_packages(swinkit.__path__, "swinkit."))
    return [name for name in found if not name.endswith(".__main__")]  # importing that would run the command


def costly_imports(*command: str) -> set[str]:
    """Which of the costly libraries a fresh process imports while it runs `command`."""
    command = (sys.executable, "-X", "importtime", *command)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    imported = set(re.findall(r"^import time:.*\|\s*([\w.]+)$", done.stderr, re.MULTILINE))
    assert "swinkit" in imported, "the list of imports could not be read"
    return imported & COSTLY


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_promised_function_keeps_its_parameters(name: str) -> None:
    promised = inspect.signature(eval(f"lambda {PROMISED[name]}: None")).parameters
    actual = inspect.signature(getattr(swinkit, name)).parameters

    assert promised.keys() <= actual.keys()
    for parameter in promised.values():
        found = actual[parameter.name]
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert found.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        else:
            assert found.kind is parameter.POSITIONAL_OR_KEYWORD
            assert list(promised).index(parameter.name) == list(actual).index(parameter.name)
        if parameter.default is not parameter.empty:
            assert parameter.default == found.default


def test_each_public_name_is_what_it_was_after_every_submodule_is_imported() -> None:
    before = {name: getattr(swinkit, name) for name in swinkit.__all__}

    for module in every_submodule():
        importlib.import_module(module)

    after = {name: getattr(swinkit, name) for name in swinkit.__all__}
    assert before == after
    assert not [name for name, value in after.items() if isinstance(value, ModuleType)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_promised_function_is_ours_and_says_what_it_does(name: str) -> None:
    function = getattr(swinkit, name)
    assert callable(function)
    assert function.__module__.startswith("swinkit.")
    assert function.__doc__


def test_no_room_is_named_like_a_public_name() -> None:
    rooms = {module.name for module in pkgutil.iter_modules(swinkit.__path__)}
    assert not rooms & (set(swinkit.__all__) | PROMISED.keys())


def test_the_surface_lists_each_name_once_and_completion_finds_it() -> None:
    assert len(swinkit.__all__) == len(set(swinkit.__all__))
    assert set(swinkit.__all__) <= set(dir(swinkit))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="swin_tiny_typo"):
        swinkit.swin_tiny_typo  # noqa: B018


def test_importing_swinkit_imports_nothing_costly() -> None:
    assert set() == costly_imports("-c", "import swinkit")


def test_using_a_name_imports_what_it_needs() -> None:
    """The counter-proof of the test above: the list of imports does see torch."""
    assert "torch" in costly_imports("-c", "import swinkit; swinkit.create_model")


@pytest.mark.parametrize(
    "command",
    [["-m", "swinkit", "--help"], [str(Path(sys.executable).with_name("swinkit")), "--help"]],
    ids=["python -m swinkit", "swinkit"],
)
def test_help_imports_nothing_costly(command: list[str]) -> None:
    assert set() == costly_imports(*command)
