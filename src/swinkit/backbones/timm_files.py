"""Networks of timm from files: ours, and the weights that were published.

In our files the JSON string of the metadata has `timm` (the name, the version, what it was built with) where
that of a Swin has `config`; the rest is the same, and the tensors are those of `TimmBackbone.state_dict()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from swinkit.backbones.heads import Fitted, Head, with_head
from swinkit.backbones.library import Published, load_timm, published
from swinkit.backbones.names import TIMM
from swinkit.backbones.timm_network import TimmBackbone, TimmConfig, fill_network, make_network
from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Preprocess
from swinkit.weights import LoadReport
from swinkit.weights.described import OtherNetwork
from swinkit.weights.files import RawCheckpoint, read_file
from swinkit.weights.save import write_ours
from swinkit.windows import Pair

_INSIDE = "network."


def save_network(model: TimmBackbone, path: Path, extra: Mapping[str, Any]) -> Path:
    """Write a network with all that `predict` needs; what stood there is replaced at once or not at all."""
    return write_ours(
        path,
        {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        architecture={"timm": model.config.to_dict()},
        labels=model.labels,
        preprocess=model.preprocess,
        extra=extra,
    )


def load_ours(
    raw: RawCheckpoint,
    said: OtherNetwork,
    *,
    classes: Sequence[str] | None,
    in_channels: int | None,
    image_size: Pair | None,
    drop_path: float,
) -> TimmBackbone:
    """The network of a file of ours, in evaluation mode. said: what the file says of it.

    Raises CheckpointError where timm is missing, or its network is no longer that of the file.
    """
    try:
        version = load_timm().__version__
    except ConfigError as error:
        raise CheckpointError(f"{raw.path} holds {said}: {error.message}", hint=error.hint) from None
    held = TimmConfig.from_dict(said.config)
    wanted = replace(
        held,
        in_channels=in_channels or held.in_channels,
        image_size=image_size or held.image_size,
        drop_path=drop_path,
    )
    tensors = dict(raw.tensors)
    head = (
        Head(weight=tensors.pop("head.weight"), bias=tensors.pop("head.bias"), labels=said.labels)
        if held.classes
        else None
    )
    tensors = {name.removeprefix(_INSIDE): tensor for name, tensor in tensors.items()}
    try:
        bare = _as_held(held, wanted, tensors)
    except RuntimeError as error:  # torch lists all that does not fit
        raise CheckpointError(
            f"{raw.path} was written with timm {held.version}; timm {version} builds another {held.name}",
            hint=f'pip install "timm=={held.version}"',
        ) from error
    bare.preprocess = said.preprocess and _fitting(said.preprocess, wanted)
    return _reported(with_head(bare, head, classes), str(raw.path), "swinkit", extra=said.extra)


def load_published(
    source: str,
    found: Published,
    path: Path,
    *,
    classes: Sequence[str] | None,
    in_channels: int | None,
    image_size: Pair | None,
    drop_path: float,
) -> TimmBackbone:
    """A network with published weights, fitted by timm to other channels and sizes, in evaluation mode.

    path: where they lie. Without `classes` it keeps the published head.
    """
    channels = in_channels or found.preprocess.channels
    size = image_size or found.preprocess.image_size
    tensors = read_file(path).tensors
    bare, classifier = fill_network(
        found.name,
        tensors,
        found.settings,
        in_channels=channels,
        image_size=size,
        fixed=found.fixed,
        drop_path=drop_path,
    )
    bare.preprocess = _fitting(found.preprocess, bare.config)
    head = _head_of(classifier, bare.config.width, found.labels)
    return _reported(with_head(bare, head, classes), source, "timm")


def fresh_network(
    name: str, classes: Sequence[str], *, in_channels: int, image_size: Pair, drop_path: float
) -> TimmBackbone:
    """A network of timm with fresh weights, from torch's generator as it stands."""
    found = published(name)
    model = make_network(
        found.name,
        classes=len(classes),
        in_channels=in_channels,
        image_size=image_size,
        fixed=found.fixed,
        drop_path=drop_path,
    )
    model.labels = tuple(classes)
    return model


def _as_held(held: TimmConfig, wanted: TimmConfig, tensors: dict[str, Tensor]) -> TimmBackbone:
    """The network that is held, or, where other pictures are wanted, as timm fits it to them; no head yet."""
    as_it_is = wanted.in_channels == held.in_channels and (
        not held.fixed or wanted.image_size == held.image_size
    )
    with torch.random.fork_rng(devices=[]):  # what it begins with is written over
        if as_it_is:
            model = make_network(
                held.name,
                classes=0,
                in_channels=wanted.in_channels,
                image_size=wanted.image_size,
                fixed=held.fixed,
                drop_path=wanted.drop_path,
            )
            model.network.load_state_dict(tensors)
            return model
        source = {"num_classes": 0, "classifier": None, "input_size": (held.in_channels, *held.image_size)}
        model, _ = fill_network(
            held.name,
            tensors,
            {**published(TIMM + held.name).settings, **source},
            in_channels=wanted.in_channels,
            image_size=wanted.image_size,
            fixed=held.fixed,
            drop_path=wanted.drop_path,
        )
    return model


def _fitting(preprocess: Preprocess, config: TimmConfig) -> Preprocess:
    """The same preparation for other channels and another size."""
    sized = (
        preprocess if preprocess.image_size == config.image_size else preprocess.for_size(config.image_size)
    )
    if sized.channels == config.in_channels:
        return sized
    mean, std = (sum(values) / len(values) for values in (sized.mean, sized.std))
    count = config.in_channels
    return replace(sized, mean=(mean,) * count, std=(std,) * count, own_values=False)


def _head_of(classifier: nn.Module | None, width: int, labels: tuple[str, ...] | None) -> Head | None:
    """The published head, where it is one linear layer on the vector that we take."""
    if not isinstance(classifier, nn.Linear) or classifier.in_features != width:
        return None
    bias = classifier.bias if classifier.bias is not None else torch.zeros(classifier.out_features)
    return Head(weight=classifier.weight.detach(), bias=bias.detach(), labels=labels)


def _reported(
    fitted: Fitted, source: str, format: str, extra: Mapping[str, Any] | None = None
) -> TimmBackbone:
    """The model with what became of the file."""
    model, head = fitted.model, ("head.weight", "head.bias")
    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}
    new = dict.fromkeys(head, fitted.new) if fitted.new else {}
    model.load_report = LoadReport(
        source=source,
        format=format,
        policy="none",
        matched=tuple(name for name in sizes if name not in new),
        resized=dict.fromkeys(head, fitted.kept) if fitted.kept else {},
        new=new,
        parameters=sum(sizes.values()),
        parameters_loaded=sum(size for name, size in sizes.items() if name not in new),
        extra=extra or {},
    )
    model.eval()
    return model
