"""The pictures of a training: opened, read once, divided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from swinkit.errors import ConfigError

if TYPE_CHECKING:
    from swinkit.data import ImageSet, Sample
    from swinkit.data.channels import Channels
    from swinkit.data.kept import Count
    from swinkit.data.loader import Images
    from swinkit.engine.progress import Progress
    from swinkit.engine.run import Run
    from swinkit.engine.settings import TrainConfig
    from swinkit.health.copies import Copy
    from swinkit.health.facts import Facts
    from swinkit.health.findings import Finding
    from swinkit.models import Backbone
    from swinkit.recipes.facts import DataFacts
    from swinkit.recipes.wishes import Wishes
    from swinkit.tasks import Task

_SHOWN = 10  # pictures left out that are named on the screen


@dataclass(frozen=True)
class TrainingData:
    """Pictures to learn from. whole: with those that cannot be read. notes: what was decided, in words.

    copies: names of pictures that show the same, in groups; None where only files of the same contents were
    looked for. channels: what every picture holds. facts: of each picture that can be read. findings: what
    `check` would say, as far as it was looked for; nothing of embedded pictures.
    """

    images: ImageSet
    whole: ImageSet
    notes: tuple[str, ...]
    copies: tuple[tuple[str, ...], ...] | None
    channels: Channels
    facts: tuple[Facts, ...]
    findings: tuple[Finding, ...]

    @property
    def unreadable(self) -> list[str]:
        """Names of the pictures that were left out."""
        return sorted({s.name for s in self.whole.samples} - {s.name for s in self.images.samples})


def training_data(
    whole: ImageSet, wishes: Wishes, left_out: Collection[str], progress: Progress
) -> TrainingData:
    """What can be read of a set, in splits, without the pictures and lines of tables that are left out.

    Raises DataError where it cannot be trained on.
    """
    from swinkit.data import with_splits
    from swinkit.data.channels import found_channels
    from swinkit.health.checkup import findings_in
    from swinkit.health.copies import copy_groups

    channels = found_channels(whole.samples)
    begun = whole if wishes.exclude is None else _without(whole, left_out, wishes.exclude, progress)
    images, every = _readable(begun, channels, progress)
    facts = tuple(one for one in every if one.readable)
    copies = _copies(images, facts, progress)
    alike = copy_groups(copies)
    images, notes = with_splits(images, seed=wishes.seed, resplit=wishes.resplit, together=alike)
    notes = (*notes, *_about_copies(images, facts, copies))
    findings = () if wishes.data is None else findings_in(begun, every, copies, images, Path(wishes.data))
    looked = not any(one.thumbnail is None for one in facts)
    return TrainingData(images, whole, notes, alike if looked else None, channels, facts, findings)


def facts_of(data: TrainingData) -> DataFacts:
    """What a recipe looks at."""
    from swinkit.recipes.facts import DataFacts

    images, channels = data.images, data.channels
    train = images.split("train").samples
    taught = {sample.name for sample in train}
    sizes = [(one.one_grey, one.header.size) for one in data.facts if one.header and one.name in taught]
    telling = [size for one_grey, size in sizes if not one_grey] or [size for _, size in sizes]
    heights, widths = zip(*telling, strict=True)
    return DataFacts(
        name=images.name,
        layout=images.layout,
        train=len(train) if images.stream is None else len(images.stream),
        val=len(images.split("val").samples),
        classes=images.classes,
        channels=channels,
        size=(sorted(heights)[len(heights) // 2], sorted(widths)[len(widths) // 2]),
        task=images.task,
        counts=images.split("train").counts(),
        stream=images.stream is not None,
    )


def task_of(images: ImageSet, config: TrainConfig) -> Task:
    """What is learnt from the pictures of train."""
    from swinkit.tasks import TASKS

    task: Task = TASKS[config.task](images.classes)
    return task.against(config.imbalance, images.split("train").samples)


def training_images(images: ImageSet, model: Backbone, config: TrainConfig) -> Images:
    """The pictures of train as the model learns from them."""
    from swinkit.data.loader import Images
    from swinkit.data.transforms import train_transform
    from swinkit.engine.inference import preprocess_of

    preprocess = preprocess_of(model)
    transform = train_transform(
        config.augmentation,
        image_size=preprocess.image_size,
        mean=preprocess.mean,
        std=preprocess.std,
        interpolation=preprocess.interpolation,
        coloured=not preprocess.own_values,
    )
    return Images(
        samples=images.split("train").samples,
        stream=images.stream,
        classes=images.classes,
        transform=transform,
        channels=preprocess.channels,
        own_values=preprocess.own_values,
        seed=config.seed,
        repeats=config.repeats,
        balanced=config.imbalance == "sampler",
    )


def kept_pictures(
    images: ImageSet, model: Backbone, run: Run, config: TrainConfig, progress: Progress
) -> tuple[Images, Sequence[Sample]]:
    """What is learnt from and what is chosen by, decoded and kept where the settings say so.

    Small ones in memory or in the run's folder; those to choose by whole, and in memory only.
    Raises ConfigError for a stream, which passes by.
    """
    from swinkit.data.kept import kept

    train, val = training_images(images, model, config), images.split("val").samples
    if config.cache is None:
        return train, val
    if train.stream is not None:
        raise ConfigError("a stream of pictures passes by and cannot be kept", hint="leave out --cache")
    file = run.pictures if config.cache == "disk" else None
    with progress.counting("keeping pictures", len(train.samples)) as count:
        small = _small(train, train.samples, config, file=file, count=count)
    if file is None:
        val = kept(
            val,
            side=None,
            channels=train.channels,
            own_values=train.own_values,
            file=None,
            count=_uncounted,
        )
    return replace(train, samples=small), val


def first_kept(train: Images, config: TrainConfig, few: int) -> Images:
    """The same with the first few pictures as they will be kept, to be timed."""
    if config.cache is None:
        return train
    small = _small(train, train.samples[:few], config, file=None, count=_uncounted)
    return replace(train, samples=(*small, *train.samples[few:]))


def _small(
    train: Images, samples: Sequence[Sample], config: TrainConfig, *, file: Path | None, count: Count
) -> tuple[Sample, ...]:
    from swinkit.data.kept import kept
    from swinkit.recipes.cache import side_kept

    return kept(
        samples,
        side=side_kept(config),
        channels=train.channels,
        own_values=train.own_values,
        file=file,
        count=count,
    )


def _uncounted(done: int, total: int) -> None:
    """For what is done before anybody waits for it."""


def _without(images: ImageSet, names: Collection[str], exclude: str, progress: Progress) -> ImageSet:
    """The images without those that a file of findings says to leave out."""
    kept = tuple(sample for sample in images.samples if sample.name not in names)
    lines = len(images.bad_lines)
    beside = f", and {lines} line{'s' if lines > 1 else ''} of a table" if lines else ""
    progress.say(f"left out {len(images) - len(kept)} of {len(images)} pictures{beside}, as {exclude} says")
    return replace(images, samples=kept)


def _readable(images: ImageSet, channels: Channels, progress: Progress) -> tuple[ImageSet, tuple[Facts, ...]]:
    """The images without those that cannot be decoded, which are named, and the facts of all."""
    from swinkit.health.facts import examine, readable

    with progress.counting("reading pictures", len(images)) as count:
        facts = examine(images.samples, channels, progress=count)
    good, bad = readable(images.samples, facts)
    images = replace(images, samples=good, skipped=(*images.skipped, *bad))
    for path, reason in images.skipped[:_SHOWN]:
        progress.say(f"left out {path}: {reason}")
    if len(images.skipped) > _SHOWN:
        progress.say(f"left out {len(images.skipped) - _SHOWN} more; run.json lists them all")
    for note in images.remarks():
        progress.say(f"note: {note}")
    return images, facts


def _copies(images: ImageSet, facts: Sequence[Facts], progress: Progress) -> tuple[Copy, ...]:
    import numpy as np

    from swinkit.health.copies import find_copies

    if all(isinstance(sample.source, np.ndarray) for sample in images.samples):
        return ()  # the embedded digits have none
    with progress.counting("looking for copies", len(images)) as count:
        return find_copies(images.samples, facts, progress=count)


def _about_copies(images: ImageSet, facts: Sequence[Facts], copies: Sequence[Copy]) -> Iterator[str]:
    """How many there are, and warnings of those on two sides of a split or under two labels."""
    from swinkit.health.copies import copy_groups

    samples = {sample.name: sample for sample in images.samples}
    pairs = [(samples[copy.first], samples[copy.second]) for copy in copies]
    parted = [(one, other) for one, other in pairs if one.split != other.split]
    torn = [(one, other) for one, other in pairs if set(one.shown) != set(other.shown)]
    if any(one.thumbnail is None for one in facts):
        yield f"copies: among {len(images):,} pictures only copies of the same file were looked for"
    if parted:
        yield (
            f"warning: {_pictures(len(parted), 'has', 'have')} a copy in another split ({_first(parted)}),"
            " so the numbers will be too good; --resplit keeps copies together"
        )
    elif pairs:
        alike = sum(map(len, copy_groups(copies)))
        yield f"copies: {alike} pictures show what another shows, kept in one split"
    if torn:
        yield (
            f"warning: {_pictures(len(torn), 'lies', 'lie')} under two labels ({_first(torn)});"
            " `swinkit check` lists them, and --exclude leaves them out"
        )


def _pictures(count: int, does: str, do: str) -> str:
    return f"1 picture {does}" if count == 1 else f"{count:,} pictures {do}"


def _first(pairs: Sequence[tuple[Sample, Sample]]) -> str:
    return f"{pairs[0][0].name} = {pairs[0][1].name}"
