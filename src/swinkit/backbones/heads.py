"""A head for other classes than those that a network's weights were made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from swinkit.backbones.timm_network import TimmBackbone


@dataclass(frozen=True, kw_only=True)
class Head:
    """A linear head and what its rows stand for, where that is known. weight: K, C. bias: K."""

    weight: Tensor
    bias: Tensor
    labels: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model with its head. new: why all rows are zero, if so. kept: how rows were kept, if not all."""

    model: TimmBackbone
    new: str = ""
    kept: str = ""


def with_head(bare: TimmBackbone, held: Head | None, classes: Sequence[str] | None) -> Fitted:
    """The network with a head for `classes`, by default the one that is held.

    Rows are kept by class name where names match; others are new and zero. held: None where the weights have
    none, or none that is one linear layer.
    """
    names = tuple(classes) if classes is not None else held.labels if held else None
    if held is not None and (classes is None or names == held.labels):
        return Fitted(model=_with(bare, held.weight, held.bias, names))
    if names is None:
        return Fitted(model=bare)
    weight, bias = torch.zeros(len(names), bare.config.width), torch.zeros(len(names))
    row = {name: index for index, name in enumerate(held.labels or ())} if held else {}
    kept = [index for index, name in enumerate(names) if name in row]
    for index in kept:
        assert held is not None
        weight[index], bias[index] = held.weight[row[names[index]]], held.bias[row[names[index]]]
    model = _with(bare, weight, bias, names)
    if not kept:
        return Fitted(model=model, new=f"a head for {len(names)} classes: zero-initialised")
    fresh = f", {len(names) - len(kept)} new and zero" if len(kept) < len(names) else ""
    return Fitted(model=model, kept=f"rows by class name: {len(kept)} kept{fresh}")


def _with(bare: TimmBackbone, weight: Tensor, bias: Tensor, names: tuple[str, ...] | None) -> TimmBackbone:
    model = TimmBackbone(replace(bare.config, classes=len(weight)), bare.network)
    assert isinstance(model.head, nn.Linear)
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.copy_(bias)
    model.labels, model.preprocess = names, bare.preprocess
    return model
