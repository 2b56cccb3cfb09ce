"""Networks of timm that are small enough for tests, each of another family."""

from __future__ import annotations

import pytest
import torch

from swinkit.backbones.timm_files import fresh_network
from swinkit.backbones.timm_network import TimmBackbone

pytest.importorskip("timm", reason="timm is not installed")

RESNET, VIT, CONVNEXT = "test_resnet", "test_vit", "test_convnext"  # timm's own, a few hundred kB each
SIDE = 64
CLASSES = ("cat", "dog", "owl")


def network(name: str, *, in_channels: int = 3, drop_path: float = 0.0) -> TimmBackbone:
    torch.manual_seed(0)
    return fresh_network(
        f"timm:{name}",
        CLASSES,
        in_channels=in_channels,
        image_size=(SIDE, SIDE),
        drop_path=drop_path,
    )


def pictures(count: int, *, channels: int = 3, side: int = SIDE) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))
