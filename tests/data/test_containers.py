"""Pictures inside larger files: found by offset, named in errors, carried to workers."""

from __future__ import annotations

import hashlib
import pickle
import tarfile

import numpy as np
import pytest

from swinkit.data import Sample
from swinkit.data.containers import TarMember
from swinkit.errors import DataError

from .pictures_for_tests import save


@pytest.fixture
def picture(tmp_path):
    return save(tmp_path / "a.png")


@pytest.fixture
def packed(tmp_path, picture):
    """The same picture as the second member of an archive."""
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        archive.add(save(tmp_path / "b.png", seed=1), "b.png")
        archive.add(picture, "cat/a.png")
    with tarfile.open(tmp_path / "shard.tar") as archive:
        member = archive.getmember("cat/a.png")
    return TarMember(tmp_path / "shard.tar", "cat/a.png", member.offset_data, member.size)


def test_a_picture_in_an_archive_is_the_picture_itself(picture, packed):
    inside = Sample(name="cat/a.png", label="cat", source=packed)
    outside = Sample(name="cat/a.png", label="cat", source=picture)

    np.testing.assert_array_equal(outside.pixels(), inside.pixels())
    assert outside.size_in_bytes() == inside.size_in_bytes()
    assert outside.content_hash() == inside.content_hash()
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == inside.content_hash()


def test_a_picture_in_an_archive_travels_to_workers(packed):
    sample = Sample(name="cat/a.png", label="cat", source=packed)

    np.testing.assert_array_equal(sample.pixels(), pickle.loads(pickle.dumps(sample)).pixels())


def test_a_damaged_picture_in_an_archive_is_named_with_its_archive(packed):
    half = TarMember(packed.archive, packed.member, packed.offset, packed.size // 2)

    with pytest.raises(DataError, match=r"cannot read .*shard\.tar!cat/a\.png: the picture is cut off"):
        Sample(name="x", label=None, source=half).pixels()


def test_an_empty_member_is_named(packed):
    empty = TarMember(packed.archive, packed.member, packed.offset, 0)

    with pytest.raises(DataError, match=r"shard\.tar!cat/a\.png: it is empty"):
        Sample(name="x", label=None, source=empty).pixels()


def test_an_archive_that_ends_early_is_named(packed):
    packed.archive.write_bytes(packed.archive.read_bytes()[: packed.offset + 5])

    with pytest.raises(DataError, match=r"shard\.tar!cat/a\.png: the archive ends before it does"):
        Sample(name="x", label=None, source=packed).pixels()


def test_an_archive_that_is_gone_is_named(packed):
    packed.archive.unlink()

    with pytest.raises(DataError, match=r"cannot read .*shard\.tar!cat/a\.png: No such file"):
        Sample(name="x", label=None, source=packed).pixels()


@pytest.mark.parametrize("ending", [".npy", ".tif"])
def test_arrays_are_read_from_archives_too(tmp_path, ending):
    pixels = np.random.default_rng(0).integers(0, 4000, (6, 5, 4), dtype=np.uint16)
    file = tmp_path / f"a{ending}"
    if ending == ".npy":
        np.save(file, pixels)
    else:
        pytest.importorskip("tifffile").imwrite(file, np.moveaxis(pixels, 2, 0), photometric="minisblack")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        archive.add(file, file.name)
    with tarfile.open(tmp_path / "shard.tar") as archive:
        member = archive.getmember(file.name)
    packed = TarMember(tmp_path / "shard.tar", file.name, member.offset_data, member.size)

    np.testing.assert_array_equal(pixels, Sample(name="a", label=None, source=packed).pixels(4))
