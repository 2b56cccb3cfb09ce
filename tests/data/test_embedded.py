"""The digits inside the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from swinkit.data import open_images
from swinkit.data.embedded import digits

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_digits.py"
STORED = Path(__file__).parents[2] / "src" / "swinkit" / "data" / "digits.npz"


def test_the_last_writers_are_held_out():
    images = digits()

    assert (len(images.split("train")), len(images.split("val"))) == (1380, 417)
    assert tuple("0123456789") == images.classes
    assert [*"01234567890123"] == [sample.label for sample in images.samples[:14]]


def test_digits_are_shown_at_32_pixels_with_full_contrast():
    pixels = digits().samples[0].pixels()

    assert ((32, 32, 3), np.uint8) == (pixels.shape, pixels.dtype)
    assert pixels.min() < 10 and pixels.max() > 230
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_digits_can_be_had_in_one_channel():
    sample = digits().samples[0]

    np.testing.assert_array_equal(sample.pixels(3)[..., :1], sample.pixels(1))


def test_nobody_can_change_the_digits_of_others():
    with pytest.raises(ValueError, match="read-only"):
        digits().samples[0].pixels()[0, 0] = 0


def test_without_data_the_digits_are_opened():
    assert digits() == open_images(None)


def test_stored_digits_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets")
    bunch = sklearn.load_digits()

    with np.load(STORED) as stored:
        np.testing.assert_array_equal(bunch.images, stored["images"])
        np.testing.assert_array_equal(bunch.target, stored["labels"])


def test_the_script_makes_the_same_arrays_again(tmp_path):
    pytest.importorskip("sklearn")

    subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "digits.npz")], check=True, capture_output=True
    )

    with np.load(STORED) as stored, np.load(tmp_path / "digits.npz") as made:
        assert sorted(stored.files) == sorted(made.files)
        for name in stored.files:
            np.testing.assert_array_equal(stored[name], made[name])
