"""Damage that decoders repair in silence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data.read import glance, read_bytes
from swinkit.errors import DataError
from swinkit.health import damage
from swinkit.health.damage import Seen, look_at
from tests.data.pictures_for_tests import noise, scene

END = b"\xff\xd9"
ENCODINGS = [
    {},
    {"optimize": True},
    {"subsampling": 0},
    {"progressive": True},
    {"restart_marker_blocks": 4},
]


def seen(content: bytes) -> Seen:
    return look_at(content, "a.jpg", side=32, channels=3, own_values=False)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, quality=85, **options)
    return file.getvalue()


def jpeg(seed: int = 1, **options: object) -> bytes:
    return encoded(scene(seed, 120, 160), **options)


def closed(content: bytes, end: int) -> bytes:
    """A JPEG cut there and closed again."""
    return content[:end].rstrip(b"\xff") + END


def photographs(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("val/*/*.jpg"))[::10]]


@pytest.mark.parametrize("options", ENCODINGS, ids=str)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97])
def test_a_cut_file_that_was_closed_again_is_damaged(share, options):
    whole = jpeg(**options)
    cut = closed(whole, int(len(whole) * share))

    assert read_bytes(cut, "closed.jpg").shape == (120, 160, 3), "Pillow has no objection"
    assert seen(cut).damage is not None
    assert seen(whole).damage is None


@pytest.mark.parametrize("options", ENCODINGS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_pictures_are_not(mode, options):
    assert not any(seen(encoded(scene(n).convert(mode), **options)).damage for n in range(10))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("missing", [40, 400])
def test_a_few_missing_bytes_are_enough(mode, missing):
    whole = encoded(Image.fromarray(noise(120, 160)).convert(mode))

    assert seen(closed(whole, len(whole) - len(END) - missing)).damage


def test_a_progressive_picture_without_its_last_scans_lacks_detail():
    whole = jpeg(progressive=True)
    scans = [place for place in range(len(whole)) if whole.startswith(b"\xff\xda", place)]
    without = whole[: whole.rindex(b"\xff\xc4", 0, scans[-1])] + END  # with the tables of the last one

    assert read_bytes(without, "closed.jpg").shape == (120, 160, 3), "Pillow has no objection"
    assert "scans are missing" in seen(without).damage


def test_bytes_behind_the_picture_are_no_damage():
    assert seen(jpeg() + b"\0" * 100 + b"more").damage is None


def test_a_picture_of_a_phone_with_a_second_one_inside_is_looked_at_like_any_other():
    whole = encoded(scene(1, 600, 800), "MPO", save_all=True, append_images=[scene(2, 600, 800)])

    found = seen(whole)

    assert (found.header.format, found.header.size, found.damage) == ("MPO", (600, 800), None)
    assert found.shown.shape == (75, 100), "decoded at a part of its size"
    first = whole.index(END + b"\xff\xd8")
    assert seen(whole[: first - 500] + whole[first:]).damage


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\xff\xd8\xff\xc2\0", b"\x89PNG" * 20]
)
def test_what_is_no_picture_is_refused_as_reading_refuses_it(content):
    with pytest.raises(DataError, match=r"cannot read a\.jpg"):
        seen(content)


def test_a_webp_of_which_the_end_was_never_fetched_is_damaged():
    whole = encoded(scene(1, 120, 160), "WEBP")
    holed = whole[: len(whole) // 2].ljust(len(whole), b"\0")

    assert read_bytes(holed, "holed.webp").shape == (120, 160, 3), "Pillow has no objection"
    assert seen(holed).damage == f"its last {len(whole) - len(holed.rstrip(bytes(1))):,} bytes are zeros"
    assert seen(whole + b"\0" * 500).damage is None, "zeros behind the picture"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "PCX", "JPEG2000"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_pictures_of_other_kinds_that_are_cut_off_are_refused(kind, share):
    whole = encoded(scene(1, 120, 160), kind)

    assert seen(whole).damage is None
    with pytest.raises(DataError, match=r"cannot read a\.jpg"):
        seen(whole[: int(share * len(whole))])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plain_jpeg_is_decoded_once(monkeypatch, mode):
    decoded = []
    monkeypatch.setattr(damage, "glance", lambda *of, **how: decoded.append(of) or glance(*of, **how))

    seen(encoded(scene(1).convert(mode)))

    assert 1 == len(decoded)


def test_photographs_look_the_same_whichever_way_they_are_looked_at(shared_data):
    for content in photographs(shared_data("flowers5")):
        looked, (header, shown) = seen(content), glance(content, "a.jpg", side=32)

        assert looked.damage is None
        assert looked.header == header
        assert np.array_equal(looked.shown, shown)


@pytest.mark.parametrize("missing", [100, 1000])
def test_photographs_that_lack_their_end_are_damaged(shared_data, missing):
    cut = [closed(content, len(content) - missing) for content in photographs(shared_data("flowers5"))]

    assert all(seen(content).damage for content in cut)
