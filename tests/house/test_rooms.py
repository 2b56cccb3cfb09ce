"""The arrows between the rooms of the package: what may import what. CONTRIBUTING.md shows the same map."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import swinkit

PACKAGE = Path(next(iter(swinkit.__path__)))

# room -> rooms it may import. Every room may import `errors`. No arrow goes up.
ARROWS: dict[str, set[str]] = {
    "cli": {"verbs", "writing"},
    "verbs": {
        "backbones",
        "report",
        "benchmark",
        "trust",
        "recipes",
        "drawings",
        "engine",
        "tasks",
        "weights",
        "health",
        "data",
        "native",
        "models",
        "kernels",
        "windows",
    },
    "report": {"benchmark", "trust", "drawings", "tasks", "health", "data"},
    "trust": {"engine", "tasks", "models", "data"},
    "recipes": {"backbones", "engine", "tasks", "models", "data"},
    "benchmark": {"weights", "native", "models", "kernels", "windows", "data", "profiling"},
    "drawings": {"models", "windows", "data", "profiling"},
    "engine": {"backbones", "tasks", "data", "models", "native", "writing"},
    "tasks": {"models", "data"},
    "backbones": {"weights", "models", "data", "windows"},
    "weights": {"models", "windows", "writing"},
    "native": {"models", "kernels", "windows", "data"},
    "models": {"kernels", "windows"},
    "kernels": {"windows"},
    "health": {"data", "writing"},
    "data": {"writing"},
    "windows": set(),
    "writing": set(),
    "profiling": set(),
    "errors": set(),
}

# No rooms: the public surface names things of all rooms, and `python -m swinkit` opens the front door.
DOORS = {"__init__", "__main__"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


FILES = sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) not in DOORS)


def imported_modules(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Full names of all that a module imports, also inside functions, for type checkers, by import_module."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(origin, names, level):
                start = absolute(origin or "", level, package)
                yield from (f"{start}.{alias.name}" for alias in names)
            case ast.Call(
                ast.Name("import_module" | "__import__") | ast.Attribute(_, "import_module"),
                [ast.Constant(str(name)), *_],
            ):
                dots = len(name) - len(name.lstrip("."))
                yield absolute(name[dots:], dots, package)


def absolute(name: str, level: int, package: str) -> str:
    """The full name of what `level` dots and `name` mean inside `package`."""
    if level == 0:
        return name
    parents = package.split(".")[: len(package.split(".")) - (level - 1)]
    return ".".join([*parents, name]) if name else ".".join(parents)


def imported_rooms(source: str, module: str, *, is_package: bool = False) -> set[str]:
    names = imported_modules(source, module, is_package=is_package)
    inside = {name.split(".")[1] for name in names if name.startswith("swinkit.")}
    return {room for room in inside if not room.startswith("__")}  # __version__ is a fact, not a room


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import swinkit.data.read", {"data"}),
        ("import torch, swinkit.models as m", {"models"}),
        ("from swinkit.weights import load", {"weights"}),
        ("from swinkit import engine", {"engine"}),
        ("from swinkit import load", {"load"}),  # the public surface is not for the rooms
        ("from swinkit import __version__", set()),
        ("from . import config", {"models"}),
        ("from ..windows import window_plan", {"windows"}),
        ("from .. import data", {"data"}),
        ("def late():\n    from swinkit.tasks import TASKS", {"tasks"}),
        ("if TYPE_CHECKING:\n    from swinkit.engine import Run", {"engine"}),
        ("importlib.import_module('swinkit.cli.main')", {"cli"}),
        ("import_module('..verbs', __package__)", {"verbs"}),
        ("import torch\nfrom pathlib import Path", set()),
    ],
)
def test_an_import_is_found_wherever_and_however_it_stands(line: str, expected: set[str]) -> None:
    assert expected == imported_rooms(line, "swinkit.models.swin")


def test_a_dot_in_a_package_means_the_package_itself() -> None:
    assert {"models"} == imported_rooms("from .swin import Swin", "swinkit.models", is_package=True)


def test_every_room_has_its_arrows_listed() -> None:
    rooms = {room_of(path) for path in FILES}
    assert rooms <= ARROWS.keys(), f"not in ARROWS: {sorted(rooms - ARROWS.keys())}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_along_the_arrows(path: Path) -> None:
    room = room_of(path)
    module = ".".join(["swinkit", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")

    found = imported_rooms(path.read_text("utf-8"), module, is_package=path.name == "__init__.py")

    forbidden = found - ARROWS.get(room, set()) - {room, "errors"}
    assert not forbidden, f"{room} may not import {sorted(forbidden)}"
