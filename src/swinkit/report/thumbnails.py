"""Small pictures for a page: upright, without metadata, as large as the page can afford."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from swinkit.data import Sample
from swinkit.drawings import images
from swinkit.errors import DataError

SIDE = 144
"""Pixels of the longer side: sharp at the size of a stamp on a dense screen."""
BUDGET = 5_000_000
"""Characters of data URIs in one page; with text and charts it stays below 10 MB."""
_PIXELATED = 64  # pictures below this side are enlarged, and show their pixels


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI (JPEG, made anew from pixels, so that no metadata comes along)."""

    uri: str
    width: int
    height: int

    @property
    def small(self) -> bool:
        return max(self.width, self.height) <= _PIXELATED


class Album:
    """Pictures by name, as thumbnails, until the page can hold no more.

    `left_out` counts those that were asked for and did not fit. What cannot be read has no thumbnail either,
    and does not count.
    """

    def __init__(self, samples: Iterable[Sample], *, budget: int = BUDGET) -> None:
        self._samples = {sample.name: sample for sample in samples}
        self._made: dict[str, Thumbnail | None] = {}
        self._budget = budget
        self.left_out = 0

    def thumbnail(self, name: str) -> Thumbnail | None:
        """The picture of that name; None where there is none, it cannot be read, or the page is full."""
        if name not in self._samples:
            return None
        if self._budget <= 0:
            self.left_out += 1
            return None
        if name not in self._made:
            pixels = self.pixels(name)
            self._made[name] = None if pixels is None else thumbnail(pixels)
        made = self._made[name]
        self._budget -= len(made.uri) if made else 0
        return made

    def pixels(self, name: str) -> np.ndarray | None:
        """The whole picture as a person can look at it, (H, W, 3) uint8; None where it cannot be read."""
        try:
            return shown(self._samples[name]) if name in self._samples else None
        except DataError:
            return None  # the page says in its place that there is no picture


def thumbnail(pixels: np.ndarray, side: int = SIDE) -> Thumbnail:
    """(H, W, 3) uint8 within a square of `side` pixels; smaller ones keep their size."""
    small = Image.fromarray(pixels)
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
    return Thumbnail(images.jpeg(np.asarray(small), quality=82), *small.size)


def shown(sample: Sample) -> np.ndarray:
    """A picture of any number of channels as colours: its first three channels, or its first, stretched.

    (H, W, 3) uint8. Raises DataError where it cannot be read.
    """
    try:
        return sample.pixels(3)
    except DataError:
        own = sample.pixels(None)  # measurements: other channel counts, or values without a known white
    channels = own[..., :3] if own.shape[2] >= 3 else own[..., :1].repeat(3, axis=2)
    low, high = np.nanpercentile(channels, (1, 99))
    share = (channels.astype(np.float32) - low) / max(float(high - low), 1e-12)
    return (np.nan_to_num(share).clip(0, 1) * 255).round().astype(np.uint8)
