"""Expanding what a person names on a command line into pictures."""

from __future__ import annotations

import pytest

from swinkit.data import list_pictures
from swinkit.errors import DataError

from .pictures_for_tests import class_folders, save


def test_folders_become_their_pictures_and_files_stay_as_given(tmp_path):
    class_folders(tmp_path / "many", {"b": 1, "a/deep": 2})
    (tmp_path / "odd.name").write_bytes(b"read() will judge it")

    found = list_pictures([tmp_path / "odd.name", tmp_path / "many"])

    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "odd.name",
        "many/a/deep/0.png",
        "many/a/deep/1.png",
        "many/b/0.png",
    ]


def test_a_missing_path_is_refused_with_the_nearest_one(tmp_path):
    save(tmp_path / "garden.png")

    with pytest.raises(DataError, match="does not exist") as refusal:
        list_pictures([tmp_path / "gardn.png"])

    assert "garden.png?" in refusal.value.hint


def test_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="no pictures found"):
        list_pictures([tmp_path])
