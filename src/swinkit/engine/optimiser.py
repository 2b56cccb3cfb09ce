"""Who moves the weights."""

from __future__ import annotations

import torch

from swinkit.engine.settings import TrainConfig
from swinkit.models import Swin


def make_optimiser(model: Swin, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of the settings, over all that learns; each group has the `lr_scale` of its layer."""
    groups = model.parameter_groups(weight_decay=config.weight_decay, layer_decay=config.layer_decay)
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)
