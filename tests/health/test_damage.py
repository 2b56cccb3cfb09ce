"""Damage that decoders repair in silence."""

from __future__ import annotations

import io

import pytest

from swinkit.data.read import read_bytes
from swinkit.health.damage import ends_early
from tests.data.pictures_for_tests import scene


def jpeg(seed: int = 1, **options: object) -> bytes:
    file = io.BytesIO()
    scene(seed, 120, 160).save(file, "JPEG", quality=85, **options)
    return file.getvalue()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_file_that_was_closed_again_ends_early(share):
    whole = jpeg()
    closed = whole[: int(len(whole) * share)].rstrip(b"\xff") + b"\xff\xd9"

    assert read_bytes(closed, "closed.jpg").shape == (120, 160, 3), "Pillow has no objection"
    assert ends_early(closed)
    assert not ends_early(whole)


@pytest.mark.parametrize(
    "options", [{}, {"optimize": True}, {"subsampling": 0}, {"progressive": True}], ids=str
)
def test_whole_pictures_do_not(options):
    assert not any(ends_early(jpeg(seed, **options)) for seed in range(10))


def test_bytes_behind_the_picture_are_no_damage():
    assert not ends_early(jpeg() + b"\0" * 100 + b"more")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\x89PNG" * 20], ids=repr)
def test_other_files_do_not_either(content):
    assert not ends_early(content)


def test_photographs_do_not_end_early(shared_data):
    paths = sorted(shared_data("flowers5").glob("val/*/*.jpg"))[::3]

    assert [] == [path.name for path in paths if ends_early(path.read_bytes())]
