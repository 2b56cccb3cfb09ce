"""The one operator that torch sees: `swinkit::run_network`, a whole forward pass as a single node.

torch.compile records it as it stands. A model is named by a number, since its packed weights are no tensors
of the graph; an exported file could not hold them, so that `optimized.py` never records it there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from swinkit.errors import KernelRefused

if TYPE_CHECKING:
    from swinkit.native.optimized import OptimizedSwin

_models: WeakValueDictionary[int, OptimizedSwin] = WeakValueDictionary()
_numbers = itertools.count(1)

_library = torch.library.Library("swinkit", "FRAGMENT")
_library.define("run_network(Tensor images, int model, str wanted, int[] stages) -> Tensor[]")


def register(model: OptimizedSwin) -> int:
    """The number by which the operator finds a model, as long as it lives."""
    number = next(_numbers)
    _models[number] = model
    return number


def run(images: Tensor, model: int, wanted: str, stages: Sequence[int] = ()) -> list[Tensor]:
    """wanted: logits, embedding, encoded, or maps, of these stages."""
    return torch.ops.swinkit.run_network(images, model, wanted, list(stages))


def _model(number: int) -> OptimizedSwin:
    model = _models.get(number)
    if model is None:
        raise KernelRefused("the optimized model of this graph no longer exists", hint="compile it again")
    return model


def _run(images: Tensor, model: int, wanted: str, stages: list[int]) -> list[Tensor]:
    return _model(model).run(images, wanted, stages)


def _shapes(images: Tensor, model: int, wanted: str, stages: list[int]) -> list[Tensor]:
    shapes = _model(model).shapes(images.shape, wanted, stages)
    return [images.new_empty(shape, dtype=torch.float32) for shape in shapes]


_library.impl("run_network", _run, "CPU")
torch.library.register_fake("swinkit::run_network", _shapes, lib=_library)
