"""Splits by class: seeded, the same everywhere, with copies on one side."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swinkit.data import open_images, read_split, split_by_class, with_validation, write_split
from swinkit.data.samples import ImageSet, Sample
from swinkit.errors import DataError

from .pictures_for_tests import class_folders, noise


def _samples(counts: dict[str, int], copies: int = 1) -> list[Sample]:
    """So many samples of each class; `copies` of every picture."""
    return [
        Sample(name=f"{label}/{number}", label=label, source=np.array([[[hash_of(label), number // copies]]]))
        for label, count in counts.items()
        for number in range(count)
    ]


def hash_of(label: str) -> int:
    return sum(map(ord, label))


def _places(samples: tuple[Sample, ...]) -> dict[str, str | None]:
    return {sample.name: sample.split for sample in samples}


@given(
    counts=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
def test_every_class_has_its_share_on_both_sides(counts, share, seed):
    split = split_by_class(_samples(counts), fractions=(1 - share, share), seed=seed)

    in_val = Counter(sample.label for sample in split if sample.split == "val")
    assert {label: min(max(round(share * n), 1), n - 1) for label, n in counts.items()} == {
        label: in_val[label] for label in counts
    }


@given(
    counts=st.dictionaries(st.sampled_from("abc"), st.integers(1, 12), min_size=1), copies=st.integers(2, 4)
)
def test_exact_copies_stay_together_and_no_class_loses_all_training_pictures(counts, copies):
    samples = _samples(counts, copies)

    split = split_by_class(samples)

    sides: dict[bytes, set[str | None]] = {}
    for sample in split:
        sides.setdefault(sample.source.tobytes(), set()).add(sample.split)
    assert all(len(side) == 1 for side in sides.values())
    for label, count in counts.items():
        here = Counter(sample.split for sample in split if sample.label == label)
        assert here["train"] > 0
        assert (here["val"] > 0) == (count > copies)


def test_the_order_of_listing_does_not_matter_and_the_seed_does():
    samples = _samples({"a": 20, "b": 30})

    forwards, backwards = split_by_class(samples), split_by_class(samples[::-1])
    other = split_by_class(samples, seed=1)

    assert _places(forwards) == _places(backwards)
    assert _places(forwards) != _places(other)
    assert [sample.name for sample in samples] == [sample.name for sample in forwards]


def test_copies_of_one_file_under_two_labels_stay_on_one_side(tmp_path):
    class_folders(tmp_path, {"cat": 10, "dog": 10})
    (tmp_path / "dog" / "x.png").write_bytes((tmp_path / "cat" / "3.png").read_bytes())

    for seed in range(6):
        places = _places(split_by_class(open_images(tmp_path).samples, seed=seed))

        assert places["cat/3.png"] == places["dog/x.png"]


@pytest.mark.parametrize("fractions", [(1.0, 0.0), (0.5, 0.4), (-0.2, 1.2)])
def test_shares_that_are_none_are_refused(fractions):
    with pytest.raises(DataError, match="positive and sum to 1"):
        split_by_class(_samples({"a": 4}), fractions=fractions)


# The split of a whole set


def _set(*splits: str | None) -> ImageSet:
    samples = tuple(
        Sample(name=f"{split}/{label}/{number}", label=label, split=split, source=noise(seed=number))
        for split in splits
        for label in "ab"
        for number in range(5)
    )
    return ImageSet(name="some", samples=samples, classes=("a", "b"))


def test_a_set_with_train_and_val_is_left_alone():
    images = _set("train", "val", "test")

    assert (images, False) == with_validation(images)


def test_train_gives_a_share_to_val_and_test_is_untouched():
    images, made = with_validation(_set("train", "test"))

    assert made
    assert tuple(len(images.split(name)) for name in ("train", "val", "test")) == (8, 2, 10)


def test_a_set_with_nothing_to_train_on_is_refused():
    with pytest.raises(DataError, match="val and test only, none to train on"):
        with_validation(_set("val", "test"))


# On disk


def test_a_split_comes_back_from_its_file(tmp_path):
    samples = split_by_class(_samples({"a, with a comma": 5, "größe 图": 5}))

    write_split(tmp_path / "split.csv", samples)
    unsplit = [replace(sample, split=None) for sample in samples]

    assert samples == read_split(tmp_path / "split.csv", unsplit)
    assert (tmp_path / "split.csv").read_text(encoding="utf-8").splitlines()[0] == "name,label,split"


def test_names_that_are_no_unicode_survive(tmp_path):
    odd = Sample(
        name=b"caf\xe9.png".decode("utf-8", "surrogateescape"), label="a", split="val", source=noise()
    )

    write_split(tmp_path / "split.csv", [odd])

    assert (odd,) == read_split(tmp_path / "split.csv", [replace(odd, split=None)])


def test_a_split_of_other_data_names_the_difference(tmp_path):
    write_split(tmp_path / "split.csv", split_by_class(_samples({"a": 3})))

    with pytest.raises(
        DataError, match=r"1 pictures are not in it \(b/0\); 2 of its pictures are missing \(a/1, a/2\)"
    ):
        read_split(tmp_path / "split.csv", _samples({"a": 1, "b": 1}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no split file"),
        ("a;b;c\n", "no split file"),
        ("name,label,split\na/0,a,trian\n", "line 2: expected name, label and train, val or test"),
        ("name,label,split\na/0\n", "line 2"),
    ],
    ids=["empty", "another table", "a misspelt split", "a short line"],
)
def test_a_file_that_is_no_split_is_refused(tmp_path, text, reason):
    (tmp_path / "split.csv").write_text(text)

    with pytest.raises(DataError, match=reason):
        read_split(tmp_path / "split.csv", _samples({"a": 1}))


def test_a_missing_split_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no split file"):
        read_split(tmp_path / "split.csv", [])
