"""What a weights file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.weights.inspect import Inspection


def inspect(source: str | Path) -> Inspection:
    """Say what a weights file holds: format, architecture, sizes, classes, and whether it loads.

    source: a file of any format, a `save_pretrained` folder, a run, a catalogue name or `hf:owner/name`.
    Nothing in a file is run and no model is built. Raises CheckpointError where there is nothing to read.
    """
    from swinkit.weights.inspect import inspect as inspect_weights

    return inspect_weights(source)
