"""RandAugment in timm's flavour, `rand-m9-mstd0.5-inc1`, of Swin's published ImageNet recipes.

It differs from Cubuk et al. (2020) and torchvision: every operation grows with its strength, the strength
varies from picture to picture, and each of the two operations drawn is left out half of the time.

Operations work on Pillow images of mode RGB or L, as timm's do, and agree with those to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

OPERATIONS_DRAWN = 2
LEFT_OUT = 0.5
STRENGTH = 0.9
"""Mean of a normal distribution, 1 being the strongest: magnitude 9 of 10."""
SPREAD = 0.05
"""Its standard deviation: 0.5 of 10."""


@dataclass(frozen=True)
class Canvas:
    """What shows where a picture was moved away, and how moved pixels are interpolated."""

    fill: tuple[int, ...]
    """One value a channel."""
    resample: Image.Resampling


@dataclass(frozen=True)
class TimmRandAugment:
    """Uint8 C, H, W in, the same out, for 1 or 3 channels. Draws from torch's global generator."""

    canvas: Canvas

    def __call__(self, pixels: Tensor) -> Tensor:
        image = to_image(pixels)
        for number in torch.randint(len(OPERATIONS), (OPERATIONS_DRAWN,)).tolist():
            left_out, negative = (torch.rand(2) < torch.tensor([LEFT_OUT, 0.5])).tolist()
            strength = min(max(STRENGTH + SPREAD * float(torch.randn(())), 0.0), 1.0)
            if not left_out:
                operation = list(OPERATIONS.values())[number]
                image = operation(image, -strength if negative else strength, self.canvas)
        return to_pixels(image)


# The operations: (image, strength from -1 to 1, canvas) -> image -------------------------------------------
# The sign is a direction; where there is none, it means nothing.


def _auto_contrast(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageOps.autocontrast(image)


def _equalise(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageOps.equalize(image)


def _invert(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageOps.invert(image)


def _rotate(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return image.rotate(strength * 30.0, resample=canvas.resample, fillcolor=_colour(canvas))


def _posterise(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    """Keep 4 bits and fewer; at full strength none, which Pillow's own posterize has come to refuse."""
    kept = 0xFF & ~(2 ** (4 + int(abs(strength) * 4)) - 1)
    return _looked_up(image, [value & kept for value in range(256)])


def _solarise(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageOps.solarize(image, 256 - int(abs(strength) * 256))


def _solarise_add(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    """Brighten the darker half of the range."""
    more = int(abs(strength) * 110)
    return _looked_up(image, [min(255, value + more) if value < 128 else value for value in range(256)])


def _saturation(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Color(image).enhance(_factor(strength))


def _contrast(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(_factor(strength))


def _brightness(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_factor(strength))


def _sharpness(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(_factor(strength))


def _shear_x(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return _moved(image, (1, strength * 0.3, 0, 0, 1, 0), canvas)


def _shear_y(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return _moved(image, (1, 0, 0, strength * 0.3, 1, 0), canvas)


def _translate_x(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return _moved(image, (1, 0, strength * 0.45 * image.width, 0, 1, 0), canvas)


def _translate_y(image: Image.Image, strength: float, canvas: Canvas) -> Image.Image:
    return _moved(image, (1, 0, 0, 0, 1, strength * 0.45 * image.height), canvas)


OPERATIONS: dict[str, Callable[[Image.Image, float, Canvas], Image.Image]] = {
    "auto contrast": _auto_contrast,
    "equalise": _equalise,
    "invert": _invert,
    "rotate": _rotate,
    "posterise": _posterise,
    "solarise": _solarise,
    "solarise add": _solarise_add,
    "saturation": _saturation,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear x": _shear_x,
    "shear y": _shear_y,
    "translate x": _translate_x,
    "translate y": _translate_y,
}


def _factor(strength: float) -> float:
    """Of an enhancement: 1 changes nothing, 0 takes all away, 2 doubles; never below a tenth."""
    return max(0.1, 1.0 + strength * 0.9)


def _looked_up(image: Image.Image, table: list[int]) -> Image.Image:
    return image.point(table * len(image.getbands()))


def _moved(
    image: Image.Image, matrix: tuple[float, float, float, float, float, float], canvas: Canvas
) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=canvas.resample, fillcolor=_colour(canvas)
    )


def _colour(canvas: Canvas) -> int | tuple[int, ...]:
    return canvas.fill[0] if len(canvas.fill) == 1 else canvas.fill


def to_image(pixels: Tensor) -> Image.Image:
    """Uint8 C, H, W as a Pillow image."""
    array = pixels.permute(1, 2, 0).numpy()  # H, W, C
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else np.ascontiguousarray(array))


def to_pixels(image: Image.Image) -> Tensor:
    """Uint8 C, H, W of a Pillow image."""
    array = np.array(image)  # H, W or H, W, C
    return torch.from_numpy(array[..., None] if array.ndim == 2 else array).permute(2, 0, 1).contiguous()
