"""Pictures that are decoded once and kept, in memory or in one file; those to learn from are made smaller.

Only while training: what is scored in the end is always read anew from its file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import IO, Literal

import numpy as np
from PIL import Image

from swinkit.data.containers import Decoded
from swinkit.data.samples import Sample
from swinkit.errors import DataError
from swinkit.writing import write_atomically

Where = Literal["ram", "disk"]
Count = Callable[[int, int], object]


def side_needed(image_size: tuple[int, int], least_area: float) -> int:
    """Pixels of the shorter side with which no random crop has fewer pixels than the input wants.

    least_area: the smallest crop's share of a picture.
    """
    return ceil(max(image_size) / least_area**0.5)


def kept(
    samples: Sequence[Sample],
    *,
    side: int | None,
    channels: int | None,
    own_values: bool = False,
    file: Path | None,
    count: Count,
) -> tuple[Sample, ...]:
    """The samples with pictures in place of their files; those of other than 8 bits stay as they are.

    side: pixels that a shorter side has at most; None: all are kept whole. channels, own_values: as
    `Sample.pixels` takes them. file: where to keep them; None: in memory. A file of the same pictures, by
    name, size and date, is used again. count: told (number done, number in all).
    A picture that cannot be read stays as it is too: whoever trains on it names it.
    """
    small = partial(_small, side=side, channels=channels, own_values=own_values)
    if file is None:
        replaced = (_with(sample, small(sample)) for sample in samples)
        return tuple(_counted(replaced, len(samples), count))
    key = _key(samples, f"{side} {channels} {own_values}")
    index = file.with_suffix(".json")
    places = _places(index, key) if file.exists() else None
    if places is None:
        places = _write(file, samples, small, count)
        write_atomically(index, json.dumps({"key": key, "places": [place.to_list() for place in places]}))
    return tuple(_with(sample, place.within(file)) for sample, place in zip(samples, places, strict=True))


@dataclass(frozen=True)
class _Place:
    """Where a picture lies in the file; no pixels: it is not in it."""

    offset: int
    shape: tuple[int, ...]

    def within(self, file: Path) -> Decoded | None:
        """What travels to loader processes: where the picture lies, in place of its pixels."""
        return Decoded(file, self.offset, self.shape) if self.shape else None

    def to_list(self) -> list[int]:
        return [self.offset, *self.shape]


def _write(
    file: Path, samples: Sequence[Sample], small: Callable[[Sample], np.ndarray | None], count: Count
) -> list[_Place]:
    places: list[_Place] = []

    def write(opened: IO[bytes]) -> None:
        offset = 0
        for sample in _counted(iter(samples), len(samples), count):
            pixels = small(sample)
            places.append(_Place(offset, () if pixels is None else pixels.shape))
            if pixels is not None:
                opened.write(pixels.tobytes())
                offset += pixels.nbytes

    write_atomically(file, write)
    return places


def _places(index: Path, key: str) -> list[_Place] | None:
    try:
        written = json.loads(index.read_text("utf-8"))
        if written["key"] == key:
            return [_Place(offset, tuple(shape)) for offset, *shape in written["places"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never finished, or of other pictures: it is written anew
    return None


def _small(sample: Sample, *, side: int | None, channels: int | None, own_values: bool) -> np.ndarray | None:
    """(h, w, C) uint8, or None for what is not to be kept."""
    try:
        pixels = sample.pixels(channels, own_values=own_values)
    except DataError:
        return None
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        return None
    height, width = pixels.shape[:2]
    if side is None or side >= min(height, width):
        return pixels
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    shown = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    return np.asarray(shown.resize(size, Image.Resampling.BICUBIC)).reshape(size[1], size[0], -1)


def _with(sample: Sample, pixels: np.ndarray | Decoded | None) -> Sample:
    return sample if pixels is None else replace(sample, source=pixels)


def _key(samples: Sequence[Sample], how: str) -> str:
    lines = [f"{sample.path}\0{sample.size_in_bytes()}\0{_date(sample)}" for sample in samples]
    text = "\n".join([how, *lines])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _date(sample: Sample) -> int:
    return sample.source.stat().st_mtime_ns if isinstance(sample.source, Path) else 0


def _counted(items: Iterator[Sample], total: int, count: Count) -> Iterator[Sample]:
    for done, item in enumerate(items, start=1):
        yield item
        count(done, total)
