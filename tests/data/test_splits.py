"""Splits by class: seeded, the same everywhere, with copies on one side."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swinkit.data import folds, open_images, split_by_class, with_splits
from swinkit.data.samples import ImageSet, Sample
from swinkit.data.splits import MANY
from swinkit.errors import DataError

from .pictures_for_tests import class_folders


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
    split = split_by_class(_samples(counts), shares={"train": 1 - share, "val": share}, seed=seed)

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


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 1.0, "val": 0.0},
        {"train": 0.5, "val": 0.4},
        {"train": -0.2, "val": 1.2},
        {"val": 0.5, "test": 0.5},
    ],
)
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(DataError, match="positive and sum to 1, and train has one"):
        split_by_class(_samples({"a": 4}), shares=shares)


# Three parts, groups, several labels


def test_three_parts_have_their_share_of_every_class():
    split = split_by_class(_samples({"a": 100, "b": 20, "c": 3, "d": 2, "e": 1}), shares=MANY)

    counted = Counter((sample.label, sample.split) for sample in split)
    assert {
        "a": (70, 15, 15),
        "b": (14, 3, 3),
        "c": (1, 1, 1),
        "d": (1, 1, 0),
        "e": (1, 0, 0),
    } == {label: tuple(counted[label, part] for part in ("train", "val", "test")) for label in "abcde"}


@st.composite
def _grouped(draw):
    """Samples of up to three classes in groups of any size, and the seed of a split."""
    groups = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), min_size=6, max_size=30))
    return [
        Sample(
            name=f"{label}/{number}-{part}",
            label=label,
            group=f"g{number}",
            source=np.array([[[number * 10 + part]]]),
        )
        for number, (label, size) in enumerate(groups)
        for part in range(size)
    ], draw(st.integers(0, 3))


@given(_grouped())
def test_pictures_of_one_group_are_never_in_two_splits(case):
    samples, seed = case

    split = split_by_class(samples, shares=MANY, seed=seed)

    parts: dict[str | None, set[str | None]] = {}
    for sample in split:
        parts.setdefault(sample.group, set()).add(sample.split)
    assert {1} == {len(part) for part in parts.values()}
    for label in {sample.label for sample in samples}:
        here = [sample for sample in split if sample.label == label]
        groups = len({sample.group for sample in here})
        assert {"train", "val", "test"} >= {s.split for s in here}
        assert len({s.split for s in here}) == min(groups, 2 if len(here) == 2 else 3)


def test_groups_of_one_size_are_dealt_out_by_their_shares():
    samples = [
        Sample(name=f"{n}", label="ab"[n // 10 % 2], group=f"g{n // 10}", source=np.array([[[n]]]))
        for n in range(400)
    ]

    counted = Counter((sample.label, sample.split) for sample in split_by_class(samples, shares=MANY))

    assert {140, 30} == set(counted.values())


def test_what_is_said_to_belong_together_stays_together():
    samples = _samples({"a": 20, "b": 20})
    kin = [("a/0", "b/7", "unknown"), ("b/7", "b/8")]

    for seed in range(6):
        places = _places(split_by_class(samples, seed=seed, together=kin))
        assert 1 == len({places["a/0"], places["b/7"], places["b/8"]})


def test_rare_labels_of_multi_label_sets_are_on_every_side():
    generator = np.random.default_rng(0)
    samples = [
        Sample(
            name=f"{number}",
            label=None,
            labels=tuple(
                name for name, p in (("sky", 0.8), ("dog", 0.3), ("owl", 0.04)) if generator.random() < p
            ),
            source=np.array([[[number]]]),
        )
        for number in range(300)
    ]

    split = split_by_class(samples, shares=MANY)

    for label in ("sky", "dog", "owl"):
        counted = Counter(sample.split for sample in split if label in sample.shown)
        assert counted["train"] / counted.total() == pytest.approx(0.7, abs=0.08)
        assert min(counted["val"], counted["test"]) >= 1
    assert Counter(sample.split for sample in split)["train"] == pytest.approx(210, abs=6)


# Folds


@given(
    counts=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 40), min_size=1),
    count=st.integers(2, 6),
    seed=st.integers(0, 3),
)
def test_folds_are_even_in_every_class(counts, count, seed):
    samples = _samples(counts)

    found = folds(samples, count=count, seed=seed)

    assert set(found) <= set(range(count))
    for label, total in counts.items():
        inside = Counter(fold for fold, sample in zip(found, samples, strict=True) if sample.label == label)
        assert max(inside[fold] for fold in range(count)) <= -(-total // count)
        assert min(inside[fold] for fold in range(count)) >= total // count
    assert found == tuple(folds(samples[::-1], count=count, seed=seed)[::-1])


def test_folds_keep_groups_together():
    samples = [replace(s, group=s.name[-1]) for s in _samples({"a": 40, "b": 40})]

    found = dict(zip((s.group for s in samples), folds(samples), strict=True))

    assert all(found[s.group] == fold for s, fold in zip(samples, folds(samples), strict=True))


# The split of a whole set


def _set(*splits: str | None, each: int = 5) -> ImageSet:
    samples = tuple(
        Sample(
            name=f"{split}/{label}/{number}",
            label=label,
            split=split,
            source=np.array([[[number, hash_of(label), hash_of(split or "")]]]),
        )
        for split in splits
        for label in "ab"
        for number in range(each)
    )
    return ImageSet(name="some", samples=samples, classes=("a", "b"))


def _sizes(images: ImageSet) -> tuple[int, ...]:
    return tuple(len(images.split(name)) for name in ("train", "val", "test"))


def test_a_set_with_train_and_val_is_left_alone():
    images = _set("train", "val", "test")

    assert (images, ()) == with_splits(images)


@pytest.mark.parametrize(
    ("splits", "each", "expected"),
    [
        ((None,), 5, (8, 2, 0)),
        ((None,), 100, (140, 30, 30)),
        (("train",), 5, (8, 2, 0)),
        (("train",), 100, (140, 30, 30)),
        (("train", "test"), 5, (8, 2, 10)),
        (("train", "test"), 100, (170, 30, 200)),
        ((None, "val"), 5, (10, 10, 0)),
        ((None, "train"), 50, (140, 30, 30)),
    ],
)
def test_what_is_missing_is_taken_from_train(splits, each, expected):
    images, notes = with_splits(_set(*splits, each=each))

    assert expected == _sizes(images)
    assert bool(notes) == ("val" not in splits)


def test_a_test_split_that_is_given_is_never_touched():
    before = _set("train", "test", each=100)

    assert before.split("test") == with_splits(before)[0].split("test")


def test_a_resplit_forgets_the_splits_that_the_data_brings():
    images, notes = with_splits(_set("train", "val", each=60), resplit=True)

    assert _sizes(images) == (168, 36, 36)
    assert notes == (
        "split: 70% to learn from, 15% to choose by, 15% for the numbers at the end, by class; "
        "split.csv says which",
    )


def test_groups_that_the_given_splits_tear_apart_are_named():
    images = _set("train", "val")
    torn = tuple(replace(s, group=s.name.split("/", 1)[1]) for s in images.samples)

    _, notes = with_splits(replace(images, samples=torn))

    assert notes == (
        "10 of 10 groups have pictures in more than one split (a/0, a/1, a/2, …), so the numbers will be too "
        "good; --resplit divides anew",
    )


def test_a_set_with_nothing_to_train_on_is_refused():
    with pytest.raises(DataError, match="val and test only, none to train on"):
        with_splits(_set("val", "test"))


def test_a_set_that_cannot_be_parted_is_refused():
    with pytest.raises(DataError, match="has no class of two pictures that may be parted"):
        with_splits(_set(None, each=1))
