"""A feature map as a picture: alike stays alike, and the share of variance is right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swinkit.drawings.features import lightness_and_colour, principal_colours


def test_a_map_of_three_directions_is_explained_whole() -> None:
    features = torch.randn(6, 5, 3) @ torch.randn(3, 40)
    picture, explained = principal_colours(features)
    assert picture.shape == (6, 5, 3)
    assert explained == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 1, 8), (1, 2, 2)], ids=str)
def test_a_map_of_one_or_two_tokens_is_still_a_picture(shape: tuple[int, int, int]) -> None:
    picture, _ = principal_colours(torch.randn(shape))
    assert picture.shape == (*shape[:2], 3)


def test_equal_tokens_have_equal_colours() -> None:
    features = torch.randn(4, 4, 16)
    features[3, 3] = features[0, 0]
    picture, _ = principal_colours(features)
    assert np.array_equal(picture[0, 0], picture[3, 3])


def test_lightness_alone_is_grey_and_rises() -> None:
    values = np.zeros((1, 5, 3))
    values[0, :, 0] = (-2, -1, 0, 1, 2)
    picture = lightness_and_colour(values).astype(int)[0]
    assert np.abs(picture - picture.mean(axis=1, keepdims=True)).max() <= 1
    assert (np.diff(picture[:, 0]) > 20).all()
