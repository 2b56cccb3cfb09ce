"""Where the windows lie: integers in, a plan out (Liu et al. 2021, §3.2, Fig. 2 and 4).

Letters used throughout swinkit: `B` images · `H W` map height and width in tokens · `C` channels ·
`M` window side (`Mh`, `Mw`) · `N = Mh·Mw` tokens in a window · `G` windows on the padded map ·
`h` heads · `d = C/h` · `s` cyclic shift.

A map that is no whole number of windows is padded right and below to `P`, a multiple of `M`. On the
shifted map each axis has three strips, `[0, P−M)`, `[P−M, P−s)` and `[P−s, P)`; two tokens of one window
attend to each other when both lie in the same pair of strips. All else follows from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from swinkit.errors import ConfigError, ShapeError

Pair = tuple[int, int]


# ------------------------------------------------------------------------------------ policies


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What happens at sizes that are no whole number of windows, or no larger than one.

    With equal weights the public implementations are different functions there; each field is one of
    the choices in which they differ. All policies agree at the published resolutions of their kind.
    """

    name: str
    edge: Literal["pad", "crop"] = "pad"
    """An image that is no whole number of patches is padded with zeros right and below, or cropped."""
    order: Literal["pad, roll", "roll, pad"] = "pad, roll"
    """Rolling first lets opposite edges of the image attend to each other across the seam."""
    decided: Literal["per call", "at image_size"] = "per call"
    """Window and shift follow the map at hand, or the one that `config.image_size` gives."""
    shift_off: Literal["never", "per axis", "either axis", "first axis"] = "never"
    """The shift goes where the map is one window: never, on that axis alone, or on both as soon as
    either axis (or the first) is."""
    small: Literal["pad", "shorter side", "per axis", "first axis"] = "pad"
    """A map smaller than a window is padded up to it, or the window shrinks: to the shorter side,
    on each axis for itself, or on both axes to the first one's side."""
    mask: int = -100
    """Added to the score of two tokens that are neighbours only through the cyclic shift."""
    padding: Literal["attended", "masked"] = "attended"
    """Padded tokens take part in attention, as in every published model, or are masked out."""


_POLICIES = (
    # The original classifier; at the sizes it asserts against the map is padded first.
    Policy(name="microsoft", shift_off="either axis", small="shorter side"),
    # The original detection and segmentation code, mmdet, mmseg, detectron2, transformers' SwinBackbone.
    Policy(name="dense"),
    Policy(name="torchvision", edge="crop", shift_off="per axis"),
    Policy(
        name="timm",
        edge="crop",
        order="roll, pad",
        decided="at image_size",
        shift_off="per axis",
        small="per axis",
    ),
    # transformers' SwinModel. Where it raises (a map below a window), the original's rule.
    Policy(name="huggingface", shift_off="either axis", small="shorter side"),
    # transformers' Swinv2Model and Swinv2Backbone, which add the mask twice.
    Policy(
        name="huggingface_v2",
        decided="at image_size",
        shift_off="first axis",
        small="first axis",
        mask=-200,
    ),
)
POLICIES: dict[str, Policy] = {policy.name: policy for policy in _POLICIES}


def policy_named(name: str) -> Policy:
    """The policy of that name. Raises ConfigError, listing the names there are."""
    if name not in POLICIES:
        raise ConfigError(
            f"there is no policy named {name!r}", hint=f"policies are {', '.join(sorted(POLICIES))}"
        )
    return POLICIES[name]


# ------------------------------------------------------------------------------------ the plan


class WindowPlan(NamedTuple):
    """The integers of one attention call; sizes in tokens, (rows, columns).

    Everything else, such as indices, regions and mask, is computed from them by the methods below,
    which return tensors and work on symbolic sizes too.
    """

    map: Pair
    window: Pair
    shift: Pair
    rolls_first: bool = False
    mask_value: int = -100
    masks_padding: bool = False

    @property
    def grid(self) -> Pair:
        """Windows on each axis."""
        (height, width), (mh, mw) = self.map, self.window
        return (height + mh - 1) // mh, (width + mw - 1) // mw

    @property
    def padded(self) -> Pair:
        """Map size after padding to whole windows."""
        return self.grid[0] * self.window[0], self.grid[1] * self.window[1]

    @property
    def tokens(self) -> int:
        """N, the tokens of one window."""
        return self.window[0] * self.window[1]

    def source(self, device: torch.device | None = None) -> Tensor:
        """For each token of each window its place on the map, `y·W + x`; `H·W` for padding. (G, N)"""
        height, width = self.map
        rows, columns = self._axis_source(0, device), self._axis_source(1, device)
        index = rows[:, None, :, None] * width + columns[None, :, None, :]  # grid, Mh, Mw
        is_padding = (rows < 0)[:, None, :, None] | (columns < 0)[None, :, None, :]
        return index.masked_fill(is_padding, height * width).reshape(-1, self.tokens)

    def places(self, axis: int, device: torch.device | None = None) -> Tensor:
        """Where each coordinate of an axis lies after padding and shift. (map size)"""
        size = self.map[axis]
        # Rolled by itself, a map of fewer tokens than the shift wraps more than once.
        wraps_at = size if self.rolls_first else self.padded[axis]
        shift = self.shift[axis] % size if self.rolls_first else self.shift[axis]
        place = torch.arange(size, device=device) - shift
        # Not `%`: ONNX has no remainder by a size that is known only at run time.
        return torch.where(place < 0, place + wraps_at, place)

    def coordinates(self, device: torch.device | None = None) -> Tensor:
        """Row and column on the map of each token of each window, −1 for padding. (G, N, 2)"""
        source = self.source(device)
        height, width = self.map
        rows_columns = torch.stack((source // width, source % width), dim=-1)
        return rows_columns.masked_fill((source == height * width)[..., None], -1)

    def regions(self, device: torch.device | None = None) -> Tensor:
        """Number of the strip pair in which each token lies, 0…8. (G, N)"""
        rows, columns = self._axis_strips(0, device), self._axis_strips(1, device)
        pairs = rows[:, None, :, None] * 3 + columns[None, :, None, :]
        return pairs.reshape(-1, self.tokens)

    def mask(self, device: torch.device | None = None) -> Tensor:
        """What is added to the scores of each window, query by key. (G, N, N)"""
        return self._mask(self.regions(device), self.source(device))

    def window_mask(self, row: int, column: int, device: torch.device | None = None) -> Tensor:
        """The same for the one window in that row and column of the grid. (N, N)"""
        window = row * self.grid[1] + column
        return self._mask(self.regions(device)[window], self.source(device)[window])

    def _mask(self, regions: Tensor, source: Tensor) -> Tensor:
        """Mask of tokens (…, N) that lie in these regions and come from these places."""
        apart = regions[..., :, None] != regions[..., None, :]
        mask = apart.to(torch.float32) * self.mask_value
        if self.masks_padding:
            is_padding = source == self.map[0] * self.map[1]
            # A padded token still sees its like, so that no row is masked entirely.
            unlike = is_padding[..., :, None] != is_padding[..., None, :]
            mask = mask.masked_fill(unlike, float("-inf"))
        return mask

    def kinds(self) -> list[tuple[slice, slice]]:
        """Blocks of the grid whose windows share one mask: at most four, unless padding is masked."""
        return [(rows, columns) for rows in self._axis_kinds(0) for columns in self._axis_kinds(1)]

    def _axis_source(self, axis: int, device: torch.device | None) -> Tensor:
        """Map coordinate of each place on the shifted, padded axis; −1 for padding. (windows, M)"""
        size, padded, shift = self.map[axis], self.padded[axis], self.shift[axis]
        place = torch.arange(padded, device=device)
        if self.rolls_first:
            coordinate = ((place + shift) % size).masked_fill(place >= size, -1)
        else:
            coordinate = (place + shift) % padded
            coordinate = coordinate.masked_fill(coordinate >= size, -1)
        return coordinate.view(-1, self.window[axis])

    def _axis_strips(self, axis: int, device: torch.device | None) -> Tensor:
        """Number of the strip, 0, 1 or 2, of each place on the shifted, padded axis. (windows, M)"""
        padded, window, shift = self.padded[axis], self.window[axis], self.shift[axis]
        place = torch.arange(padded, device=device)
        strips = (place >= padded - window).long() + (place >= padded - shift).long()
        return strips.view(-1, window)

    def _axis_kinds(self, axis: int) -> list[slice]:
        """Runs of windows on one axis whose strips and padding look alike."""
        windows = self.grid[axis]
        if self.masks_padding:
            first = self._first_padded_window(axis)
            return [slice(0, first), *(slice(i, i + 1) for i in range(first, windows))]
        if self.shift[axis] == 0:
            return [slice(0, windows)]
        return [slice(0, windows - 1), slice(windows - 1, windows)]

    def _first_padded_window(self, axis: int) -> int:
        """The first window of an axis that holds padding, or the last one."""
        first_place = self.map[axis] if self.rolls_first else self.map[axis] - self.shift[axis]
        return max(min(first_place // self.window[axis], self.grid[axis] - 1), 0)


def window_plan(
    height: int,
    width: int,
    *,
    window: Pair,
    shifted: bool,
    policy: Policy,
    configured: Pair | None = None,
) -> WindowPlan:
    """Lay a grid of windows over a map (Liu et al. 2021, §3.2).

    height, width: map size in tokens. window: its sides in tokens. shifted: whether this is an
    odd block, whose windows are displaced by half a window. configured: the map size that
    `config.image_size` gives at this depth, where that is known; it counts under policies that
    decide once and for all.
    Raises ShapeError when the map is empty.
    """
    if height < 1 or width < 1:
        raise ShapeError(f"a map needs at least one token on each axis; this one is {height} × {width}")
    decisive = configured if configured and policy.decided == "at image_size" else (height, width)
    shift = _shift(decisive, window, policy) if shifted else (0, 0)
    return WindowPlan(
        map=(height, width),
        window=_shrunk(decisive, window, policy),
        shift=shift,
        rolls_first=policy.order == "roll, pad",
        mask_value=policy.mask,
        masks_padding=policy.padding == "masked",
    )


def _shift(size: Pair, window: Pair, policy: Policy) -> Pair:
    if policy.shift_off == "never":
        return window[0] // 2, window[1] // 2
    fits = size[0] <= window[0], size[1] <= window[1]
    if policy.shift_off == "either axis":
        fits = (fits[0] or fits[1],) * 2
    elif policy.shift_off == "first axis":
        fits = (fits[0],) * 2
    return 0 if fits[0] else window[0] // 2, 0 if fits[1] else window[1] // 2


def _shrunk(size: Pair, window: Pair, policy: Policy) -> Pair:
    if policy.small == "pad":
        return window
    if policy.small == "per axis":
        return min(size[0], window[0]), min(size[1], window[1])
    if policy.small == "first axis":
        side = min(size[0], window[0])
        return (side, side) if size[0] < window[0] else window
    if size[0] <= window[0] or size[1] <= window[1]:  # "shorter side"
        side = min(size)
        return min(side, window[0]), min(side, window[1])
    return window


def relative_index(window: Pair, device: torch.device | None = None) -> Tensor:
    """Where in the flattened bias table the offset of each query from each key stands. (N, N)

    Entry (a, b) is `(Δy + Mh − 1)·(2Mw − 1) + Δx + Mw − 1` with Δ = place of query a − place of key b.
    """
    mh, mw = window
    place = torch.arange(mh * mw, device=device)
    rows, columns = place // mw, place % mw
    dy = rows[:, None] - rows + (mh - 1)
    dx = columns[:, None] - columns + (mw - 1)
    return dy * (2 * mw - 1) + dx


def pair(value: int | Sequence[int], what: str) -> Pair:
    """One integer or two as (rows, columns). Raises ConfigError for anything else or below 1."""
    sides = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides):
        raise ConfigError(f"{what} takes one whole number above 0, or two (rows, columns); got {value!r}")
    return sides[0], sides[1]
