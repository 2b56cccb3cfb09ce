"""One door for pixels: whatever the file, the right picture or one clear sentence."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from swinkit.data.read import extensions, read
from swinkit.errors import DataError

from .pictures_for_tests import noise, save, scene

RAMP_16_BIT = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)


# Real files


def test_every_readable_messy_file_decodes_to_three_uint8_channels(shared_data):
    folder = shared_data("messy")
    planted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["planted"]
    readable = [p["path"] for p in planted if p["readable"] and (folder / p["path"]).is_file()]
    readable.remove("train/tulips/huge_120mp_1bit.png")  # half a gigabyte; below with one channel

    shapes = {path: (read(folder / path).shape[2], read(folder / path).dtype) for path in readable}

    assert len(shapes) >= 30
    assert {(3, np.dtype(np.uint8))} == set(shapes.values())


def test_every_unreadable_messy_file_is_refused_with_its_path(shared_data):
    folder = shared_data("messy")
    planted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["planted"]
    unreadable = [p["path"] for p in planted if not p["readable"] and (folder / p["path"]).is_file()]

    silent = []
    for path in unreadable:
        with pytest.raises(DataError) as refusal:
            read(folder / path)
        if path not in str(refusal.value):
            silent.append(path)

    assert len(unreadable) >= 9
    assert silent == []


def test_upright_size_of_messy_exif_files_is_that_of_the_manifest(shared_data):
    folder = shared_data("messy")
    planted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["planted"]
    rotated = [p for p in planted if p["defect"] == "exif_rotated"]

    sizes = {p["path"]: [*read(folder / p["path"]).shape[1::-1]] for p in rotated}

    assert {p["path"]: p["upright_size"] for p in rotated} == sizes


def test_a_bomb_is_refused_by_its_header_alone(shared_data):
    """In a process that may not even hold the decoded picture."""
    bomb = shared_data("messy") / "train/tulips/huge_400mp.png"
    program = (
        "import resource, sys; from swinkit.data.read import read; from swinkit.errors import DataError\n"
        "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + 100_000_000,) * 2)\n"
        "try: read(sys.argv[1])\n"
        "except DataError as error: print(error)"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("limits the memory of a process as Linux does")

    answer = subprocess.run(
        [sys.executable, "-c", program, str(bomb)], capture_output=True, text=True, check=True
    ).stdout

    assert "far too many pixels" in answer


def test_the_pixel_limit_of_a_call_holds_before_decoding_and_only_for_it(shared_data):
    large = shared_data("messy") / "train/tulips/huge_120mp_1bit.png"

    with pytest.raises(DataError, match=r"12000 x 10000 = 120,000,000 pixels, more than the 50,000,000"):
        read(large, max_pixels=50_000_000)

    assert read(large, channels=1).shape == (10000, 12000, 1)


def test_broken_exif_costs_neither_the_picture_nor_a_warning(shared_data):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        pixels = read(shared_data("messy") / "train/roses/exif_broken.jpg")

    assert pixels.shape == (128, 192, 3)
    assert heard == []


@pytest.mark.parametrize(
    ("file", "shape", "dtype", "low", "high"),
    [
        ("worms_3ch_uint16.tif", (512, 512, 3), "uint16", 96, 2153),
        ("worms_gray_C01_w1.png", (520, 696, 1), "uint16", 81, 1703),
        ("coloc_G.png", (384, 384, 1), "uint16", 29696, 65535),
        ("speckles_bigendian_uint16.tif", (320, 320, 1), "uint16", 325, 2157),
        ("fly_palette.tif", (320, 320, 3), "uint8", 0, 172),
        ("sentinel2_13band_3.tif", (101, 100, 13), "uint16", 5, 4708),
    ],
)
def test_scientific_files_keep_their_own_values(shared_data, file, shape, dtype, low, high):
    values = read(shared_data("scientific") / file, channels=None)

    assert (shape, dtype, low, high) == (values.shape, values.dtype, values.min(), values.max())


def test_pages_and_npy_of_one_scene_agree(shared_data):
    pages = read(shared_data("scientific") / "sentinel2_13band_0.tif", channels=13)
    array = read(shared_data("scientific") / "sentinel2_13band_0_hwc_float32.npy", channels=13)

    np.testing.assert_allclose(pages / 10_000, array, atol=1e-4)


def test_nan_is_kept_as_own_value_and_refused_as_a_picture(shared_data):
    path = shared_data("scientific") / "float_nan.tif"

    own = read(path, channels=None)

    assert own.shape == (2, 3, 1) and own.dtype == np.float32 and np.isnan(own).any()
    with pytest.raises(DataError, match="not numbers"):
        read(path)


# Depth


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bit_grey_is_scaled_and_never_clipped(tmp_path, ending):
    path = tmp_path / f"ramp.{ending}"
    Image.fromarray(RAMP_16_BIT).save(path)

    pixels = read(path)

    expected = np.rint(RAMP_16_BIT / 257).astype(np.uint8)
    assert len(np.unique(pixels)) == 256
    np.testing.assert_array_equal(np.repeat(expected[..., None], 3, axis=2), pixels)
    np.testing.assert_array_equal(RAMP_16_BIT[..., None], read(path, channels=None))


def test_decimal_numbers_of_nought_to_one_become_full_range(tmp_path):
    path = tmp_path / "float.tif"
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    Image.fromarray(values).save(path)

    pixels = read(path, channels=1)

    np.testing.assert_array_equal(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), pixels)


def test_decimal_numbers_without_a_known_range_are_refused_with_the_range(tmp_path):
    path = tmp_path / "heights.tif"
    Image.fromarray(np.array([[-3.5, 900.0]], dtype=np.float32)).save(path)

    with pytest.raises(DataError, match=r"from -3\.5 to 900"):
        read(path)


def test_one_bit_is_black_and_white(tmp_path):
    path = tmp_path / "one.png"
    Image.fromarray(np.eye(5, dtype=bool)).save(path)

    assert np.unique(read(path)).tolist() == [0, 255]


# Orientation, inks, palettes, transparency


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_all_orientations_of_one_picture_give_the_same_pixels(tmp_path, orientation, ending):
    upright = noise(6, 9)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{ending}"
    options = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **options)

    np.testing.assert_array_equal(upright, read(path))


@pytest.mark.parametrize("profile", [False, True], ids=["without a profile", "with a useless profile"])
def test_cmyk_looks_like_the_picture_it_was_made_from(tmp_path, profile):
    colour = Image.new("RGB", (32, 32), (200, 60, 30))
    path = tmp_path / "inks.jpg"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # for RGB, so of no use to inks
    colour.convert("CMYK").save(path, quality=95, **({"icc_profile": srgb} if profile else {}))

    pixels = read(path)

    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), [200, 60, 30], atol=3)


def _profile_in_which_only_black_shows() -> bytes:
    """A whole CMYK profile: paper is white and stays white under cyan, magenta and yellow; black is black."""
    lab = [
        (0 if black else 255, 128, 128) for _ in range(8) for black in (0, 1)
    ]  # grid of 2 per ink, K fastest
    ramp = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65536 * (row == column)) for row in range(3) for column in range(3))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + bytes(sum(lab, ())) + ramp * 3
    table += bytes(-len(table) % 4)
    header = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    header = header.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    return struct.pack(">I", 144 + len(table)) + header[4:] + table


def test_cmyk_goes_through_the_profile_in_the_file(tmp_path):
    inks = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    inks.paste((0, 0, 0, 255), (16, 0, 32, 32))
    inks.save(tmp_path / "inks.tif", icc_profile=_profile_in_which_only_black_shows())

    pixels = read(tmp_path / "inks.tif")

    np.testing.assert_allclose(pixels[4, 4], [255, 255, 255], atol=2)
    np.testing.assert_allclose(pixels[4, 28], [0, 0, 0], atol=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB with a colour key", "L with a grey key"])
def test_hidden_colours_under_transparency_become_white(tmp_path, mode):
    path = tmp_path / "hidden.png"
    left_clear = np.zeros((4, 8, 4), dtype=np.uint8)
    left_clear[:, 4:] = (90, 90, 90, 255)
    picture, options = Image.fromarray(left_clear), {}
    if mode == "LA":
        picture = picture.convert("LA")
    elif mode == "P":
        picture, options = picture.convert("RGB").quantize(4, dither=Image.Dither.NONE), {}
        options["transparency"] = picture.getpixel((0, 0))
    elif mode.startswith("RGB with"):
        picture, options = picture.convert("RGB"), {"transparency": (0, 0, 0)}
    elif mode.startswith("L with"):
        picture, options = picture.convert("RGB").convert("L"), {"transparency": 0}
    picture.save(path, **options)

    pixels = read(path)

    assert [*pixels[0, [0, 7], 1]] == [255, 90]


def test_half_transparent_is_half_white(tmp_path):
    path = tmp_path / "half.png"
    Image.new("RGBA", (2, 2), (0, 100, 255, 128)).save(path)

    np.testing.assert_allclose(read(path)[0, 0], [127, 177, 255], atol=1)
    np.testing.assert_array_equal([0, 100, 255, 128], read(path, channels=4)[0, 0])


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_an_animation_is_its_first_frame(tmp_path, ending):
    path = tmp_path / f"film.{ending}"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if ending == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)

    assert read(path)[4, 4].tolist() == [255, 0, 0]


def test_the_first_view_of_a_stereo_picture_is_read_whatever_its_ending(tmp_path):
    path = tmp_path / "stereo.mpo"
    views = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    views[0].save(path, save_all=True, append_images=views[1:])

    assert ".mpo" in extensions()
    np.testing.assert_allclose(read(path)[4, 4], [255, 0, 0], atol=2)


# Channels


def test_grey_is_repeated_and_colour_becomes_luminance_as_in_pillow(tmp_path):
    colour, grey = save(tmp_path / "c.png"), save(tmp_path / "g.png", channels=1)

    np.testing.assert_array_equal(np.repeat(noise(channels=1)[..., None], 3, axis=2), read(grey))
    np.testing.assert_array_equal(
        np.asarray(Image.open(colour).convert("L"))[..., None], read(colour, channels=1)
    )


def test_pages_of_one_size_are_channels_and_a_thumbnail_is_not(tmp_path):
    planes = [Image.fromarray(noise(10, 14, 1, seed=seed)) for seed in range(5)]
    stack, with_thumbnail = tmp_path / "stack.tif", tmp_path / "thumbnail.tif"
    planes[0].save(stack, save_all=True, append_images=planes[1:])
    planes[0].save(with_thumbnail, save_all=True, append_images=[planes[0].resize((7, 5))])

    np.testing.assert_array_equal(np.dstack([np.asarray(p) for p in planes]), read(stack, channels=5))
    assert read(with_thumbnail, channels=None).shape == (10, 14, 1)
    with pytest.raises(DataError, match="it has 5 channels, and 3 are expected"):
        read(stack)


def test_pages_count_against_the_pixel_limit(tmp_path):
    planes = [Image.fromarray(noise(10, 14, 1, seed=seed)) for seed in range(5)]
    planes[0].save(tmp_path / "stack.tif", save_all=True, append_images=planes[1:])

    with pytest.raises(DataError, match="14 x 10 x 5 pages = 700 pixels"):
        read(tmp_path / "stack.tif", channels=None, max_pixels=699)


@pytest.mark.parametrize(
    ("values", "channels", "expected"),
    [
        (noise(4, 6), 3, (4, 6, 3, "uint8")),
        (noise(4, 6, 1), 3, (4, 6, 3, "uint8")),
        (noise(4, 6, 7), 7, (4, 6, 7, "uint8")),
        (np.full((4, 6, 2), 60_000, np.uint16), None, (4, 6, 2, "uint16")),
        (np.full((4, 6, 2), -5, np.int64), None, (4, 6, 2, "float32")),
        (np.full((4, 6), 0.25, np.float64), 3, (4, 6, 3, "uint8")),
        (np.full((4, 6), 7, ">i4"), 1, (4, 6, 1, "uint8")),
        (np.eye(4, dtype=bool), None, (4, 4, 1, "uint8")),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else str(value),
)
def test_arrays_of_numbers_are_pictures_too(tmp_path, values, channels, expected):
    path = tmp_path / "array.npy"
    np.save(path, values)

    pixels = read(path, channels=channels)

    assert expected == (*pixels.shape, str(pixels.dtype))
    assert values.dtype.kind == "f" or pixels.max() == (values.max() if values.dtype != bool else 255)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((2, 3, 4, 5), np.uint8), r"shape \(2, 3, 4, 5\)"),
        (np.array([["a", "b"]]), "type <U1"),
        (np.zeros((0, 3), np.uint8), "0 values"),
        (np.array([[{"an": "object"}]]), "Python objects"),
    ],
    ids=["four axes", "letters", "nothing", "objects"],
)
def test_arrays_that_are_no_picture_are_refused(tmp_path, values, reason):
    path = tmp_path / "array.npy"
    np.save(path, values, allow_pickle=True)

    with pytest.raises(DataError, match=reason):
        read(path)


def test_a_pickle_inside_an_array_is_never_run(tmp_path):
    class Gadget:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was here"),)

    np.save(tmp_path / "evil.npy", np.array([[Gadget()]]), allow_pickle=True)

    with pytest.raises(DataError, match="Python objects"):
        read(tmp_path / "evil.npy", channels=None)
    assert not (tmp_path / "was here").exists()


# TIFFs that Pillow cannot hold


def test_a_tiff_that_pillow_cannot_hold_names_the_extra(shared_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)

    with pytest.raises(DataError, match=r"swinkit\[multichannel\]"):
        read(shared_data("scientific") / "RGBA.uint16.tif", channels=None)


def test_sixteen_bit_colour_tiff_is_read_through_tifffile(shared_data):
    pytest.importorskip("tifffile")

    values = read(shared_data("scientific") / "RGBA.uint16.tif", channels=4)

    assert (values.shape, values.dtype, values.max()) == ((411, 634, 4), "uint16", 10_000)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_many_channels_come_last_however_they_are_stored(tmp_path, planar):
    tifffile = pytest.importorskip("tifffile")
    values = noise(5, 7, 6).astype(np.uint16) * 200
    stored = values if planar == "contig" else values.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "six.tif", stored, planarconfig=planar, photometric="minisblack")

    np.testing.assert_array_equal(values, read(tmp_path / "six.tif", channels=6))


def test_sixteen_bit_colour_keeps_its_depth_where_own_values_are_asked_for(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = noise(5, 7).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb")

    np.testing.assert_array_equal(values, read(tmp_path / "deep.tif", channels=None))
    np.testing.assert_array_equal(noise(5, 7), read(tmp_path / "deep.tif"))


def test_transparency_of_sixteen_bit_colour_is_composed_on_white(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = np.zeros((2, 2, 4), np.uint16)
    values[0] = (65535, 0, 32768, 65535)
    tifffile.imwrite(tmp_path / "clear.tif", values, photometric="rgb", extrasamples=["unassalpha"])

    pixels = read(tmp_path / "clear.tif")

    np.testing.assert_array_equal([[255, 0, 128], [255, 255, 255]], pixels[:, 0])


# Files that are no picture


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"<!DOCTYPE html><html><body>404", "looks like an HTML page"),
        (b"\xef\xbb\xbf\n <HTML><body>", "looks like an HTML page"),
        (b"<svg xmlns='x'></svg>", "looks like an SVG drawing"),
        ("größe: 7\n".encode(), "looks like plain text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"%PDF-1.7\n", "looks like a PDF document"),
        (b"PK\x03\x04xxxx", "looks like a ZIP archive"),
        (b"\0" * 4096, "looks like nothing but zero bytes"),
        (b"\0\0\0\x20ftypisom" + b"\0" * 64, "looks like a video"),
        (b"\x8f\x01\xfe\x77" * 20, "first bytes are 8f 01 fe 77"),
        (b"\xff\xd8\xff" + b"\0" * 64, "begins like a JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "cut off or damaged|begins like a PNG"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_picture_is_named_for_what_it_is(tmp_path, content, reason):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)

    with pytest.raises(DataError, match=reason) as refusal:
        read(path)

    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp", "tif", "bmp", "npy"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_file_that_was_cut_off_is_refused_and_never_filled_with_grey(tmp_path, ending, share):
    whole = tmp_path / f"whole.{ending}"
    if ending == "npy":
        np.save(whole, noise(64, 64))
    else:
        Image.fromarray(noise(64, 64)).save(whole)
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])

    with pytest.raises(DataError, match=f"cut.{ending}"):
        read(cut)


def test_a_missing_file_names_the_nearest_one(tmp_path):
    save(tmp_path / "photos" / "garden.png")

    with pytest.raises(DataError, match="no such file") as refusal:
        read(tmp_path / "fotos" / "garden.png")

    assert f"did you mean {tmp_path / 'photos' / 'garden.png'}?" in str(refusal.value)


def test_a_folder_and_a_pipe_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(DataError, match="it is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="no regular file"):
        read(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["a" * 300, "nul\0byte"], ids=["a name too long", "a name with a zero byte"])
def test_a_path_that_the_system_refuses_is_refused_in_words(tmp_path, name):
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / name)


def test_a_heic_without_its_reader_names_the_reader(tmp_path, monkeypatch):
    from swinkit.data import pictures

    monkeypatch.setattr(pictures, "formats", lambda: ("JPEG", "PNG"))
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 100)

    with pytest.raises(DataError, match="pip install pillow-heif"):
        read(tmp_path / "phone.heic")


def test_a_heic_is_read_where_its_reader_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (10, 200, 30))).save(tmp_path / "phone.heic")

    pixels = read(tmp_path / "phone.heic")

    assert pixels.shape == (48, 64, 3)
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), [10, 200, 30], atol=6)
    assert ".heic" in extensions()


# Manners


def test_names_in_any_script_and_unicode_form_are_read(tmp_path):
    for name in ("größe.png", "gro\u0308\u00dfe nfd.png", "图片 1.png", "花_🌼.png", "with space (1).png"):
        save(tmp_path / name)

        assert read(tmp_path / name).shape == (12, 16, 3)


def test_pillow_is_left_as_it_was(tmp_path):
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    save(tmp_path / "a.png")

    read(tmp_path / "a.png", max_pixels=10**9)

    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))


def test_reading_needs_neither_torch_nor_torchvision():
    program = "import sys, swinkit.data; print('torch' in sys.modules, 'torchvision' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert answer == "False False\n"


# More pixels than may be decoded at once


def test_a_jpeg_of_too_many_pixels_is_read_at_a_part_of_its_size(tmp_path):
    scene(1, 300, 400).save(tmp_path / "a.jpg")

    assert read(tmp_path / "a.jpg", max_pixels=120_000).shape == (300, 400, 3)
    assert read(tmp_path / "a.jpg", max_pixels=119_999).shape == (150, 200, 3)
    assert read(tmp_path / "a.jpg", max_pixels=5_000).shape == (38, 50, 3)
    with pytest.raises(DataError, match="more than the 1,000 allowed"):
        read(tmp_path / "a.jpg", max_pixels=1_000)


def test_a_jpeg_that_pillow_takes_for_a_bomb_is_read_small(tmp_path, monkeypatch):
    scene(1, 300, 400).save(tmp_path / "a.jpg")
    scene(1, 300, 400).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)

    assert read(tmp_path / "a.jpg", max_pixels=40_000).shape == (150, 200, 3)
    with pytest.raises(DataError, match="far too many pixels"):
        read(tmp_path / "a.png")
