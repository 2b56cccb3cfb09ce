"""Samples, sets of them, and class names that mean the same in different spellings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swinkit.data.samples import ImageSet, Sample, natural_order
from swinkit.errors import DataError

from .pictures_for_tests import class_folders, noise, save


def _set(*samples: Sample) -> ImageSet:
    return ImageSet(name="few", samples=samples, classes=("cat", "dog"))


def _sample(name: str, label: str = "cat", split=None) -> Sample:
    return Sample(name=name, label=label, split=split, source=noise())


def test_pixels_come_from_the_file_or_from_memory(tmp_path):
    from_file = Sample(name="a", label=None, source=save(tmp_path / "a.png"))

    np.testing.assert_array_equal(_sample("b").pixels(), from_file.pixels())


def test_pixels_in_memory_refuse_another_number_of_channels():
    with pytest.raises(DataError, match="cannot use b: it has 3 channels, and 13 are expected"):
        _sample("b").pixels(13)


def test_a_split_keeps_the_classes_so_that_indices_mean_the_same():
    images = _set(_sample("a", split="train"), _sample("b", "dog", split="val"))

    val = images.split("val")

    assert val.classes == ("cat", "dog")
    assert val.counts() == {"cat": 0, "dog": 1}
    assert images.splits() == ("train", "val")


def test_the_fingerprint_depends_on_names_labels_and_sizes_only(tmp_path):
    here = class_folders(tmp_path / "here", {"cat": 2, "dog": 2})
    there = class_folders(tmp_path / "there", {"cat": 2, "dog": 2})
    sets = [
        _set(*(Sample(name=f.name, label="cat", source=f) for f in order))
        for order in (sorted(here.glob("cat/*")), sorted(there.glob("cat/*"), reverse=True))
    ]
    first = sets[0].fingerprint()

    assert first == sets[1].fingerprint()
    assert (
        first
        == replace(sets[0], samples=tuple(replace(s, split="val") for s in sets[0].samples)).fingerprint()
    )
    assert first != replace(sets[0], samples=sets[0].samples[:1]).fingerprint()
    assert (
        first
        != replace(sets[0], samples=tuple(replace(s, label="dog") for s in sets[0].samples)).fingerprint()
    )


def test_natural_order_counts_numbers_as_numbers():
    assert sorted(["10", "c", "B", "a10", "2", "a2", "1"], key=natural_order) == [
        "1",
        "2",
        "10",
        "a2",
        "a10",
        "B",
        "c",
    ]


def test_natural_order_does_not_stumble_over_odd_digits():
    assert sorted(["x²", "x٣", "x1"], key=natural_order)


def test_a_multi_label_set_counts_every_label_of_a_picture():
    samples = (
        Sample(name="a", label=None, labels=("cat", "dog"), source=noise()),
        Sample(name="b", label=None, labels=("dog",), source=noise()),
        Sample(name="c", label=None, labels=(), split="val", source=noise()),
    )
    images = replace(_set(*samples), task="multilabel")

    assert images.counts() == {"cat": 1, "dog": 2}
    assert images.absent("val") == ("cat", "dog")
    assert images.strangers() == ()


@pytest.mark.parametrize("change", [{"labels": ("cat",)}, {"unknown": ("dog",)}], ids=["labels", "unknown"])
def test_the_fingerprint_of_a_multi_label_set_depends_on_its_labels(change):
    sample = Sample(name="a", label=None, labels=("cat", "dog"), source=noise())

    assert _set(sample).fingerprint() != _set(replace(sample, **change)).fingerprint()
    assert _set(sample).fingerprint() == _set(replace(sample, labels=("dog", "cat"))).fingerprint()
