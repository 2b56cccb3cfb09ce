"""What pictures hold: colours as people look at them, or measurements in any number of channels.

Layout: H W C.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from swinkit.data.samples import Sample
from swinkit.errors import DataError

_LOOKED_AT = 100  # pictures of which the values are measured
_MOST = 0.8  # share of the measurements that must agree in their channels
_PLACES = 4096  # of each picture, at which they are measured
_TAILS = (
    0.1,
    99.9,
)  # percentiles beyond which values count as the percentile: dead pixels, marks for no data
_BETWEEN = 0.05  # share of alpha that is neither clear nor opaque, above which it is a measurement


@dataclass(frozen=True, kw_only=True, slots=True)
class Channels:
    """How the pictures of a set are read (`read`), and what their values are like.

    count: channels of each picture. own_values: whether they are measurements, taken as the file holds them.
    mean, std: of each channel, for whole numbers scaled to 0..1 by their type and decimals as they are; None
        where the usual numbers for photographs serve.
    note: a sentence on what was decided, where it is not obvious.
    """

    count: int = 3
    own_values: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    note: str = ""

    @property
    def coloured(self) -> bool:
        """Whether they are pictures whose brightness and colour may be varied."""
        return not self.own_values and self.count in (1, 3)


COLOUR = Channels()
"""Ordinary pictures, grey ones among them."""


def found_channels(samples: Sequence[Sample]) -> Channels:
    """The channels of a set, by looking at pictures of train; what cannot be read is passed over.

    Colour pictures, and sets in which some are grey, have 3; sets of grey ones 1. Sixteen bits and decimal
    numbers in every picture, or another number of channels, are measurements: of these, a few that differ in
    their channels do not matter. Raises DataError where many do.
    """
    held = [(sample, kind) for sample in _spread(samples) if (kind := _kind(sample)) is not None]
    counts = Counter(kind.count for _, kind in held)
    if set(counts) <= {1, 3} and any(kind.eight_bit for _, kind in held):
        grey = set(counts) == {1}
        return _measured([sample for sample, _ in held], Channels(count=1)) if grey else COLOUR
    if not held:
        return COLOUR
    count, times = counts.most_common(1)[0]
    if times < _MOST * len(held):
        raise _differing(held)
    those = [(sample, kind) for sample, kind in held if kind.count == count]
    note = "the fourth channel of the TIFFs is taken for a measurement, not for transparency"
    found = Channels(count=count, own_values=True, note=note if any(kind.fourth for _, kind in those) else "")
    return _measured([sample for sample, _ in those], found)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one file holds. fourth: whether its fourth channel calls itself alpha and is none."""

    count: int
    eight_bit: bool
    fourth: bool = False


def _kind(sample: Sample) -> _Kind | None:
    try:
        pixels = sample.pixels(None)
        if (
            pixels.shape[2] == 3
            and sample.name.casefold().endswith((".tif", ".tiff"))
            and _has_fourth(sample)
        ):
            return _Kind(4, eight_bit=False, fourth=True)
    except DataError:
        return None
    return _Kind(pixels.shape[2], eight_bit=pixels.dtype == np.uint8)


def _has_fourth(sample: Sample) -> bool:
    """Whether a TIFF has a fourth channel that is no transparency: most writers call any fourth one alpha."""
    try:
        alpha = sample.pixels(4)[..., 3]
    except DataError:
        return False
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    return bool(((alpha != 0) & (alpha != opaque)).mean() > _BETWEEN)


def _measured(samples: Sequence[Sample], channels: Channels) -> Channels:
    """With mean and deviation, by places spread evenly over the pictures; gaps (NaN) are left out."""
    values = np.concatenate([_values(sample, channels) for sample in samples])  # places, C
    empty = np.flatnonzero(np.isnan(values).all(axis=0))
    if len(empty):
        raise DataError(f"channel {empty[0] + 1} of the pictures holds no number at all (NaN)")
    low, high = np.nanpercentile(values, _TAILS, axis=0)
    values = np.clip(values, low, high)
    std = np.where(low == high, 1.0, np.nanstd(values, axis=0))
    return replace(
        channels,
        mean=tuple(np.nanmean(values, axis=0).tolist()),
        std=tuple(std.tolist()),
    )


def _values(sample: Sample, channels: Channels) -> np.ndarray:
    pixels = sample.pixels(channels.count, own_values=channels.own_values)
    flat = pixels.reshape(-1, pixels.shape[2])
    some = flat[:: max(1, len(flat) // _PLACES)].astype(np.float64)
    if pixels.dtype.kind == "u":
        return some / np.iinfo(pixels.dtype).max
    return np.where(np.isfinite(some), some, np.nan)


def _spread(samples: Sequence[Sample]) -> Sequence[Sample]:
    taught = [sample for sample in samples if sample.split in (None, "train")] or samples
    return taught[:: max(1, len(taught) // _LOOKED_AT)]


def _differing(held: Sequence[tuple[Sample, _Kind]]) -> DataError:
    counts = Counter(kind.count for _, kind in held)
    first = {kind.count: sample.path for sample, kind in reversed(held)}
    named = ", ".join(f"{count} in {first[count]} and {n - 1} more" for count, n in counts.most_common())
    return DataError(
        f"the pictures differ in their channels: {named}",
        hint="a model takes one number of channels; leave out or convert the others",
    )
