"""What a forward pass did, for drawings and for the curious."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from swinkit.errors import ConfigError
from swinkit.models.config import SwinConfig
from swinkit.windows import WindowPlan


@dataclass(frozen=True)
class BlockTrace:
    """One block: its output and where its windows looked."""

    output: Tensor
    """B, H, W, C"""
    attention: Tensor
    """B, G, heads, N, N: weight of each key (last axis) for each query; rows sum to 1."""
    coordinates: Tensor
    """G, N, 2: row and column on the map of each window's tokens; −1 for padding."""
    plan: WindowPlan

    def attention_of(self, row: int, column: int, image: int = 0) -> Tensor:
        """Where one token looked, in image coordinates. (heads, H, W); padding is left out."""
        height, width = self.plan.map
        if not (0 <= row < height and 0 <= column < width):
            raise ConfigError(f"the map has {height} × {width} tokens; there is none at ({row}, {column})")
        here = (self.coordinates[..., 0] == row) & (self.coordinates[..., 1] == column)  # G, N
        window, place = (int(i) for i in here.nonzero()[0])
        weights = self.attention[image, window, :, place]  # heads, N
        rows, columns = self.coordinates[window].unbind(-1)
        real = rows >= 0
        result = weights.new_zeros(weights.shape[0], height, width)
        result[:, rows[real], columns[real]] = weights[:, real]
        return result


@dataclass(frozen=True)
class Trace:
    """Blocks by (stage, block), and the last map before the final norm. (B, H, W, C)"""

    blocks: dict[tuple[int, int], BlockTrace]
    last: Tensor


def select_blocks(
    config: SwinConfig, stages: int, blocks: Sequence[tuple[int, int]] | None
) -> set[tuple[int, int]]:
    """The blocks asked for. Raises ConfigError naming those that do not exist."""
    existing = {(i, j) for i in range(stages) for j in range(config.depths[i])}
    wanted = existing if blocks is None else {(int(i), int(j)) for i, j in blocks}
    if not wanted <= existing:
        raise ConfigError(
            f"there are no blocks {sorted(wanted - existing)} in a Swin of depths {config.depths[:stages]}",
            hint="blocks are (stage, block), both counted from 0",
        )
    return wanted
