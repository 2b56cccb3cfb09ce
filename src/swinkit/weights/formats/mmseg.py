"""mmsegmentation: the backbone of `mmdet`, under `decode_head` and `auxiliary_head`."""

from __future__ import annotations

from swinkit.weights.formats import mmdet, swin_det
from swinkit.weights.formats.mmdet import DROPPED, from_native, policy, refusals, to_native
from swinkit.weights.names import Shapes

__all__ = ["DROPPED", "from_native", "policy", "recognise", "refusals", "to_native"]


def recognise(shapes: Shapes) -> bool:
    part = mmdet.backbone(shapes)
    return part is not None and mmdet.is_dense(part) and swin_det.is_segmenter(part)
