"""What timm has: its networks by name, and the weights that were published for each."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from swinkit.backbones.names import TIMM
from swinkit.data.vision import load_torchvision
from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Preprocess
from swinkit.weights import hub
from swinkit.weights.asking import Say
from swinkit.weights.download import cached, download
from swinkit.weights.labels import imagenet_1k

INSTALL = 'pip install "swinkit[timm]"'
_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos", "nearest")


def load_timm() -> ModuleType:
    """Import timm, after torchvision. Raises ConfigError naming the extra where it is not installed."""
    try:
        load_torchvision()
        import timm
    except ModuleNotFoundError as error:
        if error.name not in ("timm", "torchvision"):
            raise
        raise ConfigError(
            f"networks of timm need {error.name}, which is not installed", hint=INSTALL
        ) from None
    return cast(ModuleType, timm)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A network of timm and the weights that were published for it.

    name: of the architecture. tag: which weights; empty where there are none. repository, url: where they
        lie, if anywhere. licence: theirs, as timm states it.
    classes, labels: rows of their head, and what they stand for where that is known.
    preprocess: with which they were scored. fixed: whether the network is built for one size of picture.
    settings: timm's own record of them.
    """

    name: str
    tag: str
    repository: str
    url: str
    licence: str
    classes: int
    labels: tuple[str, ...] | None
    preprocess: Preprocess
    fixed: bool
    settings: dict[str, Any]

    def __str__(self) -> str:
        return f"{TIMM}{self.name}" + (f".{self.tag}" if self.tag else "")

    @property
    def exists(self) -> bool:
        return bool(self.repository or self.url)

    @property
    def is_cached(self) -> bool:
        """Whether the weights lie on this disk already."""
        return hub.is_cached(self.repository) if self.repository else cached(self.url) is not None

    def fetch(self, say: Say | None) -> Path:
        """The folder or file of the weights; CheckpointError where they cannot be had."""
        if self.repository:
            return hub.fetch_model(self.repository, say=say)
        if self.url:
            return download(self.url, say=say)
        raise CheckpointError(
            f"no weights of {self} were published", hint="--weights none trains from scratch"
        )


def published(text: str) -> Published:
    """What timm knows under a name, `timm:resnet18` or `timm:resnet18.a1_in1k`.

    Raises ConfigError with the nearest names where it knows nothing.
    """
    timm = load_timm()
    name, _, tag = text.removeprefix(TIMM).partition(".")
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        raise ConfigError(
            f"timm {timm.__version__} has no network named {name!r}",
            hint=f"nearest: {', '.join(TIMM + one for one in near)}"
            if near
            else "timm.list_models() lists them",
        )
    try:
        settings = timm.get_pretrained_cfg(f"{name}.{tag}" if tag else name)
    except RuntimeError:  # how timm says that it has no such tag
        known = ", ".join(timm.list_pretrained(f"{name}.*"))
        raise ConfigError(
            f"timm {timm.__version__} has no weights {tag!r} of {name}", hint=f"there are {known or 'none'}"
        ) from None
    return _published(name, settings.to_dict())


def _published(name: str, settings: dict[str, Any]) -> Published:
    from timm.data import infer_imagenet_subset

    classes = settings["num_classes"]
    of_imagenet_1k = infer_imagenet_subset(settings) == "imagenet-1k"
    return Published(
        name=name,
        tag=settings.get("tag", ""),
        repository=settings.get("hf_hub_id", ""),
        url=settings.get("url", ""),
        licence=settings.get("license", "not stated"),
        classes=classes,
        labels=imagenet_1k() if of_imagenet_1k and classes == len(imagenet_1k()) else None,
        preprocess=_preprocess(settings),
        fixed=settings.get("fixed_input_size", False),
        settings=settings,
    )


def _preprocess(settings: dict[str, Any]) -> Preprocess:
    """As timm's own evaluation prepares pictures."""
    _, height, width = settings["input_size"]
    share = settings["crop_pct"]
    interpolation = settings["interpolation"]
    return Preprocess(
        image_size=(height, width),
        resize_to=(int(height / share), int(width / share)),
        squash=settings.get("crop_mode") == "squash",
        interpolation=interpolation if interpolation in _INTERPOLATIONS else "bicubic",
        mean=tuple(settings["mean"]),
        std=tuple(settings["std"]),
    )
