"""A picture that needs no file: embedded digits painted on sand, lit from one corner."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from swinkit.data import digits

SIDE = 512  # pixels

# (scan, left and top in pixels, size in pixels, degrees, paint)
_PAINTED = (
    (2, -8, -6, 218, 8, (181, 58, 44)),
    (13, 162, -20, 176, -8, (244, 235, 214)),
    (15, 302, 10, 220, 6, (31, 78, 107)),
    (27, 6, 172, 180, -8, (240, 178, 62)),
    (8, 154, 134, 236, 3, (244, 235, 214)),
    (14, 336, 208, 186, 8, (181, 58, 44)),
    (16, -2, 316, 206, -6, (31, 78, 107)),
    (9, 168, 322, 180, 8, (240, 178, 62)),
    (10, 322, 336, 186, -8, (244, 235, 214)),
)


def scene() -> np.ndarray:
    """Nine digits on textured ground, always the same. (512, 512, 3) uint8"""
    samples = digits().samples
    picture = Image.fromarray(_sand(np.random.default_rng(7)))
    for scan, left, top, size, degrees, paint in _PAINTED:
        shape = _shape(samples[scan].pixels(), size, degrees)
        shadow = shape.point(lambda value: value * 0.6).filter(ImageFilter.GaussianBlur(size / 28))
        picture.paste((52, 40, 30), (left + size // 22, top + size // 18), shadow)
        picture.paste(paint, (left, top), shape)
    return _lit(np.asarray(picture))


def _sand(random: np.random.Generator) -> np.ndarray:
    """Waves and grains at several scales. (SIDE, SIDE, 3) uint8"""
    height = np.zeros((SIDE, SIDE), np.float32)
    for cells, strength in ((4, 1.0), (9, 0.6), (24, 0.3), (96, 0.18), (SIDE, 0.22)):
        noise = random.standard_normal((cells, cells)).astype(np.float32)
        large = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        height += strength * np.asarray(large)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    height += 0.5 * np.sin(46 * rows + 9 * columns + 1.3 * height)
    share = (0.5 + 0.17 * height).clip(0, 1)[..., None]
    dark, light = np.array((150, 124, 96)), np.array((222, 203, 172))
    return (dark + (light - dark) * share).astype(np.uint8)


def _shape(scan: np.ndarray, size: int, degrees: float) -> Image.Image:
    """A scan as a crisp, slightly turned stencil, 0…255."""
    framed = np.pad(scan[..., 0], 8)  # strokes reach the edge of a scan
    large = Image.fromarray(framed).resize((2 * size, 2 * size), Image.Resampling.BICUBIC)
    smooth = large.filter(ImageFilter.GaussianBlur(size / 24)).rotate(degrees, Image.Resampling.BICUBIC)
    crisp = smooth.point(lambda value: max(0, min(255, (value - 118) * 12)))
    return crisp.resize((size, size), Image.Resampling.LANCZOS)


def _lit(pixels: np.ndarray) -> np.ndarray:
    """Brighter at the upper left, darker at the lower right."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    light = 1.12 - 0.3 * (rows + columns) / 2
    return (pixels * light[..., None]).clip(0, 255).astype(np.uint8)
