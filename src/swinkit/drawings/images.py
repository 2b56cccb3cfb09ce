"""Arrays as pictures inside the page: data URIs, and the colours of numbers."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

# Ramps by a few stops, dark to light or cold to warm; readable with every kind of colour vision.
MAGNITUDE = ((13, 8, 35), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
SIGNED = ((25, 84, 132), (120, 172, 208), (245, 244, 240), (237, 158, 106), (165, 62, 20))

REGIONS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (120, 94, 240),
    (150, 150, 150),
)
"""One colour for each of the nine regions, after Okabe and Ito; each also carries a letter."""


def png(pixels: np.ndarray) -> str:
    """A lossless data URI. (H, W), (H, W, 3) or (H, W, 4) uint8"""
    return _uri(Image.fromarray(pixels), "PNG", optimize=True)


def jpeg(pixels: np.ndarray, quality: int = 84) -> str:
    """A data URI for photographs. (H, W, 3) uint8"""
    return _uri(Image.fromarray(pixels), "JPEG", quality=quality, optimize=True)


def magnitudes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers as colours from dark to bright. (H, W) -> (H, W, 3) uint8"""
    return _ramp((values - low) / max(high - low, 1e-12), MAGNITUDE)


def signed(values: np.ndarray, limit: float) -> np.ndarray:
    """Numbers as colours from blue over white to orange; white is 0. (H, W) -> (H, W, 3) uint8"""
    return _ramp(values / (2 * max(limit, 1e-12)) + 0.5, SIGNED)


def magnitudes_png(values: np.ndarray, low: float, high: float) -> str:
    """The same as a data URI. (H, W)"""
    return _ramp_png((values - low) / max(high - low, 1e-12), MAGNITUDE)


def signed_png(values: np.ndarray, limit: float) -> str:
    """The same as a data URI. (H, W)"""
    return _ramp_png(values / (2 * max(limit, 1e-12)) + 0.5, SIGNED)


def mask_picture(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """A mask (N, N) of queries by keys: what is allowed in the colour of its region, the rest clear.
    (N, N, 4) uint8"""
    colours = np.array(REGIONS, dtype=np.uint8)[regions]  # N, 3
    picture = np.zeros((*mask.shape, 4), dtype=np.uint8)
    picture[..., :3] = colours[:, None]
    picture[..., 3] = np.where(mask == 0, 255, 0)
    return picture


def base64_of(values: np.ndarray) -> str:
    """The bytes of an array, row by row."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _ramp(share: np.ndarray, stops: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    places = np.linspace(0, 1, len(stops))
    channels = [np.interp(share.clip(0, 1), places, [stop[i] for stop in stops]) for i in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _ramp_png(share: np.ndarray, stops: tuple[tuple[int, int, int], ...]) -> str:
    """One byte a cell and a palette: a third of the size of colours."""
    image = Image.fromarray((share.clip(0, 1) * 255).round().astype(np.uint8)).convert("P")
    image.putpalette(_ramp(np.linspace(0, 1, 256), stops).tobytes())
    return _uri(image, "PNG", optimize=True)


def _uri(image: Image.Image, kind: str, **options: int | bool) -> str:
    stored = io.BytesIO()
    image.save(stored, kind, **options)
    encoded = base64.b64encode(stored.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{encoded}"
