"""Where a model looked, painted over the pictures: what `predict --explain` writes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.data import Sample
    from swinkit.models import Backbone
    from swinkit.tasks import Prediction

_NO_LETTER = re.compile(r"[^\w -]")
SIDE = 1024
"""Pixels of the longer side, at most."""


def write_overlays(
    folder: Path, model: Backbone, samples: Sequence[Sample], said: Sequence[Prediction]
) -> Iterator[Path]:
    """A PNG for each picture, called by its number and its name, so that no two are called the same.

    Where pictures may have several classes, one for each class that was given, called by it too; of a picture
    that was given none, one for the likeliest.
    """
    import numpy as np
    from PIL import Image

    from swinkit.data import write_atomically
    from swinkit.report.heat import heated
    from swinkit.report.thumbnails import shown
    from swinkit.trust.looked import heats

    several = any(one.labels is not None for one in said)
    asked = [
        (number, sample, name)
        for number, (sample, one) in enumerate(zip(samples, said, strict=True), start=1)
        for name in (one.labels or list(one.probabilities)[:1] if several else [""])
    ]
    classes = [(model.labels or ()).index(name) for _, _, name in asked] if several else None
    places = heats(model, [sample for _, sample, _ in asked], classes)
    for (number, sample, name), heat in zip(asked, places, strict=True):
        picture = Image.fromarray(shown(sample))
        picture.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        Image.fromarray(heated(np.asarray(picture), np.array(heat, np.float32))).save(file, "PNG")
        given = f" ({_NO_LETTER.sub('_', name)})" if name else ""
        yield write_atomically(folder / f"{number:04}-{Path(sample.name).stem}{given}.png", file.getvalue())
