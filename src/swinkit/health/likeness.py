"""Which pictures look the same: re-saved, resized, turned, mirrored, slightly cropped or brightened copies.

Every picture comes as a small grey thumbnail, squeezed to a square. Candidates are found by comparing where
in the picture edges of which direction lie, which a crop changes little; then the pictures of each candidate
pair are laid upon one another, and their fine detail has to agree, further than chance explains.
N pictures, P pairs; thumbnails are S x S.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

THUMBNAIL = 64
"""Side of a thumbnail, pixels."""

_CELLS, _DIRECTIONS = 4, 8  # of the description: 4 x 4 places, 8 directions of edges
_NEIGHBOURS = 6  # nearest pictures that are looked at closely
_ALIKE = 0.62  # correlation of two descriptions from which it is worth the look
_FLAT = 3.0  # grey levels: pictures that vary less show nothing that could be compared
_MOST_SCALE, _MOST_SHIFT = 1.3, 0.3  # of a picture's side: what a crop can do to another's frame
_BLOCK = 1024  # pictures compared with all others at once
_AT_ONCE = 8_000_000  # likenesses held in memory, 4 bytes each
_PAIRS = 256  # pairs laid upon one another at once: they fit into a processor's cache


@dataclass(frozen=True, slots=True)
class _Level:
    """A resolution at which two pictures are laid upon one another, and how far they have to agree."""

    side: int
    steps: int
    whole: float
    detail: float


# From a trial on 1,348 photographs, of which tests/soak/test_likeness.py repeats a part.
_LEVELS = (
    _Level(side=16, steps=12, whole=0.60, detail=-1.0),
    _Level(side=32, steps=5, whole=0.80, detail=0.60),
    _Level(side=64, steps=2, whole=0.85, detail=0.62),
)
_BEYOND_CHANCE = 8.0  # standard deviations

_TURNS: tuple[tuple[bool, int, int], ...] = tuple(
    (transposed, down, right) for transposed in (False, True) for down in (1, -1) for right in (1, -1)
)


@dataclass(frozen=True, slots=True)
class Near:
    """Two pictures, by their place in the list, and how alike their fine detail is (1: in everything)."""

    first: int
    second: int
    likeness: float


def near_copies(
    thumbnails: np.ndarray, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Near, ...]:
    """Pairs of pictures that show the same. thumbnails: N, S, S uint8.

    Pictures that are all of one grey are left out: nothing in them could be compared.
    progress: called with (pictures done, pictures in all).
    """
    lively = np.flatnonzero(thumbnails.std(axis=(1, 2), dtype=np.float32) > _FLAT)
    if not len(lively):
        return ()
    images = thumbnails[lively]
    found: list[Near] = []
    with ThreadPoolExecutor() as pool:  # numpy computes outside Python's lock
        for first, second, turn in _candidates(images, pool, progress):
            parts = [slice(begin, begin + _PAIRS) for begin in range(0, len(first), _PAIRS)]
            likeness = pool.map(
                lambda part, first=first, second=second, turn=turn: _likeness(
                    images[first[part]], _turned(images[second[part]], turn[part])
                ),
                parts,
            )
            found += (
                Near(int(lively[a]), int(lively[b]), float(score))
                for a, b, score in zip(first, second, np.concatenate(list(likeness)), strict=True)
                if score > 0
            )
    return tuple(sorted(found, key=lambda pair: (pair.first, pair.second)))


# Candidates -----------------------------------------------------------------------------------------------


def _candidates(
    images: np.ndarray, pool: Executor, progress: Callable[[int, int], None] | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of places in `images`, and how the second would have to be turned; each pair once."""
    blocks = (images[begin : begin + _BLOCK] for begin in range(0, len(images), _BLOCK))
    plain = np.concatenate(list(pool.map(_description, blocks)))
    turned = [_turned_descriptions(plain, number) for number in range(len(_TURNS))]
    seen: set[tuple[int, int]] = set()
    size = max(1, min(_BLOCK, _AT_ONCE // len(images)))
    for begin in range(0, len(images), size):
        found = {(min(pair), max(pair)) for pair in _nearest(plain, turned, begin, begin + size)}
        pairs = sorted(found - seen)
        seen |= found
        if pairs:
            first, second = np.array(pairs).T
            alike = np.stack([(plain[first] * other[second]).sum(axis=1) for other in turned])
            yield first, second, alike.argmax(axis=0)
        if progress is not None:
            progress(min(begin + size, len(images)), len(images))


def _nearest(
    plain: np.ndarray, turned: Sequence[np.ndarray], begin: int, end: int
) -> Iterator[tuple[int, int]]:
    """For each picture from `begin` to `end` those that are most like it in any turn."""
    block = plain[begin:end]
    alike = np.full((len(block), len(plain)), -1.0, np.float32)
    for other in turned:
        np.maximum(alike, block @ other.T, out=alike)
    rows = np.arange(len(block))
    alike[rows, begin + rows] = -1.0  # no picture is its own copy
    count = min(_NEIGHBOURS, len(plain))
    nearest = np.argpartition(alike, len(plain) - count, axis=1)[:, -count:]
    for row, others in enumerate(nearest):
        for other in others[alike[row, others] > _ALIKE]:
            yield begin + row, int(other)


def _description(images: np.ndarray) -> np.ndarray:
    """N, 128: how much edge of each direction lies in each cell, of mean 0 and length 1.

    After Dalal & Triggs 2005, with broad overlapping cells: a crop moves little from one to another.
    """
    small = _smaller(images, 32)
    across, down = np.zeros_like(small), np.zeros_like(small)
    across[:, :, 1:-1] = small[:, :, 2:] - small[:, :, :-2]
    down[:, 1:-1] = small[:, 2:] - small[:, :-2]
    strength = np.hypot(across, down)
    direction = np.arctan2(down, across) * (_DIRECTIONS / (2 * np.pi))
    lower = np.floor(direction)
    cells = _cell_weights(32)
    found = np.empty((len(images), _DIRECTIONS, _CELLS, _CELLS), np.float32)
    for number in range(_DIRECTIONS):
        upper_share = np.where((lower + 1) % _DIRECTIONS == number, direction - lower, 0)
        lower_share = np.where(lower % _DIRECTIONS == number, 1 - (direction - lower), 0)
        found[:, number] = cells.T @ (strength * (upper_share + lower_share)) @ cells
    return _unit(np.sqrt(found).reshape(len(images), -1))


def _cell_weights(side: int) -> np.ndarray:
    """side, 4: how much each row belongs to each cell."""
    place = (np.arange(side, dtype=np.float32) + 0.5) / side * _CELLS - 0.5
    return np.maximum(0, 1 - 0.7 * np.abs(place[:, None] - np.arange(_CELLS, dtype=np.float32)))


def _turned_descriptions(plain: np.ndarray, number: int) -> np.ndarray:
    """What the descriptions of the turned pictures would be."""
    transposed, down, right = _TURNS[number]
    cells = plain.reshape(len(plain), _DIRECTIONS, _CELLS, _CELLS)
    bins = np.arange(_DIRECTIONS)  # direction 0 points right, then on towards down
    if transposed:
        cells, bins = cells.transpose(0, 1, 3, 2), (_DIRECTIONS // 4 - bins) % _DIRECTIONS
        cells = cells[:, bins]
    bins = np.arange(_DIRECTIONS)
    if down < 0:
        cells, bins = cells[:, :, ::-1], -bins % _DIRECTIONS
    if right < 0:
        cells, bins = cells[:, :, :, ::-1], (_DIRECTIONS // 2 - bins) % _DIRECTIONS
    return np.ascontiguousarray(cells[:, bins]).reshape(len(plain), -1)


def _turned(images: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Each picture turned in its own way."""
    turned = np.empty_like(images)
    for number, (transposed, down, right) in enumerate(_TURNS):
        chosen = turn == number
        these = images[chosen].transpose(0, 2, 1) if transposed else images[chosen]
        turned[chosen] = these[:, ::down, ::right]
    return turned


# Laying one picture upon another --------------------------------------------------------------------------


def _likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """P: how well the detail of two pictures agrees where they show the same, 0 where they do not."""
    frame = np.tile(np.array([1, 0, 1, 0], np.float32), (len(first), 1))
    likeness = np.ones(len(first), np.float32)
    left = np.arange(len(first))
    for level in _LEVELS:
        if not len(left):
            break
        one, other = _smaller(first[left], level.side), _smaller(second[left], level.side)
        frame = _fitted(one, other, frame=frame, steps=level.steps)
        laid, inside = _laid(one, frame)
        whole = _correlation(laid, other, inside)
        detail = _correlation(_detail(laid), _detail(other), inside)
        agree = (whole > level.whole) & (detail > level.detail)
        if level is _LEVELS[-1]:
            agree &= _surprise(detail, other) > _BEYOND_CHANCE
        likeness[left] = np.where(agree, detail, 0)
        left, frame = left[agree], frame[agree]
    return likeness


def _fitted(first: np.ndarray, second: np.ndarray, *, frame: np.ndarray, steps: int) -> np.ndarray:
    """The part of `first` that `second` shows, by inverse-compositional steps (Baker & Matthews 2004).

    frame: P, 4: columns, then rows, as (scale, shift) about the middle, in shares of the side.
    """
    pairs, side = second.shape[:2]
    place = _places(side)
    target = _unit(second.reshape(pairs, -1)).reshape(second.shape)
    down, across = np.gradient(target, axis=(1, 2))
    slopes = np.stack([across * place, across, down * place[:, None], down], axis=1).reshape(pairs, 4, -1)
    slopes = slopes * np.float32(side)
    flat = target.reshape(pairs, 1, -1)
    slopes -= slopes.mean(axis=2, keepdims=True)  # brightness and contrast are free
    slopes -= (slopes @ flat.transpose(0, 2, 1)) * flat
    curvature = slopes @ slopes.transpose(0, 2, 1)  # P, 4, 4
    curvature += np.eye(4, dtype=np.float32) * (
        0.01 * np.trace(curvature, axis1=1, axis2=2)[:, None, None] / 4 + 1e-6
    )
    inverse = np.linalg.inv(curvature)
    for _ in range(steps):
        laid, inside = _laid(first, frame)
        error = (_unit(laid.reshape(pairs, -1)) - flat[:, 0]) * inside.reshape(pairs, -1)
        step = (inverse @ (slopes @ error[:, :, None]))[:, :, 0]
        step = np.clip(step, -0.08, 0.08)
        scale, shift = frame[:, 0::2], frame[:, 1::2]
        scale = scale / (1 + step[:, 0::2])
        shift = shift - scale * step[:, 1::2]
        frame = np.stack(
            [
                np.clip(scale, 1 / _MOST_SCALE, _MOST_SCALE),
                np.clip(shift, -_MOST_SHIFT, _MOST_SHIFT),
            ],
            axis=2,
        ).reshape(pairs, 4)
    return frame


def _laid(images: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of each picture that its frame cuts out, P, S, S, and which of it lies in the picture."""
    across, in_columns = _sampling(images.shape[1], frame[:, 0], frame[:, 1])
    down, in_rows = _sampling(images.shape[1], frame[:, 2], frame[:, 3])
    inside = in_rows[:, :, None] & in_columns[:, None, :]
    return down @ images @ across.transpose(0, 2, 1), inside


def _sampling(side: int, scale: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P, S, S linear weights that read a row at (scale x place + shift); and P, S: what lies within it."""
    where = (scale[:, None] * _places(side) + shift[:, None] + 0.5) * side - 0.5
    inside = (where > -0.75) & (where < side - 0.25)
    held = np.clip(where, 0, side - 1)
    weights = np.maximum(0, 1 - np.abs(held[:, :, None] - np.arange(side, dtype=np.float32)))
    return weights, inside


def _places(side: int) -> np.ndarray:
    """S: the middles of the pixels, from -1/2 to 1/2."""
    return (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5


def _detail(images: np.ndarray) -> np.ndarray:
    """What is left of a picture when its broad light and shade are taken away."""
    place = np.arange(images.shape[1], dtype=np.float32)
    blur = np.maximum(0, 1 - np.abs(place[:, None] - place) / 3)
    blur /= blur.sum(axis=1, keepdims=True)
    return images - blur @ images @ blur.T


def _surprise(correlation: np.ndarray, images: np.ndarray) -> np.ndarray:
    """P: how far a correlation of detail lies beyond chance, in standard deviations (Fisher 1921).

    Pictures with few independent places, such as handwritten digits, agree by chance: there more is asked.
    """
    detail = _detail(images)
    power = np.abs(np.fft.rfft2(detail)).reshape(len(images), -1) ** 2
    waves = _evenness(power) * 2  # of the half of the plane that rfft2 leaves out too
    lively = _evenness(_smaller(detail**2, 16).reshape(len(images), -1)) / 16**2
    return np.arctanh(np.minimum(correlation, 0.9999)) * np.sqrt(waves * lively)


def _evenness(shares: np.ndarray) -> np.ndarray:
    """P: over how many of its values, evenly, each row would be spread to vary as it does."""
    return shares.sum(axis=1) ** 2 / ((shares**2).sum(axis=1) + 1e-12)


def _correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """P: of the pixels inside, whatever their brightness and contrast."""
    count = inside.sum(axis=(1, 2), dtype=np.float32)[:, None, None] + 1e-6
    one, other = (
        (image - (image * inside).sum(axis=(1, 2), keepdims=True) / count) * inside
        for image in (first, second)
    )
    scale = np.sqrt((one * one).sum(axis=(1, 2)) * (other * other).sum(axis=(1, 2)))
    return (one * other).sum(axis=(1, 2)) / (scale + 1e-6)


def _smaller(images: np.ndarray, side: int) -> np.ndarray:
    """N, side, side float32: the means of square blocks."""
    step = images.shape[1] // side
    return images.reshape(len(images), side, step, side, step).mean(axis=(2, 4), dtype=np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and length 1."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6)
