"""What there is to begin with: named sizes, and the weights published for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.models import SwinConfig
    from swinkit.weights.catalogue import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known of published weights."""

    source: str
    """`hf:owner/name`, or an address."""
    format: str
    top1: float | None
    """Percent on ImageNet-1K, as `scored_by` published it with pictures prepared as `protocol` says."""
    top5: float | None
    scored_by: str
    protocol: str
    licence: str
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One set of published weights, or a size without any."""

    name: str
    """For `load` and `--weights`; where there are no weights, for `create_model` and `--model`."""
    size: str
    """The architecture, for `create_model`."""
    version: int
    parameters: int
    macs: int
    """Multiply-adds for one image of `image_size`."""
    image_size: tuple[int, int]
    """Pixels, (height, width)."""
    classes: int
    """Rows of the head; 0: no head."""
    weights: Published | None


def list_models(
    *,
    filter: str = "",
    version: int | None = None,
    pretrained: bool = False,
    max_parameters: float | None = None,
) -> list[ModelRow]:
    """List the sizes that can be built and the weights that were published for them.

    filter: part of a name. version: 1 or 2. pretrained: only what has published weights.
    max_parameters: only models with at most so many. No network is asked.
    """
    from swinkit.models import SIZES
    from swinkit.weights.catalogue import CATALOGUE

    entries = CATALOGUE.values()
    own = [] if pretrained else SIZES.keys() - {entry.size for entry in entries}
    rows = [
        *(_published_row(entry) for entry in entries if filter in entry.name),
        *(_row(SIZES[size], name=size, size=size) for size in SIZES if size in own and filter in size),
    ]
    return [
        row
        for row in rows
        if version in (None, row.version) and (max_parameters is None or row.parameters <= max_parameters)
    ]


def _published_row(entry: Entry) -> ModelRow:
    published = Published(
        source=entry.source,
        format=entry.format,
        top1=entry.top1,
        top5=entry.top5,
        scored_by=entry.scored_by,
        protocol=entry.protocol,
        licence=entry.licence,
        provenance=entry.provenance,
    )
    return _row(entry.config, name=entry.name, size=entry.size, published=published)


def _row(config: SwinConfig, *, name: str, size: str, published: Published | None = None) -> ModelRow:
    from swinkit.models.cost import macs

    assert config.image_size is not None
    return ModelRow(
        name=name,
        size=size,
        version=config.version,
        parameters=_parameters(config),
        macs=macs(config, config.image_size).total,
        image_size=config.image_size,
        classes=config.classes,
        weights=published,
    )


@cache
def _parameters(config: SwinConfig) -> int:
    """Counted on a model without storage."""
    import torch

    from swinkit.models import Swin

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Swin(config).parameters())
