"""How many channels pictures hold, whether they are measurements, and what their values are like."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from swinkit.data import Sample, open_images
from swinkit.data.channels import Channels, found_channels
from swinkit.errors import DataError

from .pictures_for_tests import class_folders, noise, save


def _samples(*pictures: np.ndarray) -> list[Sample]:
    return [Sample(name=f"{n}", label="a", source=picture) for n, picture in enumerate(pictures)]


def _bands(count: int, kind: str = "uint16", seed: int = 0) -> np.ndarray:
    """Noise whose channel k has mean 1000 (k + 1) and deviation 100."""
    normal = np.random.default_rng(seed).normal(size=(40, 40, count))
    return (normal * 100 + 1000 * np.arange(1, count + 1)).round().astype(kind)


def test_colour_pictures_have_three_channels_and_the_usual_numbers():
    assert Channels() == found_channels(_samples(noise(), noise(seed=1)))


def test_some_grey_pictures_among_coloured_ones_change_nothing():
    grey, deep = noise(channels=1)[..., None], _bands(1)

    assert Channels() == found_channels(_samples(grey, noise(), deep))


def test_grey_pictures_have_one_channel():
    found = found_channels(_samples(noise(channels=1)[..., None], noise(channels=1, seed=1)[..., None]))

    assert (found.count, found.own_values, found.coloured) == (1, False, True)
    assert found.mean == pytest.approx((0.5,), abs=0.03)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 13])
def test_sixteen_bits_are_measurements_in_any_number_of_channels(count):
    found = found_channels(_samples(*(_bands(count, seed=seed) for seed in range(8))))

    assert (found.count, found.own_values, found.coloured) == (count, True, False)
    assert found.mean == pytest.approx(np.arange(1, count + 1) * 1000 / 65535, rel=0.01)
    assert found.std == pytest.approx([100 / 65535] * count, rel=0.05)


def test_decimal_numbers_keep_their_unit_and_gaps_do_not_count():
    bands = _bands(2, "float32")
    bands[:10, :, 0] = np.nan
    bands[5, 5, 1] = np.inf

    found = found_channels(_samples(bands))

    assert found.mean == pytest.approx((1000, 2000), rel=0.01)


def test_a_few_wild_values_do_not_spoil_the_numbers():
    bands = _bands(2, "float32")
    bands[0, 0] = -9999

    found = found_channels(_samples(bands))

    assert found.std == pytest.approx((100, 100), rel=0.06)


def test_a_channel_that_never_changes_is_not_divided_by_zero():
    found = found_channels(_samples(np.full((4, 4, 2), 7, np.uint16)))

    assert found.std == (1.0, 1.0)


def test_a_channel_without_a_number_is_refused():
    with pytest.raises(DataError, match="channel 2 of the pictures holds no number at all"):
        found_channels(_samples(np.stack([np.ones((4, 4)), np.full((4, 4), np.nan)], axis=2)))


def test_measurements_of_different_channels_are_named():
    with pytest.raises(DataError, match="differ in their channels: 4 in 0 and 1 more, 3 in 2 and 0 more"):
        found_channels(_samples(_bands(4), _bands(4), _bands(3)))


def test_only_train_is_measured_and_unreadable_pictures_are_passed_over(tmp_path):
    good = Sample(name="a", label="a", split="train", source=_bands(2))
    bad = Sample(name="b", label="a", split="train", source=tmp_path / "gone.npy")
    other = Sample(name="c", label="a", split="val", source=_bands(2) + np.uint16(9000))

    assert found_channels([good]) == found_channels([bad, good, other])


def test_the_numbers_do_not_depend_on_how_many_pictures_there_are():
    many = [Sample(name=f"{n}", label="a", source=_bands(1, seed=n % 50)) for n in range(500)]

    assert found_channels(many).mean == pytest.approx((1000 / 65535,), rel=0.01)


@pytest.mark.parametrize(("values", "count"), [("noise", 4), ("clear or opaque", 3)])
def test_a_fourth_channel_of_a_tiff_is_a_measurement_unless_it_looks_like_transparency(
    tmp_path, values, count
):
    tifffile = pytest.importorskip("tifffile")
    pixels = noise(30, 30, 4)
    if values != "noise":
        pixels[..., 3] = np.where(pixels[..., 3] > 100, 255, 0)
    tifffile.imwrite(tmp_path / "a.tif", pixels)  # says of the fourth channel that it is alpha

    found = found_channels([Sample(name="a.tif", label="a", source=tmp_path / "a.tif")])

    assert found.count == count
    assert ("taken for a measurement" in found.note) == (count == 4)


def test_a_fourth_channel_of_which_a_tiff_says_nothing_is_one(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", noise(30, 30, 4), photometric="rgb", extrasamples=["unspecified"])

    sample = Sample(name="a.tif", label="a", source=tmp_path / "a.tif")

    np.testing.assert_array_equal(noise(30, 30, 4), sample.pixels(None))
    assert found_channels([sample]).count == 4


def test_transparent_pngs_are_pictures_of_three_channels(tmp_path):
    Image.fromarray(noise(channels=4)).save(tmp_path / "a.png")

    assert found_channels([Sample(name="a.png", label="a", source=tmp_path / "a.png")]) == Channels()


def test_own_values_are_kept_with_one_and_three_channels_too(tmp_path):
    np.save(tmp_path / "a.npy", _bands(3))
    sample = Sample(name="a", label="a", source=tmp_path / "a.npy")

    np.testing.assert_array_equal(_bands(3), sample.pixels(3, own_values=True))
    assert sample.pixels(3).dtype == np.uint8
    with pytest.raises(DataError, match="it has 3 channels, and 4 are expected"):
        sample.pixels(4, own_values=True)


def test_ordinary_folders_are_ordinary(tmp_path):
    folder = class_folders(tmp_path, {"a": 3, "b": 2})
    save(folder / "b" / "grey.png", channels=1)

    assert found_channels(open_images(folder).samples) == Channels()


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("sentinel2_13band_*.tif", 13),
        ("worms_3ch_uint16.tif", 3),
        ("worms_gray_*.png", 1),
        ("speckles_bigendian_uint16.tif", 1),
        ("RGBA.uint16.tif", 4),
        ("float_nan.tif", 1),
        ("*hwc_float32.npy", 13),
    ],
)
def test_real_measurements_are_recognised(shared_data, pattern, count):
    files = sorted(shared_data("scientific").glob(pattern))

    found = found_channels([Sample(name=file.name, label="a", source=file) for file in files])

    assert (found.count, found.own_values) == (count, True)
    assert np.isfinite(found.mean).all()
    assert min(found.std) > 0
