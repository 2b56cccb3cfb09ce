"""The pictures of a training: opened, read once, divided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.data import ImageSet
    from swinkit.data.channels import Channels
    from swinkit.engine.progress import Progress
    from swinkit.recipes.facts import DataFacts
    from swinkit.recipes.wishes import Wishes

_LOOKED_AT = 100  # pictures whose sizes are measured
_SHOWN = 10  # pictures left out that are named on the screen


@dataclass(frozen=True)
class TrainingData:
    """Pictures to learn from. whole: with those that cannot be read. notes: what was decided, in words.

    channels: what every picture holds.
    """

    images: ImageSet
    whole: ImageSet
    notes: tuple[str, ...]
    channels: Channels

    @property
    def unreadable(self) -> list[str]:
        """Names of the pictures that were left out."""
        return sorted({s.name for s in self.whole.samples} - {s.name for s in self.images.samples})


def training_data(whole: ImageSet, wishes: Wishes, progress: Progress) -> TrainingData:
    """What can be read of a set, in splits. Raises DataError where it cannot be trained on."""
    from swinkit.data import with_splits
    from swinkit.data.channels import found_channels

    channels = found_channels(whole.samples)
    images = _readable(whole, channels, progress)
    images, notes = with_splits(images, seed=wishes.seed, resplit=wishes.resplit)
    return TrainingData(images, whole, notes, channels)


def facts_of(data: TrainingData) -> DataFacts:
    """What a recipe looks at."""
    from swinkit.recipes.facts import DataFacts

    images, channels = data.images, data.channels
    train = images.split("train").samples
    sizes = [sample.pixels(None).shape[:2] for sample in train[:: max(1, len(train) // _LOOKED_AT)]]
    heights, widths = zip(*sizes, strict=True)
    return DataFacts(
        name=images.name,
        layout=images.layout,
        train=len(train),
        val=len(images.split("val").samples),
        classes=images.classes,
        channels=channels,
        size=(sorted(heights)[len(heights) // 2], sorted(widths)[len(widths) // 2]),
        task=images.task,
        counts=images.split("train").counts(),
    )


def _readable(images: ImageSet, channels: Channels, progress: Progress) -> ImageSet:
    """The images without those that cannot be decoded, which are named."""
    from swinkit.data.loader import verify

    with progress.counting("reading pictures", len(images)) as count:
        good, bad = verify(
            images.samples, channels=channels.count, own_values=channels.own_values, progress=count
        )
    images = replace(images, samples=good, skipped=(*images.skipped, *bad))
    for path, reason in images.skipped[:_SHOWN]:
        progress.say(f"left out {path}: {reason}")
    if len(images.skipped) > _SHOWN:
        progress.say(f"left out {len(images.skipped) - _SHOWN} more; run.json lists them all")
    for note in images.remarks():
        progress.say(f"note: {note}")
    return images
