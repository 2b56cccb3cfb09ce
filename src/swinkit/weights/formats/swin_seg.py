"""Swin-Transformer-Semantic-Segmentation: the backbone of `swin_det`, under the heads of mmsegmentation."""

from __future__ import annotations

from swinkit.weights.formats import swin_det
from swinkit.weights.formats.swin_det import DROPPED, from_native, policy, refusals, to_native
from swinkit.weights.names import Shapes

__all__ = ["DROPPED", "from_native", "policy", "recognise", "refusals", "to_native"]


def recognise(shapes: Shapes) -> bool:
    part = swin_det.backbone(shapes)
    return part is not None and swin_det.is_segmenter(part)
