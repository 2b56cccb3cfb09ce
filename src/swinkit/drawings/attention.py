"""Attention weights made small enough to travel inside the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from swinkit.drawings.facts import BlockFacts
from swinkit.drawings.images import base64_of
from swinkit.windows import WindowPlan

BYTES = 700_000
"""For all blocks together, before base64 makes four of three."""
_LEVELS = 15
_FEWEST_HEADS = 4


@dataclass(frozen=True, kw_only=True)
class Packed:
    """One block's weights: for every `step`-th token the mean over heads and the first `heads` heads."""

    stage: int
    block: int
    step: int
    heads: int
    rows: np.ndarray
    """Quantised weights, queries × (1 + heads) × N, two to a byte. uint8"""
    floors: np.ndarray
    """One for each row of N. uint8"""
    facts: BlockFacts

    @property
    def plan(self) -> WindowPlan:
        return self.facts.plan

    @property
    def all_heads(self) -> int:
        """Heads of the block, kept or not."""
        return self.facts.bias.shape[0]

    def for_page(self) -> dict[str, Any]:
        """Plain values for the script of the page."""
        return {
            "stage": self.stage,
            "block": self.block,
            "step": self.step,
            "heads": self.heads,
            "weights": base64_of(self.rows),
            "floors": base64_of(self.floors),
        }


def pack(blocks: Sequence[BlockFacts], budget: int = BYTES) -> list[Packed]:
    """All blocks within the budget: small maps keep everything, large ones a coarser choice of tokens."""
    packed: dict[int, Packed] = {}
    smallest_first = sorted(range(len(blocks)), key=lambda i: _size(blocks[i], 1, blocks[i].bias.shape[0]))
    for done, i in enumerate(smallest_first):
        share = budget // (len(blocks) - done)
        step, heads = _choice(blocks[i], share)
        packed[i] = _packed(blocks[i], step, heads)
        budget -= packed[i].rows.nbytes
    return [packed[i] for i in range(len(blocks))]


def quantised(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row (last axis) in 16 steps of the roots of its weights, and where the steps begin. Both uint8

    0 is no weight at all (a masked token); 1 the smallest weight there is, whose root beside the largest
    one's is given in 255ths; 15 the largest. Roots keep small weights apart.
    """
    roots = np.sqrt(weights / weights.max(axis=-1, keepdims=True))
    present = roots > 1 / 255
    floors = np.floor(np.where(present, roots, 1).min(axis=-1, keepdims=True) * 255)
    shares = (roots - floors / 255) / np.maximum(1 - floors / 255, 1e-9)
    levels = np.where(present, 1 + np.rint(shares * (_LEVELS - 1)), 0)
    return levels.astype(np.uint8), floors[..., 0].astype(np.uint8)


def restored(levels: np.ndarray, floors: np.ndarray) -> np.ndarray:
    """The inverse of `quantised`, as the script of the page computes it; rows sum to 1."""
    low = floors[..., None] / 255
    roots = low + (1 - low) * (levels.astype(np.float64) - 1) / (_LEVELS - 1)
    squares = np.where(levels == 0, 0, roots**2)
    return squares / squares.sum(axis=-1, keepdims=True)


def _choice(block: BlockFacts, budget: int) -> tuple[int, int]:
    """Step between tokens and number of heads: as many tokens as possible, but not without heads."""
    every = block.bias.shape[0]
    for step in range(1, max(block.plan.map) + 1):
        plane = _size(block, step, 0)
        heads = min(budget // plane - 1, every)
        if heads >= min(every, _FEWEST_HEADS):
            return step, heads
    return max(block.plan.map), 0


def _size(block: BlockFacts, step: int, heads: int) -> int:
    """Bytes of that choice."""
    rows, columns = (-(-side // step) for side in block.plan.map)
    return -(-rows * columns * (1 + heads) * block.plan.tokens // 2)


def _packed(block: BlockFacts, step: int, heads: int) -> Packed:
    plan = block.plan
    where = torch.empty(plan.map[0] * plan.map[1] + 1, dtype=torch.long)  # H·W, and padding
    where[plan.source().flatten()] = torch.arange(plan.padded[0] * plan.padded[1])
    where = where[:-1].view(plan.map)[::step, ::step].flatten()  # queries
    window, place = where // plan.tokens, where % plan.tokens
    weights = block.trace.attention[0][window, :, place].float()  # queries, heads, N
    planes = torch.cat((weights.mean(dim=1, keepdim=True), weights[:, :heads]), dim=1)
    levels, floors = quantised(planes.numpy())
    levels = levels.flatten()
    if levels.size % 2:
        levels = np.append(levels, np.uint8(0))
    return Packed(
        stage=block.stage,
        block=block.block,
        step=step,
        heads=heads,
        rows=(levels[0::2] << 4) | levels[1::2],
        floors=floors.flatten(),
        facts=block,
    )
