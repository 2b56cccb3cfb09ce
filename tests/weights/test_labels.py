"""The stored class lists against what Microsoft, torchvision and timm say about them."""

from __future__ import annotations

import hashlib

import pytest

from swinkit.weights.labels import (
    LABEL_SETS,
    imagenet_1k,
    imagenet_1k_synsets,
    imagenet_22k,
    imagenet_22k_synsets,
    names_of_synsets,
    rows_22k_to_1k,
)

TEDDY_BEAR = imagenet_1k_synsets().index("n04399382")
# Of data/map22kto1k.txt in microsoft/Swin-Transformer: its lines, joined by newlines.
MICROSOFT_MAP_SHA256 = "4fff66d6f337db6dd0b41d1b6c863e617f9400d37892df630eecfcfa50131aab"


@pytest.mark.parametrize(
    ("expected", "names", "synsets"),
    [(1000, imagenet_1k, imagenet_1k_synsets), (21841, imagenet_22k, imagenet_22k_synsets)],
    ids=["1K", "22K"],
)
def test_each_row_has_one_name_and_one_synset_of_its_own(expected, names, synsets) -> None:
    assert expected == len(names()) == len(set(names()))
    assert expected == len(synsets()) == len(set(synsets()))
    assert all(name and name == name.strip() for name in names())


@pytest.mark.parametrize(
    ("row", "synset", "name"),
    [
        (0, "n01440764", "tench"),
        (134, "n02012849", "crane bird"),
        (281, "n02123045", "tabby"),
        (517, "n03126707", "crane"),
        (999, "n15075141", "toilet tissue"),
    ],
)
def test_known_rows_of_1k(row: int, synset: str, name: str) -> None:
    assert synset == imagenet_1k_synsets()[row]
    assert name == imagenet_1k()[row]


@pytest.mark.parametrize(
    ("row", "synset", "name"),
    [
        (0, "n00004475", "organism"),
        (359, "n01440764", "tench"),
        (9204, "n03930630", "pickup"),
        (9205, "n15102455", "chipboard"),  # where Google's list has a synset without images
        (15027, "n15102894", "knothole"),
        (21817, "n15075141", "toilet tissue, toilet paper, bathroom tissue"),
    ],
)
def test_known_rows_of_22k(row: int, synset: str, name: str) -> None:
    assert synset == imagenet_22k_synsets()[row]
    assert name.split(",")[0] == imagenet_22k()[row].split(",")[0]


def test_the_map_to_1k_is_microsofts() -> None:
    text = "\n".join(map(str, rows_22k_to_1k()))

    assert hashlib.sha256(text.encode()).hexdigest() == MICROSOFT_MAP_SHA256


def test_the_map_sends_each_synset_to_itself_except_the_one_that_22k_lacks() -> None:
    synsets = imagenet_22k_synsets()

    elsewhere = {
        index: synsets[row]
        for index, (row, synset) in enumerate(zip(rows_22k_to_1k(), imagenet_1k_synsets(), strict=True))
        if synsets[row] != synset
    }

    assert elsewhere == {TEDDY_BEAR: "n03013580"}
    assert "n04399382" not in synsets


def test_the_22k_synsets_are_those_of_the_fall_2011_release() -> None:
    timm_data = pytest.importorskip("timm.data")

    release = timm_data.ImageNetInfo("imagenet22k").label_names()

    assert sorted(release) == sorted(imagenet_22k_synsets())


def test_the_sets_that_the_catalogue_names_are_there() -> None:
    assert {name: len(read()) for name, read in LABEL_SETS.items()} == {
        "imagenet1k": 1000,
        "imagenet22k_ms": 21841,
    }


def test_folders_named_by_synset_mean_the_classes_of_the_checkpoint_in_whatever_spelling() -> None:
    given = ["n03126707", "n01440764"]  # the crane that is a machine, the tench
    rows = [imagenet_1k_synsets().index(one) for one in given]
    theirs = [f"{name}, and a synonym" for name in imagenet_1k()]

    for names in (imagenet_1k(), theirs):
        assert dict(zip(given, (names[row] for row in rows), strict=True)) == names_of_synsets(given, names)


def test_a_model_of_a_few_imagenet_classes_is_matched_by_name() -> None:
    tench, goldfish = imagenet_1k()[:2]
    first, second = imagenet_1k_synsets()[:2]

    assert {first: tench, second: goldfish} == names_of_synsets([first, second], ["cat", goldfish, tench])
    assert names_of_synsets([first, second], ["cat", tench]) is None


def test_ordinary_names_are_no_synsets() -> None:
    assert names_of_synsets(["tench", "n01440764"], imagenet_1k()) is None
    assert names_of_synsets([], imagenet_1k()) is None


def test_the_22k_list_is_known_by_its_rows_too() -> None:
    row = 9205
    synset = imagenet_22k_synsets()[row]

    assert {synset: imagenet_22k()[row]} == names_of_synsets([synset], imagenet_22k())
