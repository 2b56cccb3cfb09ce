"""Small Swins of all kinds, as each format holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from swinkit.models import Swin, SwinConfig
from swinkit.weights.formats import FORMATS


def swin(version: int = 1, **changes) -> SwinConfig:
    config = SwinConfig(
        version=version,
        embed_dim=4,
        depths=(2, 1, 2),
        num_heads=(1, 2, 2),
        window=((4, 4), (4, 4), (4, 4)),
        classes=3,
        image_size=(64, 64),
        mlp_ratio=2.0,
    )
    return replace(config, **changes)


def weights_of(config: SwinConfig, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in Swin(config).state_dict().items()}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def in_format(name: str, config: SwinConfig, seed: int = 0) -> dict[str, Tensor]:
    return FORMATS[name].from_native(weights_of(config, seed), config)


def file_in_format(name: str, config: SwinConfig, folder: Path) -> Path:
    """A torch file of the bare tensors."""
    path = folder / f"{name}.pth"
    torch.save(in_format(name, config), path)
    return path
