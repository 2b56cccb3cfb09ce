from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.models import Preprocess, Swin, create_model
from swinkit.tasks import Prediction
from swinkit.trust.looked import heat, heats, looked, over_picture

SIDE, MARK = 32, 8
MEAN, STD = (0.6,) * 3, (0.3,) * 3


def marked(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Coloured clouds, each with a square whose colour alone is the class; its upper left corner. (B, 2)"""
    random = torch.Generator().manual_seed(seed)
    clouds = torch.rand(count, 3, SIDE // 4, SIDE // 4, generator=random)
    pictures = F.interpolate(clouds, (SIDE, SIDE), mode="bilinear")
    pictures = (pictures + 0.2 * torch.rand(pictures.shape, generator=random)).clamp(0, 1)
    classes = torch.randint(0, 2, (count,), generator=random)
    corners = torch.randint(0, SIDE - MARK + 1, (count, 2), generator=random)
    for picture, kind, (row, column) in zip(pictures, classes.tolist(), corners.tolist(), strict=True):
        square = picture[:, row : row + MARK, column : column + MARK]
        square.zero_()
        square[0 if kind else 2] = 1.0
    return (pictures - 0.6) / 0.3, classes, corners


@pytest.fixture(scope="module")
def model() -> Swin:
    """The smallest Swin, taught in 150 steps to tell the colours of the squares."""
    torch.manual_seed(0)
    model = create_model("swin_pico", classes=("blue", "red"), image_size=SIDE)
    model.preprocess = Preprocess(image_size=(SIDE, SIDE), mean=MEAN, std=STD)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for step in range(150):
        inputs, classes, _ = marked(32, seed=step)
        loss = F.cross_entropy(model(inputs), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def test_nine_of_ten_peaks_lie_in_the_one_thing_that_decides(model: Swin) -> None:
    inputs, classes, corners = marked(100, seed=1000)
    answers = model(inputs).argmax(dim=1)
    assert (answers == classes).float().mean() > 0.95

    peaks = heat(model, inputs, answers).flatten(1).argmax(dim=1)

    places = torch.stack([peaks // SIDE, peaks % SIDE], dim=1)
    inside = ((places >= corners) & (places < corners + MARK)).all(dim=1)
    assert inside[answers == classes].float().mean() >= 0.9


def picture(row: int, column: int, height: int, width: int, size: int) -> np.ndarray:
    """A grey picture of any size with one red square."""
    pixels = np.full((height, width, 3), 150, np.uint8)
    pixels[row : row + size, column : column + size] = (255, 0, 0)
    return pixels


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 48), (50, 120)])
def test_the_peak_is_where_the_square_is_in_a_picture_of_any_size(
    model: Swin, height: int, width: int
) -> None:
    side = min(height, width)
    row, column = (height - side) // 2 + side // 8, (width - side) // 2 + side // 2
    sample = Sample(name="a", label=None, source=picture(row, column, height, width, side // 4))

    places = np.array(next(heats(model, [sample])))

    peak = np.unravel_index(places.argmax(), places.shape)
    scale = height / places.shape[0], width / places.shape[1]
    assert row - scale[0] <= (peak[0] + 0.5) * scale[0] <= row + side / 4 + scale[0]
    assert column - scale[1] <= (peak[1] + 0.5) * scale[1] <= column + side / 4 + scale[1]


def test_what_was_cropped_away_has_no_heat() -> None:
    found = over_picture(torch.ones(32, 32), Preprocess(image_size=(32, 32)), 48, 96)

    shown = np.array(found)
    assert (24, 48) == shown.shape
    assert 1.0 == shown[:, 12:36].min()
    assert 0.0 == shown[:, :12].max() == shown[:, 36:].max()


def test_the_surest_mistakes_come_first_then_the_surest_right_answers(model: Swin) -> None:
    samples = [Sample(name=str(n), label=None, source=picture(8, 8 + n, 40, 40, 10)) for n in range(4)]
    said = [
        Prediction(image=str(n), label="red", probability=share, probabilities={})
        for n, share in enumerate((0.6, 0.9, 0.8, 0.7))
    ]

    found = looked(model, samples, said, ["blue", "red", "blue", "red"])

    assert ["2", "0", "1", "3"] == [one.image for one in found]
    assert [False, False, True, True] == [one.right for one in found]
    assert all(0 <= value <= 1 for one in found for row in one.heat for value in row)


def test_looking_changes_no_gradient_and_no_mode(model: Swin) -> None:
    model.train()
    list(heats(model, [Sample(name="a", label=None, source=picture(8, 8, 40, 40, 10))]))

    assert model.training
    assert all(parameter.grad is None or not parameter.grad.isnan().any() for parameter in model.parameters())
    model.eval()
