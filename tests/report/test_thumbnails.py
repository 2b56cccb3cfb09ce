"""Thumbnails: upright, bare of metadata, bounded, of whatever can be read."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data import Sample
from swinkit.report.thumbnails import SIDE, Album, Thumbnail, shown, thumbnail


def decoded(made: Thumbnail) -> Image.Image:
    kind, _, data = made.uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def sample(source: Path | np.ndarray, name: str = "cat.jpg") -> Sample:
    return Sample(name=name, label="cat", source=source)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Lies on its side by EXIF, with a place and a camera in its metadata; upright it is red on top."""
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[:, :200] = (255, 0, 0)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRET CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    image.save(tmp_path / "photo.jpg", exif=exif, comment=b"SECRET COMMENT", quality=95)
    return tmp_path / "photo.jpg"


def test_a_photo_stands_upright_without_its_metadata(photo: Path) -> None:
    assert b"SECRET" in photo.read_bytes()
    made = Album([sample(photo)]).thumbnail("cat.jpg")
    assert made is not None
    image = decoded(made)
    assert (SIDE // 2, SIDE) == image.size == (made.width, made.height)
    assert {} == dict(image.getexif())
    assert b"SECRET" not in base64.b64decode(made.uri.partition(",")[2])
    red, _, _ = np.asarray(image)[10, 30]
    assert red > 200


def test_a_small_picture_keeps_its_size_and_shows_its_pixels() -> None:
    made = thumbnail(np.zeros((8, 12, 3), np.uint8))
    assert (12, 8) == decoded(made).size
    assert made.small


def test_an_album_stops_at_its_budget_and_counts_what_it_left_out() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (144, 144, 3), np.uint8)
    size = len(thumbnail(noise).uri)
    album = Album([sample(noise, name) for name in "abcd"], budget=2 * size - 1)
    assert [True, True, False, False] == [album.thumbnail(name) is not None for name in "abcd"]
    assert 2 == album.left_out


def test_showing_a_picture_twice_costs_twice() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (144, 144, 3), np.uint8)
    album = Album([sample(noise)], budget=len(thumbnail(noise).uri))
    assert album.thumbnail("cat.jpg") is not None
    assert album.thumbnail("cat.jpg") is None


def test_what_cannot_be_read_or_is_unknown_has_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    album = Album([sample(tmp_path / "broken.jpg", "broken.jpg")])
    assert album.thumbnail("broken.jpg") is None
    assert album.thumbnail("never heard of") is None
    assert 0 == album.left_out


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_any_number_of_channels_can_be_looked_at(tmp_path: Path, channels: int, kind: type) -> None:
    values = np.linspace(0, 200, 20 * 30 * channels).reshape(20, 30, channels).astype(kind)
    np.save(tmp_path / "field.npy", values)
    pixels = shown(sample(tmp_path / "field.npy"))
    assert (20, 30, 3) == pixels.shape
    assert np.uint8 == pixels.dtype
    assert pixels.max() > pixels.min()
