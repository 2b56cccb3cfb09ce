"""Relatives of Swin that look like it in a file, are another function, and are refused by name."""

from __future__ import annotations

import re

from swinkit.weights.names import Shapes


def refusal(shapes: Shapes) -> str:
    """What the file is and why it does not load, as the end of a sentence; empty for all others."""
    names = "\n".join(shapes)
    for pattern, reason in _RELATIVES:
        if re.search(pattern, names, re.MULTILINE):
            return reason
    if any(name.endswith("patch_embed.proj.weight") and len(shape) == 5 for name, shape in shapes.items()):
        return "is a Swin for video or volumes: its patches have three axes, swinkit's two"
    if "cpb_mlp." in names and "logit_scale" not in names and ".attn." in names:
        return _MOE
    return ""


_MOE = (
    "is Swin-MoE, or a dense baseline of it: its norms come before attention and its continuous position "
    "bias has no sigmoid, so that its blocks are neither v1's nor v2's"
)
_RELATIVES = (
    (
        r"(^|\.)layers1\.0\.blocks\.\d+\.attn\.",
        "is MONAI's SwinUNETR encoder: where its window shrinks it indexes the bias table by the corner of "
        "the large window, so that the bias is no function of the offset, and it merges after every stage, "
        "the last included",
    ),
    (
        r"\.attn\.meta_mlp\.",
        "is timm's swinv2_cr, made before Swin v2 was published: another position bias and a whole qkv bias; "
        "it is not interchangeable with Swin v2",
    ),
    (
        r"\.spatial_mlp\.(weight|bias)$",
        "is Swin-MLP, which has a grouped convolution over each window instead of attention",
    ),
    (r"\._moe_layer\.", _MOE),
)
