"""Preprocessing against torchvision's transforms, pixel by pixel."""

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.data.vision import load_torchvision
from swinkit.errors import DataError
from swinkit.models import Preprocess


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(300, 400), (401, 299), (100, 90), (224, 224), (260, 1000)], ids=str)
def test_shortest_edge_and_crop_equal_torchvision(size):
    load_torchvision()
    from torchvision import transforms

    expected = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )(Image.fromarray(picture(*size)))
    preprocess = Preprocess(image_size=(224, 224), resize_to=(256, 256))
    assert torch.allclose(preprocess(picture(*size)), expected, atol=1e-6)
    assert torch.equal(preprocess(picture(*size)), preprocess(Image.fromarray(picture(*size))))


def test_squashing_ignores_the_pictures_shape():
    pixels = picture(100, 300)
    placed = Preprocess(image_size=(64, 64), squash=True).place(pixels)
    expected = np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC))
    assert np.array_equal(placed, expected)


def test_a_point_finds_its_way_back_to_the_original():
    placement = Preprocess(image_size=(224, 224), resize_to=(256, 256)).placement(512, 1024)
    assert placement.to_original(112, 112) == (256, 512)


def test_another_size_keeps_the_share_of_the_crop():
    larger = Preprocess(image_size=(224, 224), resize_to=(256, 256)).for_size((448, 448))
    assert larger.resize_to == (512, 512)


def test_settings_survive_json():
    preprocess = Preprocess(image_size=(224, 192), resize_to=(256, 220), mean=(0.5,), std=(0.2,))
    assert (
        Preprocess.from_dict(
            {k: list(v) if isinstance(v, tuple) else v for k, v in preprocess.to_dict().items()}
        )
        == preprocess
    )


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_scaled_by_their_types_largest_value(dtype, largest):
    preprocess = Preprocess(image_size=(4, 4), mean=(0.0,) * 5, std=(1.0,) * 5)
    assert torch.equal(preprocess(np.full((4, 4, 5), largest, dtype)), torch.ones(5, 4, 4))


def test_another_number_of_channels_is_refused():
    with pytest.raises(DataError, match=r"\(height, width, 3\).*\(8, 8, 4\)"):
        Preprocess(image_size=(4, 4))(np.zeros((8, 8, 4), np.uint8))
