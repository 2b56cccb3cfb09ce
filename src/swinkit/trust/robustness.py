"""How a model fares when pictures get worse: smaller, blurred, compressed, darker, brighter, turned.

Each change is applied to the picture as it was read, before the model's own preparation, by fixed amounts;
nothing is random. Only large photographs are made smaller first, to twice what the model looks at: blurring
twelve million pixels, of which it sees one in two hundred, would take longer than all the rest.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from swinkit.data import Sample
from swinkit.data.kept import kept
from swinkit.engine.inference import preprocess_of
from swinkit.errors import DataError
from swinkit.models import Backbone
from swinkit.tasks import Task
from swinkit.trust.answers import answered
from swinkit.trust.assessment import Shaken, ShakenSets
from swinkit.trust.caution import Caution

MOST = 200
FEWEST = 30
LARGE = 256
"""Pixels of the shorter side up to which a picture is changed as it is, whatever the model looks at."""
OPERATIONS = 2e12
"""Multiply-adds that all changes together may cost on a CPU: about a minute on two cores. Fewer pictures are
taken of a larger model, the same ones on every machine."""
_FASTER = 50
"""What has no CPU is given this many times more."""

Change = Callable[[Image.Image], Image.Image]


def _smaller(factor: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        small = [max(1, round(side * factor)) for side in picture.size]
        reduced = picture.resize((small[0], small[1]), Image.Resampling.BOX)
        return reduced.resize(picture.size, Image.Resampling.BILINEAR)

    return change


def _blurred(share: float) -> Change:
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(share * min(picture.size)))


def _compressed(quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return change


def _lit(factor: float) -> Change:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def _turned(degrees: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        pixels = np.asarray(picture)
        mean = pixels.reshape(-1, *pixels.shape[2:]).mean(axis=0)
        colour = tuple(int(value) for value in np.atleast_1d(mean))
        fill = colour if len(colour) > 1 else colour[0]
        return picture.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=fill)

    return change


CHANGES: dict[tuple[str, str], Change] = {
    ("size", "half as many pixels across"): _smaller(0.5),
    ("size", "a quarter as many pixels across"): _smaller(0.25),
    ("blur", "over 1 % of the side"): _blurred(0.01),
    ("blur", "over 3 % of the side"): _blurred(0.03),
    ("JPEG", "quality 30"): _compressed(30),
    ("JPEG", "quality 10"): _compressed(10),
    ("brightness", "half"): _lit(0.5),
    ("brightness", "one and a half"): _lit(1.5),
    ("rotation", "10 degrees"): _turned(10),
    ("rotation", "30 degrees"): _turned(30),
}
"""By what is changed and how far. A change is a line here."""


def shaken(model: Backbone, task: Task, caution: Caution, samples: Sequence[Sample]) -> tuple[Shaken, ...]:
    """The scores under every change, and first as the same pictures are; none for other than 8-bit pictures.

    As many pictures as `OPERATIONS` allows, at most 200, evenly from all classes.
    """
    return tuple(
        Shaken(
            change=change,
            level=level,
            pictures=pictures,
            accuracy=numbers["accuracy"],
            balanced_accuracy=numbers["balanced_accuracy"],
        )
        for change, level, pictures, numbers in _scored(model, task, caution, samples)
    )


def shaken_sets(
    model: Backbone, task: Task, caution: Caution, samples: Sequence[Sample]
) -> tuple[ShakenSets, ...]:
    """The same where a picture may have several classes."""
    return tuple(
        ShakenSets(
            change=change,
            level=level,
            pictures=pictures,
            mean_average_precision=numbers["mean_average_precision"],
        )
        for change, level, pictures, numbers in _scored(model, task, caution, samples)
    )


def chosen(model: Backbone, samples: Sequence[Sample]) -> list[Sample]:
    """The pictures that are changed: the same for the same model and samples, whatever their order."""
    operations = OPERATIONS * (1 if next(model.parameters()).device.type == "cpu" else _FASTER)
    each = model.macs(preprocess_of(model).image_size) * (len(CHANGES) + 1)
    count = min(len(samples), MOST, max(FEWEST, int(operations / each)))
    order = sorted(samples, key=lambda sample: (sample.shown, sample.name))
    return [order[(2 * place + 1) * len(order) // (2 * count)] for place in range(count)]


def passes(model: Backbone, samples: Sequence[Sample]) -> int:
    """How many pictures go through the model for it."""
    return (len(CHANGES) + 1) * len(chosen(model, samples))


def seconds_to_change(model: Backbone, samples: Sequence[Sample]) -> float:
    """To decode and change all pictures that are chosen, as one of them tells, without the model."""
    some = chosen(model, samples)
    began = time.perf_counter()
    for sample in _small(model, some[:1]):
        for change in CHANGES.values() if _changeable(sample) else ():
            _Changed(sample, change).made()
    return (time.perf_counter() - began) * len(some)


@dataclass(frozen=True, slots=True)
class _Changed:
    """A sample that is changed when its turn comes."""

    sample: Sample
    change: Change

    def made(self) -> Sample:
        pixels = self.sample.pixels(None)
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        changed = np.asarray(self.change(picture))
        return replace(self.sample, source=changed.reshape(changed.shape[0], changed.shape[1], -1))


def _changeable(sample: Sample) -> bool:
    """Whether Pillow's changes apply: 8 bits, grey or colour."""
    try:
        pixels = sample.pixels(None)
    except DataError:
        return False
    return pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3)


def _small(model: Backbone, samples: Sequence[Sample]) -> Sequence[Sample]:
    """Decoded, and no larger than makes a difference to the model."""
    side = max(LARGE, 2 * max(preprocess_of(model).image_size))
    return kept(samples, side=side, channels=None, file=None, count=lambda done, total: None)


def _scored(
    model: Backbone, task: Task, caution: Caution, samples: Sequence[Sample]
) -> Iterator[tuple[str, str, int, dict[str, float]]]:
    """Of every change: what and how far, the pictures, and the numbers of the task."""
    some = [sample for sample in _small(model, chosen(model, samples)) if _changeable(sample)]
    changes: dict[tuple[str, str], Change] = {
        ("nothing", "the same pictures"): lambda picture: picture,
        **CHANGES,
    }
    for (change, level), how in changes.items() if some else ():
        scores = task.scores()
        made: Iterator[Sample] = (_Changed(sample=one, change=how).made() for one in some)
        for part in answered(model, made):
            scores.add(caution.calibrated(part.outputs), task.targets(part.samples))
        yield change, level, len(some), scores.result()
