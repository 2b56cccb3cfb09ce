"""RandAugment: each operation against timm's, and how the operations are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.data import randaugment
from swinkit.data.randaugment import OPERATIONS, Canvas, TimmRandAugment

from .pictures_for_tests import noise

CANVAS = Canvas((124, 116, 104), Image.Resampling.BICUBIC)
GREY = Canvas((117,), Image.Resampling.BICUBIC)
IN_TIMM = {
    "auto contrast": "AutoContrast",
    "equalise": "Equalize",
    "invert": "Invert",
    "rotate": "Rotate",
    "posterise": "PosterizeIncreasing",
    "solarise": "SolarizeIncreasing",
    "solarise add": "SolarizeAdd",
    "saturation": "ColorIncreasing",
    "contrast": "ContrastIncreasing",
    "brightness": "BrightnessIncreasing",
    "sharpness": "SharpnessIncreasing",
    "shear x": "ShearX",
    "shear y": "ShearY",
    "translate x": "TranslateXRel",
    "translate y": "TranslateYRel",
}


def photograph(mode: str = "RGB") -> Image.Image:
    """Smooth, with some noise, of a narrow range: every operation changes it."""
    y, x = np.mgrid[0:37, 0:52]
    smooth = np.stack([40 + 2 * y, 60 + 2 * x, 90 + y + x], axis=2)
    return Image.fromarray((smooth + noise(37, 52) // 16).astype(np.uint8)).convert(mode)


def by_timm(
    name: str, image: Image.Image, strength: float, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> Image.Image:
    from timm.data import auto_augment

    monkeypatch.setattr(auto_augment.random, "random", lambda: 0.9 if strength < 0 else 0.1)
    fill = canvas.fill if len(canvas.fill) > 1 else canvas.fill[0]
    operation = auto_augment.AugmentOp(
        IN_TIMM[name],
        prob=1.0,
        magnitude=abs(strength) * 10,
        hparams={"img_mean": fill, "interpolation": canvas.resample},
    )
    return operation(image)


@pytest.mark.peers
@pytest.mark.parametrize("strength", [0.0, 0.33, -0.33, 0.9, -0.9, 0.99, -0.99])
@pytest.mark.parametrize(("mode", "canvas"), [("RGB", CANVAS), ("L", GREY)], ids=["colour", "grey"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_timms_to_the_last_bit(name, mode, canvas, strength, monkeypatch):
    pytest.importorskip("timm")
    image = photograph(mode)

    expected = by_timm(name, image, strength, canvas, monkeypatch)

    np.testing.assert_array_equal(np.array(expected), np.array(OPERATIONS[name](image, strength, canvas)))


def test_to_posterise_at_full_strength_leaves_nothing():
    """timm asks Pillow for 0 bits, which gave black until Pillow came to refuse it."""
    black = OPERATIONS["posterise"](photograph(), 1.0, CANVAS)

    assert (0, 0) == black.convert("L").getextrema()


@pytest.mark.peers
def test_the_operations_drawn_from_and_their_settings_are_timms():
    auto_augment = pytest.importorskip("timm.data.auto_augment")
    published = auto_augment.rand_augment_transform("rand-m9-mstd0.5-inc1", {})

    assert [op.name for op in published.ops] == [IN_TIMM[name] for name in OPERATIONS]
    assert (published.num_layers, published.choice_weights) == (randaugment.OPERATIONS_DRAWN, None)
    assert {(op.magnitude / 10, op.magnitude_std / 10, op.prob) for op in published.ops} == {
        (randaugment.STRENGTH, randaugment.SPREAD, 1 - randaugment.LEFT_OUT)
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_leaves_a_photograph_as_it_was(name):
    image = photograph()

    assert not np.array_equal(np.array(image), np.array(OPERATIONS[name](image, 0.9, CANVAS)))


def drawn(monkeypatch, seeds: int) -> list[list[tuple[str, float]]]:
    """Which operations are applied to how strong, for each seed."""
    found: list[list[tuple[str, float]]] = []

    def noting(name):
        def operation(image, strength, canvas):
            found[-1].append((name, strength))
            return image

        return operation

    monkeypatch.setattr(randaugment, "OPERATIONS", {name: noting(name) for name in OPERATIONS})
    for seed in range(seeds):
        torch.manual_seed(seed)
        found.append([])
        TimmRandAugment(CANVAS)(torch.zeros(3, 4, 4, dtype=torch.uint8))
    return found


def test_each_of_two_operations_is_left_out_half_of_the_time(monkeypatch):
    numbers = [len(operations) for operations in drawn(monkeypatch, 2000)]

    shares = [numbers.count(number) / len(numbers) for number in range(3)]
    assert [0.25, 0.5, 0.25] == pytest.approx(shares, abs=0.04)  # four deviations of 2,000 draws


def test_operations_are_drawn_alike_with_either_sign_and_strengths_about_nine_tenths(monkeypatch):
    applied = [one for operations in drawn(monkeypatch, 3000) for one in operations]

    names = [name for name, _ in applied]
    assert all(140 < names.count(name) < 260 for name in OPERATIONS)  # 200 expected
    strengths = np.array([strength for _, strength in applied])
    assert 0.5 == pytest.approx((strengths < 0).mean(), abs=0.04)
    assert 0.9 == pytest.approx(np.abs(strengths).mean(), abs=0.01)
    assert np.abs(strengths).max() <= 1
    assert 0.04 < np.abs(strengths).std() < 0.055


@pytest.mark.parametrize(("channels", "canvas"), [(3, CANVAS), (1, GREY)])
def test_pixels_come_back_in_their_layout_and_are_not_changed_in_place(channels, canvas):
    pixels = torch.from_numpy(noise(9, 14, 3)[..., :channels].copy()).permute(2, 0, 1).contiguous()
    before = pixels.clone()

    results = []
    for seed in range(20):
        torch.manual_seed(seed)
        results.append(TimmRandAugment(canvas)(pixels))

    assert {((channels, 9, 14), torch.uint8)} == {(tuple(r.shape), r.dtype) for r in results}
    assert torch.equal(before, pixels)
    assert any(not torch.equal(before, r) for r in results)
