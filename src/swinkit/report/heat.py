"""Where the model looked, laid over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from swinkit.drawings import images
from swinkit.report.numbers import Number, percent, pointer
from swinkit.report.thumbnails import Album, Thumbnail, thumbnail
from swinkit.trust.assessment import Looked, LookedFor

SIDE = 240  # pixels of the longer side
_OPAQUE = 0.75  # of the brightest place: the picture stays visible below it
_DIMMED = 0.55  # the picture below, grey, so that what is bright or coloured is heat


@dataclass(frozen=True, slots=True)
class Overlay:
    """A picture beside itself with the heat on it."""

    looked: Looked | LookedFor
    sure: Number
    picture: Thumbnail
    heat: Thumbnail


def overlays(found: Sequence[Looked | LookedFor], album: Album) -> tuple[Overlay, ...]:
    """Those whose picture can be read."""
    made = []
    for row, looked in enumerate(found):
        pixels = album.pixels(looked.image)
        if pixels is not None:
            picture = _enlarged(pixels)
            heat = heated(picture, np.array(looked.heat, np.float32))
            sure = Number(
                looked.probability,
                percent(looked.probability),
                f"evaluation.json#{pointer('looked', row, 'probability')}",
            )
            made.append(Overlay(looked, sure, thumbnail(picture, SIDE), thumbnail(heat, SIDE)))
    return tuple(made)


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Heat (rows, columns), 0 to 1, over a picture (H, W, 3): as bright as it is strong. (H, W, 3) uint8"""
    height, width = picture.shape[:2]
    smooth = Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR)
    values = np.asarray(smooth).clip(0, 1)
    grey = _DIMMED * picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    share = _OPAQUE * values[..., None]
    return ((1 - share) * grey + share * images.magnitudes(values, 0, 1)).round().astype(np.uint8)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """At the size in which it is shown, so that heat on tiny pictures is smooth as well."""
    height, width = pixels.shape[:2]
    factor = SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    kind = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(pixels).resize(size, kind, reducing_gap=2 if factor < 1 else None))
