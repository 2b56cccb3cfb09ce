"""Augmentation whose every choice comes from the seed of the sample."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from swinkit.data.transforms import (
    DIGITS,
    PHOTOGRAPHS,
    SMALL_PHOTOGRAPHS,
    Augmentation,
    Policy,
    normalised,
    sample_seed,
    train_transform,
)
from swinkit.errors import ConfigError
from swinkit.models import Preprocess

from .pictures_for_tests import noise

FACTS = {"image_size": (24, 32), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
NOTHING = Augmentation(crop_scale=(1, 1), crop_ratio=(1, 1), flip=0, colour=0, erasing=0)
ALL = {"photographs": PHOTOGRAPHS, "small photographs": SMALL_PHOTOGRAPHS, "digits": DIGITS}


@pytest.mark.parametrize("augmentation", ALL.values(), ids=ALL)
@pytest.mark.parametrize("size", [(40, 50), (24, 32), (1, 1), (5, 200)], ids=str)
def test_any_picture_becomes_the_wanted_size(augmentation, size):
    transform = train_transform(augmentation, **FACTS)

    tensor = transform(noise(*size), 1)

    assert ((3, 24, 32), torch.uint8, True) == (tensor.shape, tensor.dtype, tensor.is_contiguous())


@pytest.mark.parametrize("augmentation", ALL.values(), ids=ALL)
def test_the_seed_decides_everything_and_nothing_else_does(augmentation):
    transform = train_transform(augmentation, **FACTS)
    pixels = noise(40, 50)

    first = transform(pixels, 1)
    torch.manual_seed(99)
    np.random.seed(99)
    other = transform(pixels, 2)
    again = pickle.loads(pickle.dumps(transform))(pixels, 1)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_global_generator_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    train_transform(PHOTOGRAPHS, **FACTS)(noise(), 1)

    assert torch.equal(expected, torch.rand(3))


def test_the_pixels_are_left_as_they_were():
    pixels = noise(40, 50)
    pixels.setflags(write=False)  # torch would warn of a tensor over memory that must not change

    train_transform(PHOTOGRAPHS, **FACTS)(pixels, 1)

    np.testing.assert_array_equal(noise(40, 50), pixels)


def test_without_variation_only_scaling_and_normalising_are_left():
    transform = train_transform(NOTHING, **{**FACTS, "image_size": (16, 16)})
    pixels = noise(16, 16)

    tensor = normalised(transform(pixels, 3), FACTS["mean"], FACTS["std"])

    expected = (pixels.transpose(2, 0, 1) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(expected, tensor.numpy(), atol=1e-6)


def test_a_small_picture_is_shifted_within_its_padding_and_not_scaled():
    shift_only = Augmentation(padding=3, flip=0, colour=0, erasing=0)
    transform = train_transform(shift_only, image_size=(16, 16), mean=(0.0,) * 3, std=(1.0,) * 3)
    pixels = noise(16, 16)
    padded = np.pad(pixels, ((3, 3), (3, 3), (0, 0))).transpose(2, 0, 1)
    windows = {(y, x): padded[:, y : y + 16, x : x + 16] for y in range(7) for x in range(7)}

    found = {
        place
        for seed in range(60)
        for place, window in windows.items()
        if np.array_equal(window, transform(pixels, seed).numpy())
    }

    assert len(found) > 20


def test_digits_are_never_mirrored():
    """A mark on the left stays on the left, whatever else is varied."""
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[8:24, 8:11] = 255
    transform = train_transform(DIGITS, image_size=(32, 32), mean=(0.0,) * 3, std=(1.0,) * 3)

    lefts = [transform(pixels, seed)[0, :, :16].sum() > 2550 for seed in range(30)]

    assert all(lefts)


def test_mirroring_happens_about_as_often_as_asked():
    flip_only = Augmentation(crop_scale=(1, 1), crop_ratio=(1, 1), flip=0.25, colour=0, erasing=0)
    transform = train_transform(flip_only, image_size=(8, 8), mean=(0.0,) * 3, std=(1.0,) * 3)
    pixels = noise(8, 8)
    upright = torch.tensor(pixels).permute(2, 0, 1)

    mirrored = sum(torch.equal(transform(pixels, seed).flip(2), upright) for seed in range(400))

    assert 70 < mirrored < 130


@pytest.mark.parametrize("channels", [1, 5])
def test_other_numbers_of_channels_are_augmented_too(channels):
    transform = train_transform(PHOTOGRAPHS, image_size=(8, 8), mean=(0.5,) * channels, std=(1.0,) * channels)
    pixels = noise(20, 20, 5)[..., :channels]

    assert (channels, 8, 8) == transform(pixels, 1).shape


@pytest.mark.parametrize("policy", [None, *get_args(Policy)])
def test_measurements_in_three_channels_keep_their_values(policy):
    """Colours are varied only between 0 and 1, where measurements need not lie."""
    wanted = replace(NOTHING, policy=policy, colour=0.9)
    facts = {"image_size": (6, 6), "mean": (0.5,) * 3, "std": (1.0,) * 3}
    values = np.full((6, 6, 3), 1234.5, np.float32)

    found = train_transform(wanted, coloured=False, **facts)(values, 0)

    assert {1234.5} == set(found.unique().tolist())


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_training_prepares_measurements_as_prediction_does(kind):
    """Scaled alike, and gaps become the mean on both sides."""
    values = np.random.default_rng(0).integers(0, 250, (6, 6, 2)).astype(kind)
    if kind == "float32":
        values[2, 3] = [np.nan, np.inf]
    facts = {"mean": (100.0, 0.4), "std": (10.0, 0.2)}
    transform = train_transform(NOTHING, image_size=(6, 6), **facts)

    found = normalised(transform(values, 0), **facts)

    expected = Preprocess(image_size=(6, 6), own_values=True, **facts)(values)
    torch.testing.assert_close(expected, found.reshape(2, 6, 6), rtol=1e-6, atol=1e-6)
    assert found.isfinite().all()


def test_what_is_erased_becomes_noise_around_the_mean():
    """In pixels, so that after normalising the noise has mean 0 and deviation 1, as far as pixels reach."""
    facts = {"mean": (0.5,) * 3, "std": (0.1,) * 3}
    transform = train_transform(replace(NOTHING, erasing=1.0), image_size=(64, 64), **facts)
    black = np.zeros((64, 64, 3), np.uint8)

    found = normalised(torch.stack([transform(black, seed) for seed in range(20)]), **facts)

    noise = found[found > -4.9]
    assert 0.02 < noise.numel() / found.numel() < 0.34
    assert abs(noise.mean()) < 0.05
    assert 0.95 < noise.std() < 1.05


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "nearest", "lanczos"])
def test_every_interpolation_of_a_checkpoint_can_be_trained_with(interpolation):
    transform = train_transform(PHOTOGRAPHS, **FACTS, interpolation=interpolation)

    assert transform(noise(60, 60), 1).shape == (3, 24, 32)


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(ConfigError, match="'cubic' is unknown"):
        train_transform(PHOTOGRAPHS, **FACTS, interpolation="cubic")


def test_all_impossible_settings_are_named_at_once():
    with pytest.raises(ConfigError, match=r"crop_scale = \(0, 2\).*flip = 1\.5.*colour = 3"):
        Augmentation(crop_scale=(0, 2), flip=1.5, colour=3)


def test_seeds_of_samples_do_not_collide():
    seeds = {sample_seed(s, e, i) for s in range(5) for e in range(10) for i in range(200)}

    assert len(seeds) == 10_000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_of_samples_are_the_same_for_ever():
    assert sample_seed(0, 0, 0) == 4808561972376111626


# What may be switched on


POLICIES = get_args(Policy)


def only(**wanted: object) -> Augmentation:
    """Nothing but what is named."""
    return replace(NOTHING, **wanted)


def varied(augmentation: Augmentation, seeds: range, channels: int = 3) -> list[torch.Tensor]:
    transform = train_transform(
        augmentation, image_size=(24, 24), mean=(0.5,) * channels, std=(1.0,) * channels
    )
    ramp = np.linspace(30, 220, 24 * 24).reshape(24, 24, 1).repeat(channels, axis=2).astype(np.uint8)
    return [transform(ramp, seed) for seed in seeds]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_varies_most_pictures_in_many_ways(policy, channels):
    plain = varied(NOTHING, range(1), channels)[0]
    pictures = varied(only(policy=policy), range(40), channels)

    different = [picture for picture in pictures if not torch.equal(plain, picture)]
    assert len(different) > 15
    assert len({picture.numpy().tobytes() for picture in different}) > 10
    again = varied(only(policy=policy), range(40), channels)
    assert all(torch.equal(one, same) for one, same in zip(pictures, again, strict=True))


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_touches_channels_that_are_no_colours(policy):
    plain = varied(NOTHING, range(1), 4)[0]

    assert all(torch.equal(plain, one) for one in varied(only(policy=policy, colour=0.4), range(20), 4))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "nearest", "lanczos"])
def test_timms_policy_moves_pictures_with_every_interpolation(interpolation):
    transform = train_transform(only(policy="timm-randaugment"), **FACTS, interpolation=interpolation)

    assert {(3, 24, 32)} == {tuple(transform(noise(30, 40), seed).shape) for seed in range(20)}


def test_a_rectangle_of_the_wanted_share_is_erased_as_often_as_asked():
    plain = varied(NOTHING, range(1))[0]
    pictures = varied(only(erasing=0.3, erasing_area=(0.2, 0.25)), range(400))

    shares = [(picture != plain).any(dim=0).float().mean().item() for picture in pictures]
    erased = [share for share in shares if share > 0]
    assert 90 < len(erased) < 150
    assert all(0.17 < share < 0.28 for share in erased)  # sides are whole pixels


def test_turning_upside_down_happens_about_as_often_as_asked():
    plain = varied(NOTHING, range(1))[0]
    pictures = varied(only(flip_vertical=0.5), range(200))

    turned = [picture for picture in pictures if torch.equal(picture, plain.flip(1))]
    upright = [picture for picture in pictures if torch.equal(picture, plain)]
    assert 70 < len(turned) < 130
    assert 200 == len(turned) + len(upright)


def test_an_unknown_policy_and_an_impossible_area_are_refused():
    with pytest.raises(ConfigError, match=r"policy = randomise, expected None or randaugment.*erasing_area"):
        Augmentation(policy="randomise", erasing_area=(0.5, 0.1))
