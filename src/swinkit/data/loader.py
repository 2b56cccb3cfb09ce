"""From samples to batches: checked beforehand, in a computable order, the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from swinkit.data.samples import Sample
from swinkit.data.transforms import sample_seed
from swinkit.errors import DataError

UNLABELLED = -1  # the class index of a sample without a label

_MOST_BAD_SHARE = 0.2
_FEW_BAD = 5

Item = tuple[Tensor, int, int]


@dataclass(frozen=True, kw_only=True)
class Images(Dataset[Item]):
    """Samples as tensors: (C, h, w), class index, index of the sample.

    transform: (pixels, seed) -> tensor, whose randomness comes from the seed alone.
    repeats: how often an epoch shows a picture, each time varied anew, one after the other; there are then
        so many times fewer pictures in it (repeated augmentation, Hoffer et al. 2020).
    balanced: an epoch shows every class equally often, pictures of small ones several times.

    A key of `images[key]` is the index of a sample; above the number of samples it goes round again, to the
    same samples varied otherwise.
    """

    samples: Sequence[Sample]
    classes: Sequence[str]
    transform: Callable[[np.ndarray, int], Tensor]
    channels: int | None = 3
    seed: int = 0
    epoch: int = 0
    repeats: int = 1
    balanced: bool = False
    _index_of: dict[str | None, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = {s.label for s in self.samples if s.label is not None} - set(self.classes)
        if unknown:
            raise DataError(f"labels that are no class: {', '.join(sorted(unknown))}")
        object.__setattr__(self, "_index_of", {name: index for index, name in enumerate(self.classes)})

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int) -> Item:
        index = key % len(self.samples)
        sample = self.samples[index]
        pixels = sample.pixels(self.channels)
        tensor = self.transform(pixels, sample_seed(self.seed, self.epoch, key))
        return tensor, self._index_of.get(sample.label, UNLABELLED), index

    def at(self, epoch: int) -> Images:
        """The same samples as they look in another epoch."""
        return replace(self, epoch=epoch)

    def order(self, epoch: int) -> list[int]:
        """The keys of one epoch, as many as there are samples, in the order of training."""
        keys = epoch_order(len(self), self.seed, epoch)
        if self.balanced:
            shown = equally_often(keys, [self.samples[index].label for index in keys])
            keys = [shown[place] for place in epoch_order(len(self), self.seed, ~epoch)]
        return repeated(keys, self.repeats)


def train_loader(
    images: Images, *, epoch: int, batch: int, workers: int = 0, start: int = 0, keep_last: bool = True
) -> DataLoader[Item]:
    """One epoch of batches in the order of `Images.order`.

    start: the first batch to give, to resume within an epoch. keep_last: give a last, shorter batch too.
    """
    order = images.order(epoch)
    batches = [order[first : first + batch] for first in range(0, len(order), batch)]
    if not keep_last:
        batches = [one for one in batches if len(one) == batch]
    return _loader(images.at(epoch), batches[start:], workers)


def evaluation_loader(images: Images, *, batch: int, workers: int = 0) -> DataLoader[Item]:
    """Every sample exactly once, in order; the last batch is as short as it is, never padded."""
    order = list(range(len(images)))
    return _loader(images, [order[first : first + batch] for first in range(0, len(order), batch)], workers)


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


def verify(
    samples: Sequence[Sample],
    *,
    channels: int | None = 3,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Sample, ...], tuple[tuple[str, str], ...]]:
    """Decode every file once; returns the readable samples and (path, reason) of the others.

    progress: called with (number done, number in all).
    Raises DataError with the list when more than 5 files and more than a fifth of all are unreadable.
    """
    good, bad = [], []
    for done, sample in enumerate(samples, start=1):
        try:
            sample.pixels(channels)
            good.append(sample)
        except DataError as error:
            bad.append((sample.path, error.message.removeprefix(f"cannot read {sample.path}: ")))
        if progress is not None:
            progress(done, len(samples))
    if len(bad) > _FEW_BAD and len(bad) > _MOST_BAD_SHARE * len(samples):
        raise DataError(
            f"{len(bad)} of {len(samples)} pictures cannot be read:\n"
            + "\n".join(f"  {path}: {reason}" for path, reason in bad[:20])
            + (f"\n  … and {len(bad) - 20} more" if len(bad) > 20 else ""),
            hint="repair or remove these files first; so many point to a fault in the download or the export",
        )
    return tuple(good), tuple(bad)


def _loader(images: Images, batches: list[list[int]], workers: int) -> DataLoader[Item]:
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        # The loader draws a number for its workers; a generator of its own leaves the global one as it was.
        generator=torch.Generator().manual_seed(0),
    )
