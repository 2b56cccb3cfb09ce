"""The model that a training from scratch begins with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from swinkit.backbones.names import is_timm
from swinkit.engine.settings import TrainConfig
from swinkit.models import Backbone, Preprocess, Swin, create_model
from swinkit.models.preprocess import IMAGENET_MEAN, IMAGENET_STD

PUBLISHED_WIDTH = 96
"""Channels of the narrowest published Swin; narrower ones begin with larger weights."""


def fresh_model(config: TrainConfig, classes: Sequence[str]) -> Backbone:
    """A model of the configured size with fresh weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = _fresh_timm(config, classes) if is_timm(config.model) else _fresh_swin(config, classes)
    model.preprocess = preprocess(config)
    return model


def _fresh_swin(config: TrainConfig, classes: Sequence[str]) -> Swin:
    model = create_model(
        config.model,
        classes=classes,
        in_channels=config.channels,
        image_size=config.image_size,
        drop_path=config.drop_path,
    )
    if model.config.embed_dim < PUBLISHED_WIDTH:
        _widen(model)
    return model


def _fresh_timm(config: TrainConfig, classes: Sequence[str]) -> Backbone:
    from swinkit.backbones.timm_files import fresh_network

    return fresh_network(
        config.model,
        classes,
        in_channels=config.channels,
        image_size=config.image_size,
        drop_path=config.drop_path,
    )


def preprocess(config: TrainConfig) -> Preprocess:
    """How pictures are prepared for a fresh model."""
    return Preprocess(
        image_size=config.image_size,
        resize_to=config.resize_to,
        mean=config.mean or IMAGENET_MEAN,
        std=config.std or IMAGENET_STD,
        own_values=config.own_values,
    )


def _widen(model: Swin) -> None:
    """Let every linear layer keep the variance of its input: a deviation of 1/sqrt(inputs).

    The papers' 0.02 is little for layers of 32 to 96 inputs, and a narrow model then takes many epochs to get
    going: on the embedded digits it was at 57 % after ten of them, in place of 83 %.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear) and module is not model.head:
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
