"""Batches that depend on seed, epoch and sample, and on nothing about the machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from swinkit.data import Sample, digits
from swinkit.data.loader import Batch, Images, epoch_order, repeated, train_loader
from swinkit.data.transforms import DIGITS, train_transform
from swinkit.errors import DataError

from .pictures_for_tests import Unvaried, noise, save

TRANSFORM = train_transform(DIGITS, image_size=(32, 32), mean=(0.5,) * 3, std=(0.5,) * 3)


@dataclass
class Plain:
    def __call__(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.tensor(pixels).permute(2, 0, 1).float()


@pytest.fixture(scope="module")
def images() -> Images:
    some = digits()
    return Images(samples=some.samples[:21], classes=some.classes, transform=TRANSFORM, seed=3)


def _batches(loader) -> list[Batch]:
    return list(loader)


def _equal(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(getattr(one, name), getattr(two, name))
        for one, two in zip(first, second, strict=True)
        for name in ("pixels", "targets", "samples", "known")
    )


def test_an_item_is_a_tensor_its_class_and_its_place(images):
    tensor, label, index = images[12]

    assert (tensor.shape, label, index) == ((3, 32, 32), 2, 12)


def test_a_sample_without_a_label_has_no_class():
    unlabelled = Sample(name="x", label=None, source=noise())

    assert Images(samples=[unlabelled], classes=["a"], transform=Unvaried(Plain()))[0][1] == -1


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(DataError, match="labels that are no class: b"):
        Images(samples=[Sample(name="x", label="b", source=noise())], classes=["a"], transform=TRANSFORM)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_a_single_number(images, workers):
    alone = _batches(train_loader(images, epochs=[4], batch=8))

    assert _equal(alone, _batches(train_loader(images, epochs=[4], batch=8, workers=workers)))


def test_an_epoch_resumed_in_the_middle_goes_on_as_it_would_have(images):
    whole = _batches(train_loader(images, epochs=[1], batch=4))

    torch.rand(17)
    rest = _batches(train_loader(images, epochs=[1], batch=4, start=3))

    assert _equal(whole[3:], rest)


def test_epochs_differ_in_order_and_in_augmentation(images):
    assert epoch_order(100, 0, 0) != epoch_order(100, 0, 1)
    assert not torch.equal(images.at(0)[5][0], images.at(1)[5][0])


def test_an_epoch_has_every_sample_once(images):
    indices = torch.cat([batch.samples for batch in train_loader(images, epochs=[0], batch=4)])

    assert [*range(21)] == sorted(indices.tolist())


def test_epochs_follow_each_other_without_a_break(images):
    one_by_one = [b for epoch in (2, 3) for b in _batches(train_loader(images, epochs=[epoch], batch=8))]

    assert _equal(one_by_one, _batches(train_loader(images, epochs=[2, 3], batch=8, workers=1)))
    assert _equal(one_by_one[1:], _batches(train_loader(images, epochs=[2, 3], batch=8, start=1)))


def test_pixels_travel_as_the_bytes_they_are(images):
    assert torch.uint8 == next(iter(train_loader(images, epochs=[0], batch=4))).pixels.dtype


def test_loading_does_not_move_the_global_generator(images):
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)

    _batches(train_loader(images, epochs=[0], batch=8))

    assert torch.equal(expected, torch.rand(2))


# Repeated augmentation


def test_an_epoch_with_repeats_shows_a_part_of_the_pictures_several_times_each(images):
    loader = train_loader(replace(images, repeats=3), epochs=[0], batch=6)

    batches = _batches(loader)

    assert [6, 6, 6, 3] == [len(batch) for batch in batches]
    for batch in batches[:3]:
        assert [3, 3] == sorted(Counter(batch.samples.tolist()).values())
    assert 8 == len({index for batch in batches for index in batch.samples.tolist()})


def test_repeats_of_a_picture_are_varied_differently(images):
    batch = next(iter(train_loader(replace(images, repeats=3), epochs=[0], batch=6)))

    views = batch.pixels[batch.samples == batch.samples[0]]
    assert 3 == len({view.numpy().tobytes() for view in views})


@pytest.mark.parametrize("repeats", [2, 3, 4])
@pytest.mark.parametrize("count", [2, 3, 21, 30])
def test_neighbours_in_an_order_with_repeats_are_different_pictures(count, repeats):
    keys = repeated(epoch_order(count, 0, 0), repeats)

    assert count == len(keys) == len(set(keys))
    pairs = [(keys[first] % count, keys[first + 1] % count) for first in range(0, count - 1, 2)]
    assert all(one != other for one, other in pairs)


def test_without_repeats_the_order_is_the_plain_one(images):
    assert epoch_order(21, 3, 2) == images.order(2)


# Classes equally often


def _unequal(counts: dict[str, int]) -> Images:
    labels = [label for label, count in counts.items() for _ in range(count)]
    samples = [Sample(name=str(n), label=label, source=noise(8, 8)) for n, label in enumerate(labels)]
    return Images(samples=samples, classes=[*counts], transform=TRANSFORM, balanced=True)


def test_a_balanced_epoch_shows_every_class_equally_often_and_large_ones_without_repeats():
    images = _unequal({"a": 20, "b": 3, "c": 7})

    keys = images.order(0)

    shown = [images.samples[key % 30].label for key in keys]
    assert {"a": 10, "b": 10, "c": 10} == Counter(shown)
    assert 30 == len(set(keys))
    of_a = [key for key in keys if images.samples[key % 30].label == "a"]
    assert all(key < 30 for key in of_a)


def test_in_a_balanced_epoch_classes_do_not_take_turns():
    """Mixing blends neighbours: a fixed succession would blend the same classes for ever."""
    images = _unequal({"a": 40, "b": 20})

    shown = "".join(images.samples[key % 60].label for key in images.order(0))

    assert {"aa", "ab", "ba", "bb"} == {shown[i : i + 2] for i in range(0, 60, 2)}


def test_a_balanced_epoch_with_repeats_has_no_two_equal_keys():
    images = replace(_unequal({"a": 20, "b": 3, "c": 7}), repeats=3)

    assert 30 == len(set(images.order(0)))
    assert images.order(0) == images.order(0) != images.order(1)


# Files that go bad


def _files(folder, good: int, bad: int) -> list[Sample]:
    paths = [save(folder / f"{number}.png", seed=number) for number in range(good + bad)]
    for path in paths[:bad]:
        path.write_bytes(b"<html>not found")
    return [Sample(name=path.name, label="a", source=path) for path in paths]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_goes_bad_later_is_named_and_counts_for_nothing(tmp_path, workers):
    images = Images(samples=_files(tmp_path, 6, 1), classes=["a"], transform=Unvaried(Plain()))

    batches = _batches(train_loader(images, epochs=[0], batch=4, workers=workers))

    samples, known = torch.cat([b.samples for b in batches]), torch.cat([b.known for b in batches])
    assert [0, 1] == sorted(samples.bincount(minlength=7).tolist())[:2], "another picture stands in its place"
    assert 6 == int(known.sum())
    (path, reason), *others = [problem for b in batches for problem in b.unreadable]
    assert (str(tmp_path / "0.png"), []) == (path, others)
    assert "HTML page" in reason


def test_a_folder_that_is_gone_stops_the_loading(tmp_path):
    images = Images(samples=_files(tmp_path, 0, 7), classes=["a"], transform=Unvaried(Plain()))

    with pytest.raises(DataError, match="cannot be read any more"):
        _batches(train_loader(images, epochs=[0], batch=4))
