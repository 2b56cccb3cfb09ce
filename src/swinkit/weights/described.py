"""What stands beside the tensors: the configurations that libraries write into a file or folder.

Each is read into the same few `Facts`. A fact that is None is not stated; nothing is filled in from habit,
except where the library that wrote the description documents a default of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Preprocess, SwinConfig
from swinkit.models.preprocess import IMAGENET_MEAN, IMAGENET_STD
from swinkit.models.sizes import size_config
from swinkit.windows import POLICIES, Pair, Policy

SCHEMA = 1

Interpolation = Literal["bicubic", "bilinear", "lanczos", "nearest"]
Windows = Pair | tuple[Pair, ...]  # one window for all stages, or one per stage


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a description says about a Swin; None where it says nothing."""

    origin: str = ""
    """Where this stands, for messages: `config.json`, say."""
    version: int | None = None
    embed_dim: int | None = None
    depths: tuple[int, ...] | None = None
    num_heads: tuple[int, ...] | None = None
    window: Windows | None = None
    pretrained_window: tuple[Pair | None, ...] | None = None
    """Empty where it is stated that there is none."""
    patch_size: Pair | None = None
    in_channels: int | None = None
    image_size: Pair | None = None
    qkv_bias: bool | None = None
    dense: tuple[int, ...] | None = None
    """Stages of a backbone without norms, which its tensors do not tell."""
    policy: Policy | None = None
    labels: tuple[str, ...] | None = None
    preprocess: Preprocess | None = None
    named: SwinConfig | None = None
    """The published architecture that is named; it says nothing where the tensors are of another."""
    config: SwinConfig | None = None
    """The whole of it, in our own files."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else our own files say."""


def described(extra: Mapping[str, Any]) -> Facts:
    """The facts that a checkpoint's plain values state.

    Raises CheckpointError for settings that no Swin of ours reproduces: attention dropout, another
    activation.
    """
    try:
        return _described(extra)
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"has a description beside its tensors that makes no sense ({error})") from None


def _described(extra: Mapping[str, Any]) -> Facts:
    ours = _mapping(extra.get("metadata")).get("swinkit")
    if ours is not None:
        return _from_swinkit(ours)
    config = _mapping(extra.get("config.json"))
    if "architecture" in config or "pretrained_cfg" in config:
        return _from_timm(config)
    if config:
        return _from_huggingface(config, _mapping(extra.get("preprocessor_config.json")))
    for value in (extra.get("config"), extra.get("cfg")):
        if "SWIN" in _mapping(_mapping(value).get("MODEL")) or "SWINV2" in _mapping(
            _mapping(value).get("MODEL")
        ):
            return _from_yacs(_mapping(value))
    return Facts()


# Ours -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class OtherNetwork:
    """What a file of ours says about a network that is no Swin.

    library: whose it is. config: what it is built from again; its `name` is the library's.
    """

    library: str
    config: Mapping[str, Any]
    labels: tuple[str, ...] | None
    preprocess: Preprocess | None
    extra: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.library}:{self.config['name']}"


def other_network(extra: Mapping[str, Any]) -> OtherNetwork | None:
    """What stands in a file of ours of another library's network; None in every other file.

    Raises CheckpointError where it makes no sense.
    """
    text = _mapping(extra.get("metadata")).get("swinkit")
    with _understanding():
        values = {} if text is None else _ours(text)
        if _TIMM not in values:
            return None
        return OtherNetwork(
            library=_TIMM,
            config={**values[_TIMM], "name": str(values[_TIMM]["name"])},
            labels=_labels(values),
            preprocess=_preparation(values),
            extra=values.get("extra") or {},
        )


_TIMM = "timm"


def _from_swinkit(text: Any) -> Facts:
    with _understanding():
        values = _ours(text)
        config = SwinConfig.from_dict(values["config"])
        return Facts(
            origin="the file's own description",
            config=config,
            policy=config.policy,
            image_size=config.image_size,
            labels=_labels(values),
            preprocess=_preparation(values),
            extra=values.get("extra") or {},
        )


def _ours(text: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(text)
    if values["schema"] > SCHEMA:
        raise CheckpointError(
            f"was written by a newer swinkit (schema {values['schema']}; this one knows {SCHEMA})",
            hint="update swinkit",
        )
    return values


def _labels(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    labels = values.get("labels")
    return None if labels is None else tuple(map(str, labels))


def _preparation(values: Mapping[str, Any]) -> Preprocess | None:
    preprocess = values.get("preprocess")
    return None if preprocess is None else Preprocess.from_dict(preprocess)


@contextmanager
def _understanding() -> Iterator[None]:
    """Whatever else a damaged description raises, it is a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"has a damaged description in its metadata ({error})") from None


# timm -------------------------------------------------------------------------------------------------------


def _from_timm(config: Mapping[str, Any]) -> Facts:
    name = str(config.get("architecture", "")).partition(".")[0]
    given = _mapping(config.get("model_args"))
    cfg = _mapping(config.get("pretrained_cfg")) or config
    _refuse(
        "config.json",
        {
            "attn_drop_rate": given.get("attn_drop_rate", 0),
            "head_dim": given.get("head_dim"),
            "global_pool": None if given.get("global_pool", "avg") == "avg" else given["global_pool"],
            "act_layer": None if given.get("act_layer", "gelu") == "gelu" else given["act_layer"],
        },
    )
    named = _published(name)
    input_size = cfg.get("input_size")
    image_size = _pair(given.get("img_size")) or (_pair(input_size[1:]) if input_size else None)
    return Facts(
        origin="config.json",
        named=named,
        embed_dim=given.get("embed_dim"),
        depths=_integers(given.get("depths")),
        num_heads=_integers(given.get("num_heads")),
        window=_windows(given.get("window_size")),
        pretrained_window=_pretrained(given.get("pretrained_window_sizes")),
        patch_size=_pair(given.get("patch_size")),
        in_channels=given.get("in_chans"),
        image_size=image_size,
        policy=_ALWAYS_PARTITION if given.get("always_partition") else None,
        labels=_names(cfg.get("label_names") or config.get("label_names")),
        preprocess=_timm_preprocess(cfg, image_size),
    )


# Windows and shifts as asked, whatever the map.
_ALWAYS_PARTITION = replace(
    POLICIES["timm"], name="timm_always_partition", decided="per call", shift_off="never", small="pad"
)


def _published(name: str) -> SwinConfig | None:
    try:
        return size_config(name)
    except ConfigError:
        return None


def _timm_preprocess(cfg: Mapping[str, Any], image_size: Pair | None) -> Preprocess | None:
    if image_size is None or "crop_pct" not in cfg:
        return None
    share = float(cfg["crop_pct"])
    return Preprocess(
        image_size=image_size,
        resize_to=(math.floor(image_size[0] / share), math.floor(image_size[1] / share)),
        squash=cfg.get("crop_mode") == "squash",
        interpolation=_interpolation(cfg.get("interpolation", "bicubic")),
        mean=_floats(cfg.get("mean")) or IMAGENET_MEAN,
        std=_floats(cfg.get("std")) or IMAGENET_STD,
    )


# transformers -----------------------------------------------------------------------------------------------


def _from_huggingface(config: Mapping[str, Any], processor: Mapping[str, Any]) -> Facts:
    task, config = config, _backbone_config(config)
    kind = str(config.get("model_type", ""))
    if kind not in ("swin", "swinv2", "donut-swin", "maskformer-swin"):
        return Facts()
    _refuse(
        "config.json",
        {
            "attention_probs_dropout_prob": config.get("attention_probs_dropout_prob", 0),
            "hidden_act": None if config.get("hidden_act", "gelu") == "gelu" else config["hidden_act"],
            "layer_norm_eps": None
            if config.get("layer_norm_eps", 1e-5) == 1e-5
            else config["layer_norm_eps"],
        },
    )
    depths = _integers(config.get("depths")) or (2, 2, 6, 2)
    architectures = task.get("architectures") or [""]
    out = config.get("out_features") or config.get("_out_features")
    is_backbone = str(architectures[0]).endswith("Backbone") or config is not task
    image_size = _pair(config.get("image_size", 224))
    return Facts(
        origin="config.json",
        version=2 if kind == "swinv2" else 1,
        embed_dim=config.get("embed_dim", 96),
        depths=depths,
        num_heads=_integers(config.get("num_heads")) or (3, 6, 12, 24),
        window=_pair(config.get("window_size", 7)),
        pretrained_window=_pretrained(config.get("pretrained_window_sizes")),
        patch_size=_pair(config.get("patch_size", 4)),
        in_channels=config.get("num_channels", 3),
        image_size=image_size,
        qkv_bias=config.get("qkv_bias", True),
        dense=_out_stages(out) if is_backbone and kind == "swinv2" else None,
        labels=_huggingface_labels(_mapping(task.get("id2label"))),
        preprocess=_huggingface_preprocess(processor),
    )


def _backbone_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a task model's description that is about its Swin."""
    for key in ("backbone_config", "encoder"):
        if str(_mapping(config.get(key)).get("model_type", "")).find("swin") >= 0:
            return _mapping(config[key])
    return config


def _out_stages(names: Any) -> tuple[int, ...] | None:
    if not isinstance(names, Sequence) or isinstance(names, str):
        return None
    numbers = [str(name).removeprefix("stage") for name in names]
    return tuple(int(number) - 1 for number in numbers if number.isdecimal()) or None


def _huggingface_labels(names: Mapping[Any, Any]) -> tuple[str, ...] | None:
    by_number = {int(number): str(name) for number, name in names.items() if str(number).isdecimal()}
    if sorted(by_number) != list(range(len(by_number))):
        return None
    labels = tuple(by_number[number] for number in range(len(by_number)))
    placeholders = tuple(f"LABEL_{number}" for number in range(len(by_number)))
    return None if labels == placeholders else labels


_PILLOW_METHODS: dict[Any, Interpolation] = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}


def _huggingface_preprocess(processor: Mapping[str, Any]) -> Preprocess | None:
    """The processors of transformers: squash to `size`, or shorter side to `size` and crop to `crop_size`."""
    size = processor.get("size")
    size = {"height": size, "width": size} if isinstance(size, int) else _mapping(size)
    crop = _sides(processor.get("crop_size")) if processor.get("do_center_crop", True) else None
    shortest = size.get("shortest_edge")
    image_size = _sides(size) or crop or (shortest and (shortest, shortest))
    if not image_size or not processor.get("do_resize", True):
        return None
    normalises = processor.get("do_normalize", True)
    resize_to = (shortest, shortest) if shortest else None
    share = processor.get("crop_pct")
    if shortest and share and shortest < 384:  # ConvNeXt's: `size` is what is left after the crop
        image_size, resize_to = (shortest, shortest), (int(shortest / share),) * 2
    elif shortest and crop:
        image_size = crop
    return Preprocess(
        image_size=image_size,
        resize_to=resize_to,
        squash=not shortest or bool(share and shortest >= 384),
        interpolation=_PILLOW_METHODS.get(processor.get("resample", 2), "bilinear"),
        mean=(_floats(processor.get("image_mean")) or IMAGENET_MEAN) if normalises else (0.0, 0.0, 0.0),
        std=(_floats(processor.get("image_std")) or IMAGENET_STD) if normalises else (1.0, 1.0, 1.0),
    )


# Microsoft --------------------------------------------------------------------------------------------------


def _from_yacs(config: Mapping[str, Any]) -> Facts:
    model, data = _mapping(config.get("MODEL")), _mapping(config.get("DATA"))
    version = 2 if "v2" in str(model.get("TYPE", "")).lower() else 1
    swin = _mapping(model.get("SWINV2" if version == 2 else "SWIN"))
    if not swin:
        return Facts()
    _refuse(
        "the file's config",
        {"ATTN_DROP_RATE": model.get("ATTN_DROP_RATE", 0), "QK_SCALE": swin.get("QK_SCALE")},
    )
    return Facts(
        origin="the file's config",
        version=version,
        embed_dim=swin.get("EMBED_DIM"),
        depths=_integers(swin.get("DEPTHS")),
        num_heads=_integers(swin.get("NUM_HEADS")),
        window=_pair(swin.get("WINDOW_SIZE")),
        pretrained_window=_pretrained(swin.get("PRETRAINED_WINDOW_SIZES")),
        patch_size=_pair(swin.get("PATCH_SIZE")),
        in_channels=swin.get("IN_CHANS"),
        image_size=_pair(data.get("IMG_SIZE")),
        qkv_bias=swin.get("QKV_BIAS"),
    )


# Values -----------------------------------------------------------------------------------------------------


def _refuse(origin: str, settings: Mapping[str, Any]) -> None:
    """Settings of a file that change what the model computes and that swinkit does not have."""
    asked = [f"{name} = {value}" for name, value in settings.items() if value]
    if asked:
        raise CheckpointError(f"asks in {origin} for {', '.join(asked)}, which swinkit does not have")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _integers(value: Any) -> tuple[int, ...] | None:
    return (
        tuple(int(item) for item in value)
        if isinstance(value, Sequence) and not isinstance(value, str)
        else None
    )


def _floats(value: Any) -> tuple[float, ...] | None:
    return tuple(float(item) for item in value) if isinstance(value, Sequence) and value else None


def _names(value: Any) -> tuple[str, ...] | None:
    return (
        tuple(map(str, value))
        if isinstance(value, Sequence) and value and not isinstance(value, str)
        else None
    )


def _pair(value: Any) -> Pair | None:
    if isinstance(value, int):
        return (value, value) if value > 0 else None
    sides = _integers(value)
    if not sides or len(sides) > 2 or min(sides) < 1:
        return None
    return sides[0], sides[-1]


def _sides(size: Any) -> Pair | None:
    if isinstance(size, int):
        return size, size
    return _pair((_mapping(size).get("height", 0), _mapping(size).get("width", 0)))


def _windows(value: Any) -> Windows | None:
    """timm's window: one side, two sides, or one or two sides for each stage."""
    if not isinstance(value, Sequence) or (len(value) == 2 and isinstance(value[0], int)):
        return _pair(value)
    windows = tuple(window for window in map(_pair, value) if window)
    return windows if len(windows) == len(value) else None


def _pretrained(value: Any) -> tuple[Pair | None, ...] | None:
    """0 stands for "not set"."""
    if not isinstance(value, Sequence):
        return None
    windows = tuple(_pair(entry) for entry in value)
    return windows if any(windows) else ()


def _interpolation(name: str) -> Interpolation:
    known: tuple[Interpolation, ...] = ("bicubic", "bilinear", "lanczos", "nearest")
    return next((method for method in known if method == name), "bicubic")
