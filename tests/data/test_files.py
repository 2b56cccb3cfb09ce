from __future__ import annotations

import pytest

from swinkit.data.files import nearest_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Photos/cats", "photos/cats"),
        ("photos/cat", "photos/cats"),
        ("fotos/cats", "photos/cats"),
        ("fotos/dogs", "photos"),
        ("nothing/like/it", None),
    ],
)
def test_the_nearest_path_mends_the_first_part_that_is_wrong(tmp_path, typed, meant):
    (tmp_path / "photos" / "cats").mkdir(parents=True)

    assert (None if meant is None else tmp_path / meant) == nearest_path(tmp_path / typed)
