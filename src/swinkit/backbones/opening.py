"""Any model that our road takes, from wherever it lies: a Swin by `weights.load`, else another library's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from swinkit.backbones.names import is_timm
from swinkit.errors import CheckpointError
from swinkit.models import Backbone, Swin
from swinkit.weights import load, save
from swinkit.weights.described import OtherNetwork, other_network
from swinkit.weights.files import read_file
from swinkit.windows import Pair


def open_model(
    source: str | Path,
    *,
    classes: Sequence[str] | None = None,
    in_channels: int | None = None,
    image_size: Pair | None = None,
    drop_path: float = 0.0,
) -> Backbone:
    """A model with the weights of a source, in evaluation mode; `model.load_report` says what became of them.

    source: all that `weights.load` takes, a run of a network of timm, or `timm:NAME`, its published weights.
    The keywords ask for a change, as those of `weights.load` do.
    """
    from swinkit.backbones.library import published
    from swinkit.backbones.timm_files import load_ours, load_published

    if is_timm(str(source)):
        found = published(str(source))
        return load_published(
            str(source),
            found,
            found.fetch(_say),
            classes=classes,
            in_channels=in_channels,
            image_size=image_size,
            drop_path=drop_path,
        )
    path = Path(source)
    said = network_in(path)
    if said is None:
        return load(
            source, classes=classes, in_channels=in_channels, image_size=image_size, drop_path=drop_path
        )
    return load_ours(
        read_file(path),
        said,
        classes=classes,
        in_channels=in_channels,
        image_size=image_size,
        drop_path=drop_path,
    )


def save_model(model: Backbone, path: Path, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a file of ours, which alone reproduces `predict`. extra: plain values beside the model."""
    from swinkit.backbones.timm_files import save_network
    from swinkit.backbones.timm_network import TimmBackbone

    if isinstance(model, TimmBackbone):
        return save_network(model, path, extra or {})
    assert isinstance(model, Swin)
    return save(model, path, extra=extra)


def network_in(path: Path) -> OtherNetwork | None:
    """What a run, or a file of ours, says of another library's network in it; None for everything else.

    Raises CheckpointError where it says something that makes no sense.
    """
    file = path / "best.safetensors" if path.is_dir() else path
    if file.suffix != ".safetensors" or not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata()
    except SafetensorError:
        return None  # whoever reads it says what is wrong
    try:
        return other_network({"metadata": metadata})
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error.message}", hint=error.hint) from None


def _say(line: str) -> None:
    print(line, file=sys.stderr)
