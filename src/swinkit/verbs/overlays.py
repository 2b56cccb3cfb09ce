"""Where a model looked, painted over the pictures: what `predict --explain` writes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.data import Sample
    from swinkit.models import Backbone

SIDE = 1024
"""Pixels of the longer side, at most."""


def write_overlays(folder: Path, model: Backbone, samples: Sequence[Sample]) -> Iterator[Path]:
    """A PNG for each picture, called by its number and its name, so that no two are called the same."""
    import numpy as np
    from PIL import Image

    from swinkit.data import write_atomically
    from swinkit.report.heat import heated
    from swinkit.report.thumbnails import shown
    from swinkit.trust.looked import heats

    for number, (sample, heat) in enumerate(zip(samples, heats(model, samples), strict=True), start=1):
        picture = Image.fromarray(shown(sample))
        picture.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        Image.fromarray(heated(np.asarray(picture), np.array(heat, np.float32))).save(file, "PNG")
        yield write_atomically(folder / f"{number:04}-{Path(sample.name).stem}.png", file.getvalue())
