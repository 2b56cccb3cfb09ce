"""`convert`: from one format to another, tensor for tensor."""

from __future__ import annotations

from pathlib import Path

from swinkit.weights.files import read_file
from swinkit.weights.geometry import Asked, PretrainedWindow, Window
from swinkit.weights.load import locate, published_asked, published_native
from swinkit.weights.native import understand
from swinkit.weights.save import write
from swinkit.windows import Pair


def convert(
    source: str | Path,
    target: str | Path,
    to: str,
    *,
    window: Window | None = None,
    pretrained_window: PretrainedWindow | None = None,
    image_size: int | Pair | None = None,
) -> Path:
    """Write the weights of `source` to `target` in the format `to`, and return where they are.

    Every learnt tensor goes over bit by bit: nothing is resized and no type changes. The keywords say what
    the source does not tell about itself. Raises CheckpointError as `load` and `save` do.
    """
    path, entry = locate(source)
    asked = Asked(window=window, pretrained_window=pretrained_window, image_size=image_size)
    native = understand(read_file(path), published_asked(asked, entry))
    return write(published_native(native, entry), target, to)
