"""From one weights format to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from swinkit.errors import ConfigError


def convert(
    source: str | Path,
    target: str | Path,
    to: str,
    *,
    window: int | tuple[int, int] | Sequence[int | tuple[int, int]] | None = None,
    pretrained_window: int | Sequence[int | tuple[int, int] | None] | None = None,
    image_size: int | tuple[int, int] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write weights in another format, tensor for tensor, and return where they are.

    source: a file of any format, a `save_pretrained` folder, a run, a catalogue name or `hf:owner/name`.
    target: a file, or a folder for "huggingface" and "timm".
    to: the format, a name from `weights.formats.FORMATS`.
    window, pretrained_window, image_size: what the source does not tell about itself.
    overwrite: whether what stands at `target` may be replaced.

    Raises CheckpointError where the source does not load or the format has no place for all of it,
    ConfigError where `target` exists and may not be replaced.
    """
    from swinkit.weights import convert as convert_weights
    from swinkit.weights.formats import format_named

    format_named(to)
    if not overwrite and _is_taken(Path(target)):
        raise ConfigError(f"{target} exists already", hint="choose another target, or allow overwrite")
    return convert_weights(
        source, target, to, window=window, pretrained_window=pretrained_window, image_size=image_size
    )


def _is_taken(target: Path) -> bool:
    return target.is_file() or (target.is_dir() and any(target.iterdir()))
