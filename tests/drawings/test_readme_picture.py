"""The picture of the README: made by the script, whole in itself."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from swinkit.models import Swin
from swinkit.weights.save import save

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def made(small_model: Swin, tmp_path: Path) -> Path:
    specification = importlib.util.spec_from_file_location(
        "make_pictures", REPOSITORY / "scripts" / "make_pictures.py"
    )
    assert specification is not None and specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    save(small_model, tmp_path / "model.safetensors")
    script.make(str(tmp_path / "model.safetensors"), tmp_path / "made.svg")
    return tmp_path / "made.svg"


def panels(path: Path) -> list[str]:
    """The words below each drawing; fails where the file is no XML."""
    tree = ElementTree.parse(path)
    return [element.text or "" for element in tree.getroot().findall("{http://www.w3.org/2000/svg}text")]


def test_the_script_draws_four_panels(made: Path) -> None:
    assert panels(made) == [
        "64 × 64 patches",
        "attention in windows of 4 × 4",
        "shifted in every other block",
        "where one token looks",
    ]


def test_the_picture_in_the_repository_is_one_the_script_draws(made: Path) -> None:
    assert panels(made) == panels(REPOSITORY / "docs" / "pictures" / "windows.svg")


def test_the_picture_refers_to_nothing_outside_it() -> None:
    text = (REPOSITORY / "docs" / "pictures" / "windows.svg").read_text("utf-8")
    targets = set(re.findall(r'href="([^"]{1,12})', text)) | set(re.findall(r"url\(([^)]{1,12})", text))
    assert all(target.startswith(("#", "data:image/")) for target in targets)
    assert "<script" not in text
    assert len(text) < 100_000
