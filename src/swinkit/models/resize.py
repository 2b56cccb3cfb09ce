"""The same weights for another image size or window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from swinkit.errors import ConfigError
from swinkit.models.config import SwinConfig
from swinkit.models.position import Resampling, resize_bias_table, resize_position
from swinkit.windows import Pair, pair

if TYPE_CHECKING:
    from swinkit.models.swin import Swin


def resized(
    model: Swin,
    *,
    image_size: int | Pair | None,
    window: int | Pair | Sequence[int | Pair] | None,
    how: Resampling,
) -> Swin:
    """See `Swin.resize`."""
    config = resized_config(model.config, image_size=image_size, window=window)
    copy = type(model)(config).to(device=_device(model), dtype=model.patch_embed.proj.weight.dtype)
    with torch.no_grad():
        copy.load_state_dict(resized_tensors(dict(model.state_dict()), config, how))
    copy.labels, copy.load_report = model.labels, model.load_report
    copy.checkpoint_stages = model.checkpoint_stages
    if model.preprocess is not None:
        copy.preprocess = (
            model.preprocess.for_size(config.image_size)
            if image_size and config.image_size
            else model.preprocess
        )
    for mine, theirs in zip(copy.parameters(), model.parameters(), strict=True):
        mine.requires_grad_(theirs.requires_grad)
    return copy.train(model.training)


def resized_config(
    config: SwinConfig,
    *,
    image_size: int | Pair | None = None,
    window: int | Pair | Sequence[int | Pair] | None = None,
) -> SwinConfig:
    """The config for another image size or window; v2 remembers the window of its coordinates."""
    if image_size is not None:
        config = replace(config, image_size=pair(image_size, "image_size"))
        if config.position is not None and config.image_size is not None:
            config = replace(config, position=config.map_size(config.image_size, 0))
    if window is not None:
        windows = window_per_stage(window, len(config.depths))
        if config.version == 2 and windows != config.window:
            known = config.pretrained_window or (None,) * len(windows)
            pretrained = tuple(p or w for p, w in zip(known, config.window, strict=True))
            config = replace(config, pretrained_window=pretrained)
        config = replace(config, window=windows)
    return config


def resized_tensors(tensors: dict[str, Tensor], config: SwinConfig, how: Resampling) -> dict[str, Tensor]:
    """Bias tables and absolute position resampled where the config asks for another size."""
    result = {}
    for name, tensor in tensors.items():
        if name.endswith(".bias_table"):
            tensor = resize_bias_table(tensor, config.window[int(name.split(".")[1])], how)
        elif name == "position" and config.position is not None:
            tensor = resize_position(tensor, config.position)
        result[name] = tensor
    return result


def window_per_stage(window: int | Pair | Sequence[int | Pair], stages: int) -> tuple[Pair, ...]:
    """One window for all stages, or one for each. Raises ConfigError for anything else.

    Two integers are the sides of one window; several windows are one per stage.
    """
    if isinstance(window, int):
        return (pair(window, "window"),) * stages
    entries = list(window)
    if len(entries) == 2 and all(isinstance(entry, int) for entry in entries):
        return (pair(entries, "window"),) * stages  # type: ignore[arg-type]
    if len(entries) != stages:
        raise ConfigError(
            f"window takes a side, two sides (rows, columns) or one per stage ({stages}); got {window!r}"
        )
    return tuple(pair(entry, "window") for entry in entries)


def _device(model: Swin) -> torch.device:
    return model.patch_embed.proj.weight.device
