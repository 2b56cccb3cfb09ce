"""Photographs altered as copies in the wild are."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

Alteration = Callable[[Image.Image, np.random.Generator], Image.Image]


def resaved(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def cropped(image: Image.Image, generator: np.random.Generator, share: float) -> Image.Image:
    """Without `share` of either side, from anywhere."""
    width, height = image.size
    w, h = round(width * (1 - share)), round(height * (1 - share))
    x, y = int(generator.integers(0, width - w + 1)), int(generator.integers(0, height - h + 1))
    return image.crop((x, y, x + w, y + h))


ALTERATIONS: dict[str, Alteration] = {
    "mirrored": lambda image, _: resaved(ImageOps.mirror(image), 90),
    "cropped by 10 %": lambda image, generator: resaved(cropped(image, generator, 0.1), 90),
    "saved at quality 40": lambda image, _: resaved(image, 40),
    "half as large": lambda image, _: resaved(image.resize((image.width // 2, image.height // 2)), 85),
    "brighter": lambda image, _: resaved(ImageEnhance.Brightness(image).enhance(1.3), 85),
    "darker": lambda image, _: resaved(ImageEnhance.Brightness(image).enhance(0.6), 85),
    "turned on its side": lambda image, _: resaved(image.transpose(Image.Transpose.ROTATE_90), 80),
    "cropped, brighter and saved badly": lambda image, generator: resaved(
        ImageEnhance.Brightness(cropped(image, generator, 0.08)).enhance(1.15), 50
    ),
}
