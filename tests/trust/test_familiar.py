from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from swinkit.data import read
from swinkit.models import Preprocess
from swinkit.trust.familiar import MOST_NUMBERS, Familiar, Ordinary, look

RNG = np.random.default_rng(0)


def written_page(background: int, ink: int, *, menu: bool = False) -> np.ndarray:
    """What a screen shows: lines of text on an even ground, and perhaps a title and a menu."""
    page = Image.new("RGB", (1280, 800), (background,) * 3)
    draw = ImageDraw.Draw(page)
    if menu:
        draw.rectangle((0, 0, 1280, 40), fill=(60, 60, 70))
        draw.rectangle((0, 40, 240, 800), fill=(240, 240, 245))
        draw.rectangle((900, 600, 1100, 660), fill=(30, 120, 240))
    for y in range(60, 780, 18):
        draw.text((260, y), "the quick brown fox jumps over the lazy dog " * 3, fill=(ink,) * 3)
    return np.asarray(page)


STRANGE = {
    "noise": RNG.integers(0, 256, (240, 320, 3), dtype=np.uint8),
    "grey noise": np.repeat(RNG.integers(0, 256, (240, 320, 1), dtype=np.uint8), 3, axis=2),
    "soft noise": RNG.normal(128, 40, (240, 320, 3)).clip(0, 255).astype(np.uint8),
    "black": np.zeros((240, 320, 3), np.uint8),
    "white": np.full((240, 320, 3), 255, np.uint8),
    "window": written_page(255, 20, menu=True),
    "document": written_page(255, 0),
    "terminal": written_page(0, 220),
}


def looks(pictures: list[np.ndarray], size: int) -> np.ndarray:
    preprocess = Preprocess(image_size=(size, size))
    return look(torch.stack([preprocess(picture) for picture in pictures])).double().numpy()


@pytest.mark.parametrize("size", [32, 64, 224])
def test_noise_blank_frames_and_screenshots_are_no_photographs(
    size: int, shared_data: Callable[[str], Path]
) -> None:
    """Told by the flowers of val; of as many others, a few in a hundred may be called strange too."""
    files, more = (sorted(shared_data(f"flowers5/{part}").rglob("*.jpg")) for part in ("val", "train"))
    ours = looks([read(path) for path in files], size)
    others = looks([read(path) for path in more[::4]], size)
    ordinary = Ordinary.of(ours, np.zeros(len(ours)), together=True)

    strange = dict(
        zip(STRANGE, ordinary.strangeness(looks(list(STRANGE.values()), size)).tolist(), strict=True)
    )

    assert {} == {name: value for name, value in strange.items() if value <= 1}
    assert (ordinary.strangeness(others) > 1).mean() <= 0.05


def test_features_far_from_every_class_are_strange() -> None:
    labels = np.arange(400) % 2
    features = RNG.normal(0, 1, (400, 8)) + 10 * labels[:, None]
    familiar = Familiar.of(RNG.normal(0, 1, (400, 3)), features, labels)

    found = familiar.strangeness(np.zeros((3, 3)), np.stack([np.zeros(8), np.full(8, 10.0), np.full(8, 5.0)]))

    assert (found[:2] < 1).all()
    assert found[2] > 2  # between the classes, where neither is


def test_one_new_picture_in_a_hundred_is_beyond_the_limit() -> None:
    numbers = RNG.normal(0, 1, (1000, 4)) @ RNG.normal(0, 1, (4, 4))
    ordinary = Ordinary.of(numbers, np.zeros(1000), together=True)

    new = RNG.normal(0, 1, (20_000, 4)) @ np.linalg.cholesky(np.cov(numbers.T)).T
    assert 0.01 == pytest.approx((ordinary.strangeness(new) > 1).mean(), abs=0.007)


def test_it_survives_the_way_through_json_to_the_last_bit() -> None:
    labels = np.arange(50) % 2
    numbers, features = RNG.normal(0, 1, (50, 3)), RNG.normal(0, 1, (50, 6))
    familiar = Familiar.of(numbers, features, labels)

    again = Familiar.from_dict(json.loads(json.dumps(familiar.to_dict())))

    assert familiar == again
    assert (familiar.strangeness(numbers, features) == again.strangeness(numbers, features)).all()


def test_a_file_holds_only_so_many_numbers() -> None:
    labels = np.arange(90)
    familiar = Familiar.of(RNG.normal(0, 1, (90, 3)), RNG.normal(0, 1, (90, MOST_NUMBERS // 80)), labels)

    assert familiar.features is None
    assert (3,) == familiar.strangeness(np.zeros((3, 3)), np.zeros((3, MOST_NUMBERS // 80))).shape


def test_tiny_pictures_and_other_channels_can_be_looked_at() -> None:
    assert (2, 5 + 1 + 5 + 1) == look(torch.zeros(2, 5, 1, 1)).shape
    assert (1, 4 + 1 + 4 + 1 + 2 * 4) == look(torch.zeros(1, 4, 4, 7)).shape
