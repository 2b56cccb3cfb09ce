"""Which parameters decay, and how fast each layer learns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swinkit.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from swinkit.models.swin import Swin

# Matrices that are no weights of a layer: positions and scales. One-dimensional tensors never decay.
_NEVER_DECAYS = re.compile(r"(^|\.)(bias_table|logit_scale|cpb\.\d\.weight|position|mask_token)$")


def parameter_groups(model: Swin, weight_decay: float, layer_decay: float | None) -> list[dict[str, Any]]:
    """The groups of a Swin, as `grouped` makes them."""
    depths = model.config.depths
    placed = (
        (parameter, layer_number(name, depths), decays(name, parameter))
        for name, parameter in model.named_parameters()
    )
    return grouped(placed, sum(depths) + 1, weight_decay, layer_decay)


def grouped(
    placed: Iterable[tuple[nn.Parameter, int, bool]],
    top: int,
    weight_decay: float,
    layer_decay: float | None,
) -> list[dict[str, Any]]:
    """Groups for AdamW: what decays and what does not, layer by layer where `layer_decay` is given.

    placed: parameters, each with its layer, 0 … top, and whether it decays.
    Each group has `params`, `weight_decay`, `name` and `lr_scale`, by which its learning rate is to be
    multiplied: `layer_decay` to the power of the layers above it. Frozen parameters are left out.
    Raises ConfigError unless 0 < layer_decay <= 1.
    """
    if layer_decay is not None and not 0 < layer_decay <= 1:
        raise ConfigError(f"layer_decay is a factor above 0 and up to 1; got {layer_decay}")
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for parameter, layer, with_decay in placed:
        if parameter.requires_grad:
            groups.setdefault((layer if layer_decay else top, with_decay), []).append(parameter)
    return [
        {
            "name": f"layer {layer}, {'decay' if with_decay else 'no decay'}",
            "params": parameters,
            "weight_decay": weight_decay if with_decay else 0.0,
            "lr_scale": (layer_decay or 1.0) ** (top - layer),
        }
        for (layer, with_decay), parameters in sorted(groups.items())
    ]


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies, as in Microsoft's training code for v1 and v2."""
    return parameter.ndim > 1 and not _NEVER_DECAYS.search(name)


def layer_number(name: str, depths: tuple[int, ...]) -> int:
    """Depth of a parameter for layer-wise decay, 0 … sum(depths) + 1 (SimMIM's fine-tuning).

    Embeddings are 0, blocks count from 1 through all stages, a merging belongs to the block before it,
    norm and head are the last.
    """
    if name.startswith(("patch_embed.", "position", "mask_token")):
        return 0
    match = re.match(r"stages\.(\d+)\.(merge|blocks\.(\d+))\.", name)
    if match is None:
        return sum(depths) + 1
    before = sum(depths[: int(match[1])])
    return before if match[2] == "merge" else before + int(match[3]) + 1
