"""Class lists fixed by train or by a file, and names that mean the same in different spellings."""

from __future__ import annotations

import unicodedata

import pytest

from swinkit.data import ImageSet, Sample, open_images
from swinkit.data.class_names import match_classes, read_classes, with_classes
from swinkit.errors import DataError

from .pictures_for_tests import class_folders, noise


def _multi(*rows: tuple[str, tuple[str, ...]]) -> ImageSet:
    samples = tuple(
        Sample(name=f"{number}", label=None, labels=labels, split=split, source=noise())
        for number, (split, labels) in enumerate(rows)
    )
    return ImageSet(name="some", samples=samples, classes=(), task="multilabel")


def test_a_list_of_classes_fixes_their_order(tmp_path):
    (tmp_path / "classes.txt").write_text("dog\n\ncat\n", encoding="utf-8")

    images = open_images(
        class_folders(tmp_path / "data", {"Cat": 1, "dog": 2}), labels=tmp_path / "classes.txt"
    )

    assert images.classes == ("dog", "cat")
    assert images.counts() == {"dog": 2, "cat": 1}
    assert images.notes == ("'Cat' is taken for 'cat'",)


def test_a_listed_class_without_pictures_keeps_its_place_and_is_named(tmp_path):
    images = open_images(class_folders(tmp_path, {"a": 1, "c": 1}), labels=["a", "b", "c"])

    assert images.classes == ("a", "b", "c")
    assert images.notes == ("there are no pictures of b, which the list of classes has",)


def test_classes_that_the_list_lacks_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"there are classes that the list lacks: 'dog' \(nearest: 'dogs'\)"):
        open_images(class_folders(tmp_path, {"cat": 1, "dog": 1}), labels=["cat", "dogs"])


def test_a_listed_class_may_be_missing_from_train(tmp_path):
    images = open_images(
        class_folders(tmp_path, {"train/a": 1, "train/b": 1, "val/c": 1}), labels=["c", "b", "a"]
    )

    assert images.split("val").counts() == {"c": 1, "b": 0, "a": 0}


def test_the_embedded_digits_can_be_put_into_another_order():
    images = open_images(None, labels=list("9876543210"))

    assert images.classes == tuple("9876543210")
    assert images.counts() == {name: open_images(None).counts()[name] for name in "9876543210"}


def test_labels_that_only_val_has_are_left_out_of_multi_label_sets():
    images = with_classes(_multi(("train", ("sea", "dog")), ("val", ("sea", "bus"))))

    assert images.classes == ("dog", "sea")
    assert images.split("val").samples[0].labels == ("sea",)
    assert images.notes == ("val or test has labels that train lacks, which are left out: bus",)


def test_a_list_of_classes_that_does_not_cover_a_multi_label_set_is_a_difference():
    assert with_classes(_multi(("train", ("sea", "dog"))), ["sea"]).strangers() == ("dog",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"a\nb\na\n", "names a twice"), ("größe".encode("latin-1"), "is no text in UTF-8")],
    ids=["empty", "twins", "another encoding"],
)
def test_a_list_that_is_none_is_refused(tmp_path, content, reason):
    (tmp_path / "classes.txt").write_bytes(content)

    with pytest.raises(DataError, match=reason):
        read_classes(tmp_path / "classes.txt")


def test_a_mistyped_list_names_the_nearest_file(tmp_path):
    (tmp_path / "classes.txt").write_text("a\n")

    with pytest.raises(DataError, match="there is no list of classes") as refusal:
        read_classes(tmp_path / "clases.txt")

    assert "classes.txt?" in refusal.value.hint


@pytest.mark.parametrize(
    "spelling", ["Wild Rösli", "wild_rösli", unicodedata.normalize("NFD", "wild rösli"), "WILDRÖSLI"]
)
def test_names_match_across_case_spaces_and_unicode_form(spelling):
    assert {spelling: "wild rösli"} == match_classes([spelling], ["daisy", "wild rösli"])


def test_the_exact_name_wins_over_a_similar_one():
    assert match_classes(["Rose", "rose"], ["Rose", "rose"]) == {"Rose": "Rose", "rose": "rose"}


def test_unknown_names_are_listed_with_the_nearest_known_one():
    with pytest.raises(DataError, match=r"'dasy' \(nearest: 'daisy'\), 'zebra'\n") as refusal:
        match_classes(["dasy", "rose", "zebra"], ["daisy", "rose"])

    assert "known classes are daisy, rose" in refusal.value.hint


def test_a_name_that_could_be_two_is_unknown():
    with pytest.raises(DataError, match="ROSE"):
        match_classes(["ROSE"], ["Rose", "rose"])
