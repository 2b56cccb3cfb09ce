"""What belongs together, by patterns of names."""

from __future__ import annotations

import pytest

from swinkit.data import ImageSet, Sample, open_images
from swinkit.data.groups import grouped, is_pattern
from swinkit.errors import ConfigError, DataError

from .pictures_for_tests import class_folders, noise


def _named(*names: str) -> ImageSet:
    samples = tuple(Sample(name=name, label="a", source=noise()) for name in names)
    return ImageSet(name="some", samples=samples, classes=("a", "b"))


@pytest.mark.parametrize(
    ("pattern", "name", "group"),
    [
        ("{patient}_*", "train/cat/p01_left_2.png", "p01"),
        ("{patient}_*.png", "p 01_2.png", "p 01"),
        ("{film}/*", "cat/film 7/0001.jpg", "film 7"),
        ("*/{film}/*", "cat/film 7/0001.jpg", "film 7"),
        ("{site}-{day}/*.tif", "x/north-3/9.tif", "north/3"),
        ("scan({who}).*", "scan(7).png", "7"),
        ("*_{eye}.png", "p01_2_left.png", "left"),
    ],
)
def test_a_pattern_takes_what_stands_in_braces(pattern, name, group):
    assert [group] == [sample.group for sample in grouped(_named(name), pattern).samples]


def test_names_that_do_not_fit_are_named():
    with pytest.raises(
        DataError, match=r"2 of 3 names do not fit the pattern \{patient\}_\*: a\.png, b/c\.png"
    ):
        grouped(_named("a.png", "p_1.png", "b/c.png"), "{patient}_*")


def test_a_pattern_without_braces_is_refused():
    with pytest.raises(ConfigError, match="has no braces"):
        grouped(_named("a_1.png"), "*_1.png")


def test_braces_or_stars_make_a_pattern_and_other_words_are_columns():
    assert [True, True, False] == [is_pattern(text) for text in ("{a}_*", "*_1", "patient id")]


def test_class_folders_are_grouped_by_pattern_and_have_no_columns(tmp_path):
    class_folders(tmp_path, {"a/film1": 2, "a/film2": 1, "b/film3": 1})

    images = open_images(tmp_path, group_by="{film}/*")

    assert ["film1", "film1", "film2", "film3"] == [sample.group for sample in images.samples]
    with pytest.raises(DataError, match="has no columns, so it cannot be grouped by 'patient'"):
        open_images(tmp_path, group_by="patient")
