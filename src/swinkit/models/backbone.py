"""What the road from pictures to a report asks of a network, whoever made it.

`tasks`, `engine`, `trust` and the verbs that train, score and compare know no more of a model than this.
`Swin` is one such network; `swinkit.backbones` brings in other people's.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from torch import Tensor, nn

from swinkit.models.preprocess import Preprocess
from swinkit.windows import Pair


class Backbone(nn.Module):
    """A network that makes a vector of each picture, and a linear head that makes answers of the vectors.

    `model(x)` gives `head(embed(x))`: logits `B, classes`. x: `B, in_channels, height, width`, normalised.
    Calls neither remember anything nor depend on what came before; in training mode, batch norms do.
    """

    head: nn.Linear | None
    """None where a network was made for features alone."""
    labels: tuple[str, ...] | None
    """Names of the classes, where they are known."""
    preprocess: Preprocess | None
    """What turns a picture into this model's input."""
    load_report: Any
    """What became of the file it was loaded from (`weights.LoadReport`); None for fresh weights."""

    @abstractmethod
    def embed(self, x: Tensor) -> Tensor:
        """The pooled vectors that the head sees. (B, C)"""

    @property
    @abstractmethod
    def classes(self) -> int:
        """Rows of the head; 0: no head."""

    @property
    @abstractmethod
    def in_channels(self) -> int:
        """Of a picture."""

    @property
    @abstractmethod
    def depths(self) -> tuple[int, ...]:
        """Blocks of each stage, which cost about the same; stages are what `freeze` counts."""

    @property
    @abstractmethod
    def kernel(self) -> str:
        """What computes it in evaluation, by name."""

    @property
    @abstractmethod
    def drop_path(self) -> float:
        """Rate of stochastic depth in the last block."""

    @property
    @abstractmethod
    def any_size(self) -> bool:
        """Whether pictures of any size go through it, or just those that it was built for."""

    @property
    @abstractmethod
    def can_recompute(self) -> bool:
        """Whether `recompute` is there, and makes no difference to the result."""

    @property
    @abstractmethod
    def can_share(self) -> bool:
        """Whether several processes can keep a part of it each (`engine/sharding.py`)."""

    @property
    @abstractmethod
    def mixes_pictures(self) -> bool:
        """Whether in training what comes out for one picture depends on the others beside it: batch norms."""

    @abstractmethod
    def macs(self, image_size: Pair) -> int:
        """Multiply-adds for one picture of that many pixels."""

    @abstractmethod
    def parameter_groups(self, weight_decay: float, layer_decay: float | None = None) -> list[dict[str, Any]]:
        """Groups for an optimiser over all that learns: what decays and what does not, layer by layer.

        Each has `params`, `weight_decay`, `name` and `lr_scale`, by which its learning rate is multiplied:
        `layer_decay` to the power of the layers above it.
        """

    @abstractmethod
    def freeze(self, stages: int) -> Self:
        """Stop the first `stages` stages, and what lies before them, from learning; 0 frees everything."""

    @abstractmethod
    def recompute(self) -> Self:
        """Compute activations again in the backward pass in place of keeping them."""

    @abstractmethod
    def resize(self, image_size: int | Pair | None = None) -> Backbone:
        """The same weights in a model for another size of picture; this one is left as it is."""
