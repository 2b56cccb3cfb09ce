"""The windows of a file and of its pretraining, and the size of the picture that it was made for.

A table of v1 has as many rows as its window has offsets; a saved index or table of coordinates tells the
sides; a saved mask tells how many windows there are. v2 without buffers tells nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import SwinConfig
from swinkit.models.resize import window_per_stage
from swinkit.weights.described import Facts
from swinkit.weights.names import Translation
from swinkit.windows import Pair, WindowPlan, pair, relative_index, window_plan

BLOCK = re.compile(r"stages\.(\d+)\.blocks\.(\d+)\.(.+)")

Window = int | Pair | Sequence[int | Pair]
PretrainedWindow = int | Sequence[int | Pair | None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the caller of `load` says: facts where the file states none, wishes where it does."""

    window: Window | None = None
    pretrained_window: PretrainedWindow | None = None
    image_size: int | Pair | None = None


# Windows ----------------------------------------------------------------------------------------------------


def windows_of(frame: SwinConfig, found: Translation, facts: Facts, asked: Asked) -> tuple[Pair, ...]:
    """The window of each stage as the file holds it."""
    stages = range(len(frame.depths))
    stated = [_stated_window(found, stage) for stage in stages]
    masked = _window_of_masks(found)
    if masked is not None:  # one window in the whole model, smaller only where the map is
        stated = [
            window or _shrunk(frame, stage, masked) for stage, window in zip(stages, stated, strict=True)
        ]
    described = _per_stage(facts.window, len(stages))
    wished = None if asked.window is None else window_per_stage(asked.window, len(stages))
    if frame.version == 1:
        return tuple(
            _window_of_table(frame, found, stage, stated[stage], [w[stage] for w in (described, wished) if w])
            for stage in stages
        )
    said = described or wished
    if not all(stated) and said is None:
        raise CheckpointError(
            "is a Swin v2 that does not say its window: no tensor of v2 depends on it",
            hint="say it, and that of pretraining where it was another: window=…, pretrained_window=…",
        )
    return tuple(stated[stage] or _shrunk(frame, stage, said[stage]) for stage in stages)  # type: ignore[index]


def _per_stage(windows: Pair | tuple[Pair, ...] | None, stages: int) -> tuple[Pair, ...] | None:
    return None if windows is None else window_per_stage(windows, stages)


def _shrunk(frame: SwinConfig, stage: int, window: Pair) -> Pair:
    """The window that a library builds where it knows the map; the same window where no map is known."""
    size = frame.configured_map(stage)
    if size is None:
        return window
    return window_plan(*size, window=window, shifted=False, policy=frame.policy).window


def _stated_window(found: Translation, stage: int) -> Pair | None:
    """The window that a buffer of this stage, or a table that is laid out already, tells."""
    for name, buffer in _of_stage(found.buffers, stage):
        if name.endswith(".relative_index"):
            window = _window_of_index(buffer, found.theirs.get(name, name))
            if 1 not in window or window == (1, 1):  # a row and a column of tokens have the same index
                return window
        if name.endswith(".relative_coordinates") and buffer.dim() == 4:
            return (buffer.shape[1] + 1) // 2, (buffer.shape[2] + 1) // 2
    for name, tensor in _of_stage(found.tensors, stage):
        if name.endswith(".bias_table") and tensor.dim() == 3:
            return (tensor.shape[1] + 1) // 2, (tensor.shape[2] + 1) // 2
    return None


def _window_of_index(index: Tensor, name: str) -> Pair:
    """Sides of the window whose index this is; the first row counts down by one along each of its rows."""
    tokens = math.isqrt(index.numel())
    first = index.flatten()[:tokens]
    steps = (first.diff() == -1).tolist()
    columns = steps.index(False) + 1 if False in steps else tokens
    window = tokens // columns, columns
    if tokens * tokens != index.numel() or not torch.equal(
        index.view(tokens, tokens), relative_index(window)
    ):
        raise CheckpointError(
            f"orders its bias tables in an unknown way: {name} is no index of a window's offsets"
        )
    return window


def _window_of_table(
    frame: SwinConfig, found: Translation, stage: int, stated: Pair | None, said: list[Pair]
) -> Pair:
    """v1: the window that the rows of a table allow and that a buffer, a description or the caller names."""
    table = in_stage(found.tensors, stage, "attention.bias_table")
    if table.dim() == 3:
        return (table.shape[1] + 1) // 2, (table.shape[2] + 1) // 2
    rows = table.shape[1]
    candidates = (
        [stated] if stated else [w for window in said for w in (window, _shrunk(frame, stage, window))]
    )
    for window in candidates:
        if (2 * window[0] - 1) * (2 * window[1] - 1) == rows:
            return window
    if stated:
        raise CheckpointError(
            f"contradicts itself: a table of {rows} rows in stage {stage} beside an index for {stated}"
        )
    side = math.isqrt(rows)
    if side * side == rows and side % 2:
        return (side + 1) // 2, (side + 1) // 2
    possible = [(a, rows // a) for a in range(1, rows + 1, 2) if rows % a == 0 and rows // a % 2]
    windows = ", ".join(f"({(a + 1) // 2}, {(b + 1) // 2})" for a, b in possible)
    raise CheckpointError(
        f"has bias tables of {rows} rows in stage {stage}, which is no square window"
        + (f"; it may be {windows}" if windows else " and no other either"),
        hint="say which one it is: window=(rows, columns)",
    )


def _of_stage(tensors: dict[str, Tensor], stage: int) -> Iterator[tuple[str, Tensor]]:
    return ((name, tensor) for name, tensor in tensors.items() if name.startswith(f"stages.{stage}."))


# Masks: a saved mask tells the window, how many there are, and so the size of the picture -------------------


def _masks(found: Translation) -> Iterator[tuple[int, WindowPlan]]:
    for name, mask in found.buffers.items():
        match = BLOCK.fullmatch(name)
        if match and match[3] == "mask" and mask.dim() == 3:
            plan = _plan_of_mask(mask)
            if plan is not None:
                yield int(match[1]), plan


def _plan_of_mask(mask: Tensor) -> WindowPlan | None:
    """The only geometry that has this mask (G, N, N), if there is one."""
    windows, tokens = mask.shape[0], mask.shape[1]
    for rows in sorted(_divisors(tokens), key=lambda side: abs(side - tokens // side)):
        for down in _divisors(windows):
            window, grid = (rows, tokens // rows), (down, windows // down)
            shift = tuple(0 if count == 1 else side // 2 for count, side in zip(grid, window, strict=True))
            plan = WindowPlan((grid[0] * window[0], grid[1] * window[1]), window, (shift[0], shift[1]))
            corner = plan.window_mask(grid[0] - 1, grid[1] - 1)
            if torch.equal(corner, mask[-1].float()) and torch.equal(plan.mask(), mask.float()):
                return plan
    return None


def _window_of_masks(found: Translation) -> Pair | None:
    return next((plan.window for _, plan in _masks(found)), None)


def image_size_of_masks(frame: SwinConfig, found: Translation) -> Pair | None:
    for stage, plan in _masks(found):
        rows, columns = frame.strides[stage]
        return plan.map[0] * rows, plan.map[1] * columns
    return None


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


# The window of pretraining ----------------------------------------------------------------------------------


def pretrained_of(
    frame: SwinConfig, found: Translation, facts: Facts, asked: Asked, windows: tuple[Pair, ...]
) -> tuple[tuple[Pair | None, ...] | None, tuple[str, ...]]:
    """v2: the window to which the coordinates of each stage are scaled, and a remark where nothing tells."""
    stages = len(frame.depths)
    if frame.version == 1:
        if asked.pretrained_window is not None and pretrained_per_stage(asked.pretrained_window, stages):
            raise CheckpointError("is a Swin v1, which has bias tables and no pretrained window")
        return None, ()
    measured = [_measure(found, stage, windows[stage]) for stage in range(stages)]
    if all(known for known, _ in measured):
        told = tuple(window for _, window in measured)
        return (told if any(told) else None), ()
    if facts.pretrained_window is not None:  # transformers states four by default, however many stages
        return facts.pretrained_window[:stages] or None, ()
    if asked.pretrained_window is not None:
        return pretrained_per_stage(asked.pretrained_window, stages), ()
    return None, (
        "no pretrained window is stated, so coordinates are scaled to the window itself; weights that were "
        "fine-tuned with another window than they were pretrained with need pretrained_window=…",
    )


def _measure(found: Translation, stage: int, window: Pair) -> tuple[bool, Pair | None]:
    """Whether saved coordinates tell the window that they are scaled to, and which it is if another."""
    for name, table in _of_stage(found.buffers, stage):
        if name.endswith(".relative_coordinates") and table.dim() == 4:
            sides = tuple(_scaled_to(table[..., axis], window[axis]) for axis in (0, 1))
            return True, None if sides == window else (sides[0], sides[1])
    return False, None


def _scaled_to(coordinates: Tensor, side: int) -> int:
    """The side M₀ for which the largest coordinate is `log2(8·(M − 1)/(M₀ − 1) + 1) / 3`."""
    largest = float(coordinates.max())
    if side == 1 or not math.isfinite(largest) or largest <= 0:
        return side
    exact = 1 + 8 * (side - 1) / (2 ** (3 * largest) - 1)
    if abs(exact - round(exact)) > 0.05:
        raise CheckpointError(
            f"scales its coordinates to a window of {exact:.2f} tokens, which is no whole number"
        )
    return round(exact)


def pretrained_per_stage(window: PretrainedWindow, stages: int) -> tuple[Pair | None, ...] | None:
    """One pretrained window per stage from what a caller may give; 0 or None is "not set"."""
    if isinstance(window, int):
        return (pair(window, "pretrained_window"),) * stages if window else None
    entries = list(window)
    if not any(entries):
        return None
    if len(entries) != stages:
        raise CheckpointError(
            f"pretrained_window takes one side, or one per stage ({stages}); got {window!r}"
        )
    return tuple(pair(entry, "pretrained_window") if entry else None for entry in entries)


# Tensors of a stage -----------------------------------------------------------------------------------------


def in_stage(tensors: dict[str, Tensor], stage: int, ending: str) -> Tensor:
    """The tensor of that name in the first block of a stage that has it."""
    for name, tensor in tensors.items():
        match = BLOCK.fullmatch(name)
        if match and int(match[1]) == stage and match[3] == ending and tensor.dim() >= 2:
            return tensor
    raise CheckpointError(f"lacks {ending} in every block of stage {stage}")
