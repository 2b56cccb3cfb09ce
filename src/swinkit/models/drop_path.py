"""Stochastic depth, with draws that do not depend on how a batch is cut into parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

# Of the whole process, like the generator that is drawn from: a checkpointed block that runs again in the
# backward pass, perhaps in a thread of the autograd engine, must find it too.
_part: tuple[int, int] | None = None


class DropPath(nn.Module):
    """A whole image skips the branch (Huang et al. 2016). Draws from torch's generator of the device.

    Inside `part_of_batch` it draws for the whole batch and takes its part.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        first, whole = _part or (0, x.shape[0])
        keep = 1 - self.rate
        drawn = x.new_empty(whole, *[1] * (x.dim() - 1)).bernoulli_(keep)
        return x * (drawn[first : first + x.shape[0]] / keep)

    def extra_repr(self) -> str:
        return f"rate={self.rate:.3f}"


@contextmanager
def part_of_batch(first: int, whole: int) -> Iterator[None]:
    """Say that the images of a forward pass are those from `first` on of a batch of `whole`.

    With the generator at the same state for each part, all parts together drop what the whole batch would
    have dropped: in small steps for want of memory, or shared out over processes. The backward pass of
    checkpointed stages belongs inside too.
    """
    global _part
    before, _part = _part, (first, whole)
    try:
        yield
    finally:
        _part = before
