"""From samples to batches: checked beforehand, in a computable order, the same for any number of workers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from swinkit.data.samples import Sample
from swinkit.data.streams import Share, Stream
from swinkit.data.transforms import sample_seed
from swinkit.errors import DataError

UNLABELLED = -1  # the class index of a sample without a label

_SUBSTITUTES = 50

Item = tuple[Tensor, int | tuple[float, ...], int]


@dataclass(frozen=True, kw_only=True)
class Images(Dataset[Item]):
    """Samples as tensors: (C, h, w), class index, index of the sample.

    In multi-label sets `known_classes` stands in place of the class index.

    transform: (pixels, seed) -> tensor, whose randomness comes from the seed alone.
    repeats: how often an epoch shows a picture, each time varied anew, one after the other; there are then
        so many times fewer pictures in it (repeated augmentation, Hoffer et al. 2020).
    stream: where pictures come from in place of `samples`, one after the other; keys then say only how each
        is varied.
    balanced: an epoch shows every class equally often, pictures of small ones several times.

    A key of `images[key]` is the index of a sample; above the number of samples it goes round again, to the
    same samples varied otherwise.
    """

    samples: Sequence[Sample]
    classes: Sequence[str]
    transform: Callable[[np.ndarray, int], Tensor]
    channels: int | None = 3
    own_values: bool = False
    seed: int = 0
    epoch: int = 0
    repeats: int = 1
    balanced: bool = False
    stream: Stream | None = None
    _index_of: dict[str | None, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = {name for sample in self.samples for name in sample.shown} - set(self.classes)
        if unknown:
            raise DataError(f"labels that are no class: {', '.join(sorted(unknown))}")
        object.__setattr__(self, "_index_of", {name: index for index, name in enumerate(self.classes)})

    def __len__(self) -> int:
        return len(self.samples) if self.stream is None else len(self.stream)

    def __getitem__(self, key: int) -> Item:
        return self.item(self.samples[key % len(self.samples)], key)

    def item(self, sample: Sample, key: int) -> Item:
        """A sample as it looks under a key. Raises DataError where it cannot be read."""
        index = key % len(self)
        pixels = sample.pixels(self.channels, own_values=self.own_values)
        tensor = self.transform(pixels, sample_seed(self.seed, self.epoch, key))
        if sample.labels is not None:
            return tensor, known_classes(sample, self.classes), index
        return tensor, self._index_of.get(sample.label, UNLABELLED), index

    def at(self, epoch: int) -> Images:
        """The same samples as they look in another epoch."""
        return replace(self, epoch=epoch)

    def order(self, epoch: int) -> list[int]:
        """The keys of one epoch, as many as there are samples, in the order of training."""
        keys = epoch_order(len(self), self.seed, epoch)
        if self.stream is not None:
            return keys
        if self.balanced:
            shown = equally_often(keys, [self.samples[index].label for index in keys])
            keys = [shown[place] for place in epoch_order(len(self), self.seed, ~epoch)]
        return repeated(keys, self.repeats)


def known_classes(sample: Sample, classes: Sequence[str]) -> tuple[float, ...]:
    """For each class 1 where a sample has it, 0 where it has not, NaN where nobody said."""
    return tuple(math.nan if name in sample.unknown else float(name in sample.shown) for name in classes)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The pictures of one step of training, or those of them that one process learns from.

    pixels: (B, C, h, w) of the type they have in their files. targets: (B, …). samples: (B,) indices.
    known: (B,) False where a picture could not be read. Another one stands in its place, so that nothing else
        moves, and counts for nothing.
    unreadable: (path, reason) of those.
    first, whole: the pictures are those from `first` on of a step of `whole`.
    """

    pixels: Tensor
    targets: Tensor
    samples: Tensor
    known: Tensor
    unreadable: tuple[tuple[str, str], ...] = ()
    first: int = 0
    whole: int

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def counted(self) -> int:
        """How many of the pictures count."""
        return int(self.known.sum())

    def pin_memory(self) -> Batch:
        """For DataLoader: the same in memory from which a GPU can fetch by itself."""
        return replace(self, pixels=self.pixels.pin_memory(), targets=self.targets.pin_memory())


@dataclass(frozen=True)
class _Step:
    """Which pictures make up a step."""

    epoch: int
    keys: Sequence[int]
    first: int
    whole: int


@dataclass
class _Batches(Dataset[Batch]):
    """Steps as batches.

    files: share of a stream's files that this process goes through; (0, 1), all of them, where it passes over
        what other processes learn from.
    """

    images: Images
    files: Share = (0, 1)
    _coming: Iterator[Sample] | None = None

    def __getitem__(self, step: _Step) -> Batch:
        if self.images.epoch != step.epoch:
            self.images = self.images.at(step.epoch)
        images = self.images
        if images.stream is None:
            items = [_readable_item(images, key) for key in step.keys]
        else:
            self._coming = self._coming or images.stream.samples(images.seed, step.epoch, self.files)
            items = list(_streamed_items(images, step, self._coming, passing=self.files == (0, 1)))
        return Batch(
            pixels=_stack([item[0] for item, _ in items]),
            targets=torch.tensor([item[1] for item, _ in items]),  # B, or B, K
            samples=torch.tensor([item[2] for item, _ in items]),
            known=torch.tensor([problem is None for _, problem in items]),
            unreadable=tuple(problem for _, problem in items if problem is not None),
            first=step.first,
            whole=step.whole,
        )


def train_loader(
    images: Images,
    *,
    epochs: Iterable[int],
    batch: int,
    workers: int = 0,
    start: int = 0,
    pin: bool = False,
    share: Share = (0, 1),
) -> DataLoader[Batch]:
    """Batches of some epochs, each in the order of `Images.order`; the last of an epoch may be shorter.

    start: the first batch to give of the first epoch, to resume within it. pin: for training on a GPU.
    share: (number, of so many processes); each gives its share of every batch, the first as `share_of` says.
    A picture that cannot be read is left out and named, as `Batch` says; DataError where many cannot.
    """
    files = share if _files_can_be_shared(images, batch, share[1]) else (0, 1)
    return DataLoader(
        _Batches(images, files),
        sampler=_Steps(images, tuple(epochs), batch, start, share),
        batch_size=None,  # what is loaded at a time is a whole batch already
        collate_fn=_as_it_is,  # type: ignore[arg-type]  # the stubs know lists of samples alone
        num_workers=workers if images.stream is None else min(workers, images.stream.files // files[1]),
        pin_memory=pin,
        # The loader draws a number for its workers; a generator of its own leaves the global one as it was.
        generator=torch.Generator().manual_seed(0),
    )


@dataclass(frozen=True)
class _Steps(Iterable[_Step]):
    images: Images
    epochs: tuple[int, ...]
    batch: int
    start: int
    share: Share

    def __iter__(self) -> Iterator[_Step]:
        for epoch in self.epochs:
            order = self.images.order(epoch)
            skipped = self.start * self.batch if epoch == self.epochs[0] else 0
            for first in range(skipped, len(order), self.batch):
                whole = order[first : first + self.batch]
                own = share_of(len(whole), *self.share)
                yield _Step(epoch, whole[own.start : own.stop], own.start, len(whole))


def share_of(pictures: int, number: int, processes: int) -> range:
    """Which pictures of a step one of several processes learns from: whole pairs, as mixing blends them.

    Together they are all, each once; of few pictures a process may get none.
    """
    pairs = -(-pictures // 2)
    first, last = (2 * (pairs * place // processes) for place in (number, number + 1))
    return range(min(first, pictures), min(last, pictures))


def _files_can_be_shared(images: Images, batch: int, processes: int) -> bool:
    """Whether each process can have files of a stream to itself, and all come to their ends together."""
    parts = images.stream.files if images.stream else 1
    return parts % processes == 0 and all(
        step % (2 * processes) == 0 for step in (batch, len(images) % batch)
    )


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The permutation of one epoch: computed from three numbers, so that nothing is saved to resume."""
    generator = torch.Generator().manual_seed(sample_seed(seed, epoch, -1))
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order


def equally_often(order: Sequence[int], labels: Sequence[str | None]) -> list[int]:
    """An order that shows every class equally often, as keys of `Images`; the length stays.

    Each class goes through its pictures in the order given, again and again. labels: of the pictures in that
    order.
    """
    count = len(order)
    of_class: dict[str | None, list[int]] = {}
    for index, label in zip(order, labels, strict=True):
        of_class.setdefault(label, []).append(index)
    keys = (
        some[turn % len(some)] + turn // len(some) * count
        for turn in range(-(-count // len(of_class)))
        for some in of_class.values()
    )
    return list(islice(keys, count))


def repeated(keys: list[int], repeats: int) -> list[int]:
    """The first part of an order, each picture shown several times, as keys of `Images`; the length stays.

    Pictures go in pairs, a b a b a b: all views of a picture come close together, and yet neighbours, which
    mixing blends, are two pictures.
    """
    count = len(keys)
    if repeats == 1 or count == 1:
        return keys
    beyond = (max(keys) // count + 1) * count  # no view looks like another showing of the same picture
    views = (
        key + view * beyond
        for first in range(0, count, 2)
        for view in range(repeats)
        for key in keys[first : first + 2]
    )
    return list(islice(views, count))


def _readable_item(images: Images, key: int) -> tuple[Item, tuple[str, str] | None]:
    """A picture, or the next one that can be read together with what is wrong with it."""
    keys = range(key, key + min(_SUBSTITUTES, len(images)))
    return _first_readable(images, ((images.samples[one % len(images)], one) for one in keys))


def _streamed_items(
    images: Images, step: _Step, coming: Iterator[Sample], *, passing: bool
) -> Iterator[tuple[Item, tuple[str, str] | None]]:
    """The pictures of a stream that stand in a step; in place of one that cannot be read, another of them.

    passing: whether those that other processes learn from come along too, and are passed over.
    """
    count = len(step.keys)
    before, after = (step.first, step.whole - step.first - count) if passing else (0, 0)
    _pass_over(coming, before)
    drawn = list(islice(coming, count))
    _pass_over(coming, after)
    for place, key in enumerate(step.keys):
        others = chain(drawn[place:], drawn[:place], islice(coming, _SUBSTITUTES))
        yield _first_readable(images, ((sample, key) for sample in others))


def _pass_over(coming: Iterator[Sample], count: int) -> None:
    deque(islice(coming, count), maxlen=0)


def _first_readable(
    images: Images, candidates: Iterable[tuple[Sample, int]]
) -> tuple[Item, tuple[str, str] | None]:
    """The first sample that can be read as it looks under its key, and what is wrong with the very first."""
    bad: list[tuple[str, str]] = []
    for sample, key in candidates:
        try:
            return images.item(sample, key), bad[0] if bad else None
        except DataError as error:
            bad.append((sample.path, error.message))
    path, reason = bad[0]
    raise DataError(
        f"{path} and the {len(bad) - 1} pictures after it cannot be read any more: {reason}",
        hint="is the disk or the network folder still there? then go on with --resume",
    )


def _stack(pictures: Sequence[Tensor]) -> Tensor:
    """(B, C, h, w), uint8 where all are; (0,) where there are none."""
    if not pictures:
        return torch.zeros(0)
    if any(picture.is_floating_point() for picture in pictures):
        pictures = [p if p.is_floating_point() else p.float() / 255 for p in pictures]
    return torch.stack(list(pictures))


def _as_it_is(batch: Batch) -> Batch:
    return batch
