"""A network of timm on our road: timm's own code up to the vector of a picture, then a head of ours."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from swinkit.backbones.library import load_timm
from swinkit.backbones.names import TIMM
from swinkit.errors import ConfigError
from swinkit.models import Backbone
from swinkit.models.drop_path import DropPath
from swinkit.models.parameters import grouped
from swinkit.windows import Pair

_BATCH_NORM = nn.modules.batchnorm._BatchNorm


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """What a network of timm is built from again.

    name: as timm calls the architecture. version: of the timm that built it. width: of its vectors.
    fixed: whether it was built for `image_size` alone.
    """

    name: str
    version: str
    width: int
    classes: int
    in_channels: int
    image_size: Pair
    fixed: bool
    drop_path: float = 0.0
    """Rate of stochastic depth in the last block; 0 where the network knows none."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back to an equal config."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TimmConfig:
        return cls(**{**values, "image_size": tuple(values["image_size"])})


class TimmBackbone(Backbone):
    """`network` of timm, without its classifier, and a linear head."""

    def __init__(self, config: TimmConfig, network: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.labels = None
        self.preprocess = None
        self.load_report = None
        self.network = network
        self.head = nn.Linear(config.width, config.classes) if config.classes else None

    def __str__(self) -> str:
        return f"{TIMM}{self.config.name}"

    def forward(self, x: Tensor) -> Tensor:
        features = self.embed(x)
        return self.head(features) if self.head is not None else features

    def embed(self, x: Tensor) -> Tensor:
        vectors: Tensor = self.network(x)
        return vectors

    # ---------------------------------------------------------------- what it is

    @property
    def classes(self) -> int:
        return self.config.classes

    @property
    def in_channels(self) -> int:
        return self.config.in_channels

    @property
    def drop_path(self) -> float:
        return self.config.drop_path

    @property
    def kernel(self) -> str:
        return "PyTorch"

    @property
    def any_size(self) -> bool:
        return not self.config.fixed

    @property
    def can_share(self) -> bool:
        return False

    @property
    def mixes_pictures(self) -> bool:
        return any(isinstance(module, _BATCH_NORM) for module in self.network.modules())

    @property
    def can_recompute(self) -> bool:
        """Not with batch norms, which would average every batch twice."""
        return hasattr(self.network, "set_grad_checkpointing") and not self.mixes_pictures

    @property
    def depths(self) -> tuple[int, ...]:
        """Layers of each stage, as timm groups the parameters; what precedes the first stage is no stage."""
        layers, stages = self._places(coarse=False), self._places(coarse=True)
        found: dict[int, set[int]] = {}
        for name, stage in stages.items():
            found.setdefault(stage, set()).add(layers[name])
        return tuple(len(found[stage]) for stage in sorted(found) if stage > 0)

    def macs(self, image_size: Pair) -> int:
        """Multiply-adds, counted by PyTorch in a forward pass of one picture (`FlopCounterMode`).

        Attention is computed by its formula meanwhile, since fused kernels are not counted on every device.
        """
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            _pass_through(self, self.in_channels, image_size, gradients=True)  # for which the counter asks
        return counter.get_total_flops() // 2  # it counts a multiply-add as two

    # ---------------------------------------------------------------- training

    def parameter_groups(self, weight_decay: float, layer_decay: float | None = None) -> list[dict[str, Any]]:
        """By timm's own layers and by its list of what never decays; the head is the layer above them all."""
        layers, undecayed = self._places(coarse=False), self._never_decays()
        top = max(layers.values()) + 1
        inside = ((name.removeprefix("network."), one) for name, one in self.named_parameters())
        placed = (
            (one, layers.get(name, top), one.ndim > 1 and not name.startswith(undecayed))
            for name, one in inside
        )
        return grouped(placed, top, weight_decay, layer_decay)

    def freeze(self, stages: int) -> Self:
        if not 0 <= stages <= len(self.depths):
            raise ConfigError(f"this model has {len(self.depths)} stages; cannot freeze {stages}")
        places = self._places(coarse=True)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not stages or places[name] > stages)
        return self.train(self.training)

    def recompute(self) -> Self:
        """As timm does it. Raises ConfigError for a network that cannot."""
        if not self.can_recompute:
            raise ConfigError(f"{self} cannot compute its activations again")
        self.network.set_grad_checkpointing(True)  # type: ignore[operator]
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode for all that learns: what is frozen neither drops paths nor averages batches."""
        super().train(mode)
        for module in self.network.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()
        return self

    def resize(self, image_size: int | Pair | None = None) -> TimmBackbone:
        """A copy that prepares pictures at another size. Raises ConfigError where it was built for one."""
        wanted = (image_size, image_size) if isinstance(image_size, int) else image_size
        size = wanted or self.config.image_size
        if self.config.fixed and size != self.config.image_size:
            raise ConfigError(
                f"{self} was built for {_sides(self.config.image_size)} pixels, not {_sides(size)}",
                hint="load it for the other size: --image-size",
            )
        other = copy.deepcopy(self)
        other.config = replace(self.config, image_size=size)
        other.preprocess = self.preprocess and self.preprocess.for_size(size)
        return other

    # ---------------------------------------------------------------- inside

    def _places(self, *, coarse: bool) -> dict[str, int]:
        """The layer, or the stage, of each parameter, counted from the pixels up, as timm groups them.

        Groups that hold no matrix, such as a last norm, belong to the one before. Where timm has no groups
        for a network, all of it is one.
        """
        from timm.models import group_parameters

        try:
            matcher = self.network.group_matcher(coarse=coarse)  # type: ignore[operator]
        except (AttributeError, AssertionError):  # how timm says that it has none
            return {name: 0 for name, _ in self.network.named_parameters()}
        groups: dict[int, list[str]] = group_parameters(self.network, matcher)
        shapes = {name: parameter.ndim for name, parameter in self.network.named_parameters()}
        places: dict[str, int] = {}
        place = -1
        for _, names in sorted(groups.items()):
            place += place < 0 or any(shapes[name] > 1 for name in names)
            places |= dict.fromkeys(names, place)
        return places

    def _never_decays(self) -> tuple[str, ...]:
        """Names, or beginnings of names, of matrices that are no weights of a layer."""
        listed = getattr(self.network, "no_weight_decay", None)
        return tuple(listed()) if listed is not None else ()


def make_network(
    name: str, *, classes: int, in_channels: int, image_size: Pair, fixed: bool, drop_path: float
) -> TimmBackbone:
    """A network of timm with fresh weights, from torch's generator as it stands.

    fixed: whether it is built for that size of picture alone.
    Raises ConfigError where timm cannot build it so, or it does not take such pictures.
    """
    arguments: dict[str, Any] = {"num_classes": 0, "in_chans": in_channels, "drop_path_rate": drop_path}
    if fixed:
        arguments["img_size"] = image_size
    network, drops = _created(name, arguments)
    config = TimmConfig(
        name=name,
        version=load_timm().__version__,
        width=0,
        classes=classes,
        in_channels=in_channels,
        image_size=image_size,
        fixed=fixed,
        drop_path=drop_path if drops else 0.0,
    )
    model = TimmBackbone(_measured(config, network), network)
    if model.head is not None:
        nn.init.trunc_normal_(model.head.weight, std=0.02)
        nn.init.zeros_(model.head.bias)
    return model


def fill_network(
    name: str,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    *,
    in_channels: int,
    image_size: Pair,
    fixed: bool,
    drop_path: float,
) -> tuple[TimmBackbone, nn.Module | None]:
    """A network of timm with weights in timm's names, and the classifier that they hold; no head of ours.

    settings: timm's record of the weights (`PretrainedCfg`): from which pictures, with how many classes. timm
    itself fits them to other channels and to another size of picture.
    Raises ConfigError where timm cannot.
    """
    arguments = {
        "pretrained": True,
        "pretrained_cfg": {**settings, "state_dict": dict(tensors)},
        "num_classes": settings["num_classes"],
        "in_chans": in_channels,
        "drop_path_rate": drop_path,
    }
    if fixed:
        arguments["img_size"] = image_size
    network, drops = _created(name, arguments)
    network.pretrained_cfg.pop("state_dict", None)  # type: ignore[operator, union-attr]
    classifier = network.get_classifier() if settings["num_classes"] else None  # type: ignore[operator]
    network.reset_classifier(0)  # type: ignore[operator]
    config = TimmConfig(
        name=name,
        version=load_timm().__version__,
        width=0,
        classes=0,
        in_channels=in_channels,
        image_size=image_size,
        fixed=fixed,
        drop_path=drop_path if drops else 0.0,
    )
    return TimmBackbone(_measured(config, network), network), classifier


_NOT_EVERYWHERE = ("drop_path_rate", "img_size")  # that some networks of timm do not take


def _created(name: str, arguments: dict[str, Any]) -> tuple[nn.Module, bool]:
    """What timm builds, without what this network does not take; whether it knows stochastic depth.

    Raises ConfigError where timm cannot build it.
    """
    timm = load_timm()
    given = dict(arguments)
    while True:
        try:
            network = timm.create_model(name, **given)
            break
        except TypeError as error:
            refused = [one for one in _NOT_EVERYWHERE if one in given and f"'{one}'" in str(error)]
            if not refused:
                raise
            del given[refused[0]]
        except (AssertionError, RuntimeError, ValueError) as error:  # in timm's own words
            raise ConfigError(f"timm cannot build {name} like this: {_first_line(error)}") from error
    return _with_our_drop_paths(network), "drop_path_rate" in given


def _with_our_drop_paths(network: nn.Module) -> nn.Module:
    """Stochastic depth that draws the same however a batch is cut into parts (`models/drop_path.py`)."""
    from timm.layers import DropPath as Theirs

    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Theirs) and child.scale_by_keep and child.drop_prob:
                setattr(module, name, DropPath(child.drop_prob))
    return network


def _measured(config: TimmConfig, network: nn.Module) -> TimmConfig:
    """With the width of the vector that comes out for a picture."""
    bare = TimmBackbone(replace(config, classes=0), network)
    vectors = _pass_through(bare, config.in_channels, config.image_size)
    if vectors.ndim != 2:
        raise ConfigError(f"{bare} gives no vector for a picture, but {tuple(vectors.shape)}")
    return replace(config, width=vectors.shape[1])


def _pass_through(model: TimmBackbone, channels: int, image_size: Pair, *, gradients: bool = False) -> Tensor:
    """What comes out for one blank picture. Raises ConfigError where the network does not take its size."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.set_grad_enabled(gradients):
            vectors: Tensor = model(torch.zeros(1, channels, *image_size, device=device))
            return vectors
    except (AssertionError, RuntimeError, ValueError) as error:  # in the network's own words
        raise ConfigError(
            f"{model} does not take pictures of {_sides(image_size)} pixels: {_first_line(error)}",
            hint="give it another --image-size, such as that of its published weights",
        ) from error
    finally:
        model.train(was_training)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _sides(size: Pair) -> str:
    return f"{size[0]} × {size[1]}"
