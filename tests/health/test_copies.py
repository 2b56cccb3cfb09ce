"""Copies in a set, by name and kind."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from swinkit.data.samples import Sample
from swinkit.health.copies import Copy, copy_groups, find_copies
from swinkit.health.facts import examine
from tests.data.pictures_for_tests import scene


def found(folder: Path) -> dict[tuple[str, str], str]:
    samples = [Sample(name=path.name, label="a", source=path) for path in sorted(folder.iterdir())]
    return {(copy.first, copy.second): copy.kind for copy in find_copies(samples, examine(samples))}


def test_copies_are_told_apart_by_kind(tmp_path):
    image = scene(1)
    image.save(tmp_path / "1.png")
    (tmp_path / "2 again.png").write_bytes((tmp_path / "1.png").read_bytes())
    image.save(tmp_path / "3 as bmp.bmp")
    ImageOps.mirror(image).save(tmp_path / "4 mirrored.jpg", quality=70)
    scene(2).save(tmp_path / "5 other.png")

    assert found(tmp_path) == {
        ("1.png", "2 again.png"): "file",
        ("1.png", "3 as bmp.bmp"): "pixels",
        ("1.png", "4 mirrored.jpg"): "near",
        ("3 as bmp.bmp", "4 mirrored.jpg"): "near",
    }


def test_blank_pictures_are_copies_only_where_the_files_are_equal(tmp_path):
    for name, grey in (("1.png", 9), ("2.png", 9), ("3.png", 200)):
        Image.new("L", (70, 70), grey).save(tmp_path / name)

    assert found(tmp_path) == {("1.png", "2.png"): "file"}


def test_files_that_cannot_be_read_are_no_copies(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"no picture")

    assert found(tmp_path) == {}


def test_groups_join_what_is_a_copy_by_way_of_others():
    copies = [
        Copy(first=first, second=second, kind="near")
        for first, second in (("b10", "b2"), ("a", "c"), ("b2", "x"))
    ]

    assert copy_groups(copies) == (("a", "c"), ("b2", "b10", "x"))
