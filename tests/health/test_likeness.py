"""Pictures that look the same, however they were altered, and pictures that do not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from swinkit.data import digits
from swinkit.health.likeness import THUMBNAIL, near_copies
from tests.data.pictures_for_tests import scene

from .altered import ALTERATIONS


def thumbnails(*images: Image.Image) -> np.ndarray:
    squeezed = [image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image) for image in squeezed])


def pairs(images: np.ndarray) -> set[tuple[int, int]]:
    return {tuple(sorted((pair.first, pair.second))) for pair in near_copies(images)}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_copy_is_found_among_others(name):
    generator = np.random.default_rng(1)
    originals = [scene(seed, 180, 240) for seed in range(12)]
    altered = [ALTERATIONS[name](image, generator) for image in originals]

    assert {(n, n + 12) for n in range(12)} == pairs(thumbnails(*originals, *altered))


def test_pictures_that_differ_are_no_copies():
    assert set() == pairs(thumbnails(*(scene(seed) for seed in range(60))))


def test_blank_pictures_are_not_copies_of_one_another():
    blank = [Image.new("L", (80, 60), grey) for grey in (0, 0, 3, 128, 255, 255)]

    assert set() == pairs(thumbnails(*blank))


def test_other_peoples_digits_are_not_copies_though_they_look_alike():
    """Two ones, written by two people, agree in most of their few places by chance."""
    some = [Image.fromarray(sample.source) for sample in digits().samples[:400]]

    assert len(pairs(thumbnails(*some))) <= 2


def test_photographs_have_no_copies_until_they_are_planted(shared_data):
    paths = sorted(shared_data("flowers5").glob("val/*/*.jpg"))[::4]
    originals = [Image.open(path).convert("RGB") for path in paths]
    generator = np.random.default_rng(0)
    altered = [ALTERATIONS["cropped, brighter and saved badly"](image, generator) for image in originals]

    found = pairs(thumbnails(*originals, *altered))

    planted = {(n, n + len(originals)) for n in range(len(originals))}
    assert len(found & planted) >= 0.95 * len(planted)
    assert set() == found - planted


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures_are_no_trouble(count):
    assert () == near_copies(thumbnails(*(scene(seed) for seed in range(2)))[:count])


def test_progress_counts_up_to_all():
    said = []

    near_copies(thumbnails(*(scene(seed) for seed in range(5))), progress=lambda *now: said.append(now))

    assert said[-1] == (5, 5)
