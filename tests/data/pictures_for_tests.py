"""Small pictures made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor


def noise(height: int = 12, width: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Reproducible uint8 noise, H, W, C (H, W for one channel)."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@dataclass(frozen=True)
class Unvaried:
    """A transform that varies nothing, with the signature of one that does."""

    transform: Callable[[np.ndarray], Tensor]

    def __call__(self, pixels: np.ndarray, seed: int) -> Tensor:
        return self.transform(pixels)


def save(path: Path, seed: int = 0, **size: int) -> Path:
    """Save noise as a picture, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed=seed, **size)).save(path)
    return path


def class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Folders with so many different pictures each: {"train/cat": 3, "val/dog": 2}."""
    seed = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            save(root / folder / f"{number}.png", seed=seed)
    return root


def scene(seed: int, height: int = 90, width: int = 120) -> Image.Image:
    """A picture with things on it, unlike any other: boxes of many sizes, over one another."""
    generator = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), generator.integers(0, 256, 3), np.uint8)
    for _ in range(40):
        y, x = generator.integers(0, height), generator.integers(0, width)
        h, w = generator.integers(4, height // 2), generator.integers(4, width // 2)
        pixels[y : y + h, x : x + w] = generator.integers(0, 256, 3)
    return Image.fromarray(pixels)
