"""Named sizes: each row of the table is one architecture; add a size by adding a row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from swinkit.errors import ConfigError
from swinkit.models.config import SwinConfig
from swinkit.models.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from swinkit.models.resize import window_per_stage
from swinkit.models.swin import Swin
from swinkit.windows import POLICIES, Pair, Policy, pair, policy_named

_TINY, _SMALL = (2, 2, 6, 2), (2, 2, 18, 2)
_HEADS = {96: (3, 6, 12, 24), 128: (4, 8, 16, 32), 192: (6, 12, 24, 48)}


def _v1(embed_dim: int, depths: tuple[int, ...], window: int | tuple[int, ...], size: int) -> SwinConfig:
    return SwinConfig(
        embed_dim=embed_dim,
        depths=depths,
        num_heads=_HEADS[embed_dim],
        window=window_per_stage(window, len(depths)),
        image_size=(size, size),
    )


def _v2(
    embed_dim: int,
    depths: tuple[int, ...],
    window: tuple[int, ...],
    size: int,
    pretrained: tuple[int, ...] | None = None,
) -> SwinConfig:
    return replace(
        _v1(embed_dim, depths, window, size),
        version=2,
        pretrained_window=window_per_stage(pretrained, len(depths)) if pretrained else None,
    )


def _own(
    embed_dim: int, depths: tuple[int, ...], heads: tuple[int, ...], patch: int, window: int, size: int
) -> SwinConfig:
    return SwinConfig(
        embed_dim=embed_dim,
        depths=depths,
        num_heads=heads,
        window=window_per_stage(window, len(depths)),
        patch_size=(patch, patch),
        image_size=(size, size),
    )


# Windows stand as the weights files hold them: the last stage's is no larger than its map.
_W16, _W24, _W12 = (16, 16, 16, 8), (24, 24, 24, 12), (12, 12, 12, 6)

SIZES: dict[str, SwinConfig] = {
    # Liu et al. 2021, Table 7 and the published configurations
    "swin_tiny_patch4_window7_224": _v1(96, _TINY, 7, 224),
    "swin_small_patch4_window7_224": _v1(96, _SMALL, 7, 224),
    "swin_base_patch4_window7_224": _v1(128, _SMALL, 7, 224),
    "swin_base_patch4_window12_384": _v1(128, _SMALL, 12, 384),
    "swin_large_patch4_window7_224": _v1(192, _SMALL, 7, 224),
    "swin_large_patch4_window12_384": _v1(192, _SMALL, 12, 384),
    # Chen et al. 2021 (S3, searched window shapes)
    "swin_s3_tiny_224": _v1(96, _TINY, (7, 7, 14, 7), 224),
    "swin_s3_small_224": _v1(96, _SMALL, (14, 14, 14, 7), 224),
    "swin_s3_base_224": _v1(96, (2, 2, 30, 2), (7, 7, 14, 7), 224),
    # Liu et al. 2022
    "swinv2_tiny_window8_256": _v2(96, _TINY, (8, 8, 8, 8), 256),
    "swinv2_tiny_window16_256": _v2(96, _TINY, _W16, 256),
    "swinv2_small_window8_256": _v2(96, _SMALL, (8, 8, 8, 8), 256),
    "swinv2_small_window16_256": _v2(96, _SMALL, _W16, 256),
    "swinv2_base_window8_256": _v2(128, _SMALL, (8, 8, 8, 8), 256),
    "swinv2_base_window16_256": _v2(128, _SMALL, _W16, 256),
    "swinv2_base_window12_192": _v2(128, _SMALL, _W12, 192),
    "swinv2_base_window12to16_192to256": _v2(128, _SMALL, _W16, 256, _W12),
    "swinv2_base_window12to24_192to384": _v2(128, _SMALL, _W24, 384, _W12),
    "swinv2_large_window12_192": _v2(192, _SMALL, _W12, 192),
    "swinv2_large_window12to16_192to256": _v2(192, _SMALL, _W16, 256, _W12),
    "swinv2_large_window12to24_192to384": _v2(192, _SMALL, _W24, 384, _W12),
    # Our own, for small pictures and for tests
    "swin_pico": _own(16, (2, 2), (2, 4), 2, 4, 32),
    "swin_nano": _own(32, (2, 2, 2), (2, 4, 8), 2, 4, 32),
    "swin_micro": _own(48, (2, 2, 4, 2), (3, 6, 12, 24), 4, 4, 128),
    # Lee et al. 2021, the Swin that small pictures are compared on
    "swin_mini_patch2_window4_32": replace(_own(96, (2, 6, 4), (3, 6, 12), 2, 4, 32), mlp_ratio=2.0),
    "swin_mini_patch4_window4_64": replace(_own(96, (2, 6, 4), (3, 6, 12), 4, 4, 64), mlp_ratio=2.0),
}

ALIASES: dict[str, str] = {
    "swin_tiny": "swin_tiny_patch4_window7_224",
    "swin_small": "swin_small_patch4_window7_224",
    "swin_base": "swin_base_patch4_window7_224",
    "swin_base_w12": "swin_base_patch4_window12_384",
    "swin_large": "swin_large_patch4_window7_224",
    "swin_large_w12": "swin_large_patch4_window12_384",
    "swin_s3_tiny": "swin_s3_tiny_224",
    "swin_s3_small": "swin_s3_small_224",
    "swin_s3_base": "swin_s3_base_224",
    "swinv2_tiny": "swinv2_tiny_window8_256",
    "swinv2_tiny_w16": "swinv2_tiny_window16_256",
    "swinv2_small": "swinv2_small_window8_256",
    "swinv2_small_w16": "swinv2_small_window16_256",
    "swinv2_base": "swinv2_base_window8_256",
    "swinv2_base_w16": "swinv2_base_window16_256",
    "swinv2_base_w12": "swinv2_base_window12_192",
    "swinv2_base_w12to16": "swinv2_base_window12to16_192to256",
    "swinv2_base_w12to24": "swinv2_base_window12to24_192to384",
    "swinv2_large": "swinv2_large_window12_192",
    "swinv2_large_w12": "swinv2_large_window12_192",
    "swinv2_large_w12to16": "swinv2_large_window12to16_192to256",
    "swinv2_large_w12to24": "swinv2_large_window12to24_192to384",
    "swin_t": "swin_tiny_patch4_window7_224",
    "swin_s": "swin_small_patch4_window7_224",
    "swin_b": "swin_base_patch4_window7_224",
    "swin_v2_t": "swinv2_tiny_window8_256",
    "swin_v2_s": "swinv2_small_window8_256",
    "swin_v2_b": "swinv2_base_window8_256",
}


def size_config(name: str) -> SwinConfig:
    """The architecture of a named size. Raises ConfigError with the nearest names."""
    key = name.replace("_patch4", "") if name.startswith("swinv2_") else name
    key = ALIASES.get(key, key)
    if key not in SIZES:
        near = difflib.get_close_matches(name, [*SIZES, *ALIASES], n=3, cutoff=0.4)
        raise ConfigError(
            f"there is no size named {name!r}",
            hint=f"nearest: {', '.join(near)}" if near else f"sizes are {', '.join(SIZES)}",
        )
    return SIZES[key]


def create_model(
    size: str,
    *,
    classes: int | Sequence[str] | None = None,
    in_channels: int = 3,
    image_size: int | Pair | None = None,
    window: int | Pair | Sequence[int | Pair] | None = None,
    dense: bool | Sequence[int] | None = None,
    norms: bool = True,
    policy: str | Policy | None = None,
    drop_path: float = 0.0,
    **config: Any,
) -> Swin:
    """A Swin Transformer with fresh weights.

    size: a name from `SIZES` or `ALIASES`. classes: a count or names; by default ImageNet's 1,000, or no
    head for a dense model; 0 is no head. dense: stages whose maps are wanted (True: all), each with a norm
    unless `norms=False`. policy: what happens at odd sizes (`windows.POLICIES`); by default `microsoft`,
    or `dense` for a dense model. image_size: pixels; never changes the window. Further keywords are fields
    of `SwinConfig`; `position=True` adds an absolute position embedding for `image_size`.
    Raises ConfigError for an unknown size or field, or a Swin that cannot be built.
    """
    base = size_config(size)
    _check_fields(config)
    depths = tuple(config.get("depths", base.depths))
    stages = None if dense is None or dense is False else range(len(depths)) if dense is True else dense
    labels = tuple(classes) if isinstance(classes, Sequence) else None
    if isinstance(classes, int):
        count = classes
    elif labels is not None:
        count = len(labels)
    else:
        count = 0 if stages is not None else base.classes
    changes: dict[str, Any] = {
        "classes": count,
        "in_channels": in_channels,
        "dense": None if stages is None else tuple(stages),
        "norms": norms,
        "policy": _policy(policy, dense=stages is not None),
        "drop_path": drop_path,
        **config,
        "depths": depths,
    }
    if image_size is not None:
        changes["image_size"] = pair(image_size, "image_size")
    if "patch_size" in changes:
        changes["patch_size"] = pair(changes["patch_size"], "patch_size")
    if window is not None or len(depths) != len(base.depths):
        changes["window"] = window_per_stage(window or base.window[0], len(depths))
        changes.setdefault("pretrained_window", None)
    position = changes.pop("position", None)
    built = replace(base, **changes)
    if position:
        if position is True and built.image_size is None:
            raise ConfigError("an absolute position embedding needs an image_size")
        where = built.map_size(built.image_size, 0) if position is True else pair(position, "position")  # type: ignore[arg-type]
        built = replace(built, position=where)
    model = Swin(built)
    model.labels = labels
    model.preprocess = default_preprocess(built)
    return model


def default_preprocess(config: SwinConfig) -> Preprocess | None:
    """Microsoft's test protocol: the shorter side to 256/224 of the input, centre crop."""
    if config.image_size is None:
        return None
    rgb = config.in_channels == 3
    height, width = config.image_size
    return Preprocess(
        image_size=config.image_size,
        resize_to=(int(256 / 224 * height), int(256 / 224 * width)),
        mean=IMAGENET_MEAN if rgb else (0.5,) * config.in_channels,
        std=IMAGENET_STD if rgb else (0.5,) * config.in_channels,
    )


def _policy(policy: str | Policy | None, *, dense: bool) -> Policy:
    if isinstance(policy, Policy):
        return policy
    return POLICIES["dense" if dense else "microsoft"] if policy is None else policy_named(policy)


def _check_fields(config: dict[str, Any]) -> None:
    known = {field.name for field in fields(SwinConfig)}
    unknown = sorted(set(config) - known)
    if unknown:
        raise ConfigError(
            f"create_model does not know {', '.join(unknown)}",
            hint=f"further settings are {', '.join(sorted(known))}",
        )
