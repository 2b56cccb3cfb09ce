"""detectron2: the backbone of `swin_det` behind `backbone.bottom_up.`; a `.pkl` of NumPy arrays, or a `.pth`.

Where no feature pyramid stands above it, the prefix is `backbone.` alone and the file is `swin_det`'s.
"""

from __future__ import annotations

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import swin_det
from swinkit.weights.formats.swin_det import DROPPED, policy, refusals, to_native
from swinkit.weights.names import Shapes

__all__ = ["DROPPED", "from_native", "policy", "recognise", "refusals", "to_native"]

PREFIX = "backbone.bottom_up."


def recognise(shapes: Shapes) -> bool:
    part = swin_det.backbone(shapes)
    return part is not None and swin_det.is_detectron2(part)


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    return swin_det.from_native(tensors, config, PREFIX)
