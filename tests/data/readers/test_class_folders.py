"""Folders as people have them: with and without splits, with rubbish, in any language."""

from __future__ import annotations

import unicodedata

import pytest

from swinkit.data import open_images, survey
from swinkit.data.readers import READERS
from swinkit.errors import DataError

from ..pictures_for_tests import class_folders, save


def test_folders_without_a_split_are_classes_in_natural_order(tmp_path):
    images = open_images(class_folders(tmp_path, {"10": 1, "2": 2, "cat": 1}))

    assert images.classes == ("2", "10", "cat")
    assert images.counts() == {"2": 2, "10": 1, "cat": 1}
    assert images.splits() == ()
    assert images.layout == "class folders"


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val", "dev"])
def test_split_folders_are_recognised_by_any_usual_name(tmp_path, val):
    images = open_images(class_folders(tmp_path, {"train/a": 2, "train/b": 2, f"{val}/a": 1, "test/b": 1}))

    assert images.splits() == ("train", "val", "test")
    assert list(images.split("val").counts().values()) == [1, 0]
    assert f"{val}/a/0.png" == images.split("val").samples[0].name


def test_a_class_may_be_called_train(tmp_path):
    images = open_images(class_folders(tmp_path, {"bus": 2, "car": 2, "train": 2}))

    assert images.classes == ("bus", "car", "train")


def test_folders_inside_a_class_belong_to_it(tmp_path):
    images = open_images(class_folders(tmp_path, {"cat/2019/may": 1, "cat": 1, "dog": 1}))

    assert images.counts() == {"cat": 2, "dog": 1}
    assert "cat/2019/may/0.png" in {sample.name for sample in images.samples}


def test_other_files_are_ignored_and_counted(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1, ".git/objects": 1})
    for name in (
        "cat/Thumbs.db",
        "cat/.DS_Store",
        "cat/._0.png",
        "cat/notes.txt",
        "dog/read.me",
        "dog/no_ending",
    ):
        (tmp_path / name).write_bytes(b"words")

    images = open_images(tmp_path)

    assert len(images) == 2
    assert images.ignored == {"hidden or system files": 3, ".txt": 1, ".me": 1, "without extension": 1}


def test_a_picture_without_an_ending_counts_and_one_without_a_class_is_named(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    save(tmp_path / "dog" / "x.png").rename(tmp_path / "dog" / "x")
    save(tmp_path / "stray.png")

    images = open_images(tmp_path)

    assert images.counts() == {"cat": 1, "dog": 2}
    assert [(str(tmp_path / "stray.png"), "it lies beside the class folders, so it has no class")] == [
        *images.skipped
    ]


def test_an_empty_class_folder_makes_no_class_and_is_named(tmp_path):
    images = open_images(class_folders(tmp_path, {"cat": 1, "dog": 1, "wolf": 0}))

    assert images.classes == ("cat", "dog")
    assert images.empty == ("wolf",)
    assert images.remarks() == ("wolf/ holds no pictures, so no class is made of it",)


def test_a_class_missing_from_val_shifts_no_index_and_is_named(tmp_path):
    images = open_images(class_folders(tmp_path, {"train/a": 1, "train/b": 1, "train/c": 1, "val/c": 1}))

    assert images.split("val").classes == ("a", "b", "c")
    assert images.remarks() == ("val has no pictures of a, b: nothing can be said about them",)


def test_a_class_that_train_lacks_is_refused_with_the_nearest_name(tmp_path):
    class_folders(tmp_path, {"train/daisy": 1, "train/rose": 1, "val/dasy": 1, "val/rose": 1})

    with pytest.raises(
        DataError, match=r"val or test has classes that train lacks: 'dasy' \(nearest: 'daisy'\)"
    ):
        open_images(tmp_path)


def test_a_survey_keeps_a_class_that_train_lacks_as_a_stranger(tmp_path):
    images = survey(class_folders(tmp_path, {"train/a": 1, "train/b": 1, "val/dasy": 1, "val/a": 1}))

    assert images.classes == ("a", "b")
    assert images.strangers() == ("dasy",)
    assert images.absent("val") == ("b",)


def test_a_survey_is_content_with_a_single_class(tmp_path):
    assert survey(class_folders(tmp_path, {"cat": 3})).counts() == {"cat": 3}


def test_decomposed_names_and_other_cases_are_the_same_class(tmp_path):
    decomposed = unicodedata.normalize("NFD", "größe")
    class_folders(tmp_path, {"train/größe": 1, "train/rest": 1, f"val/{decomposed}": 1, "val/Rest": 1})

    images = open_images(tmp_path)

    assert images.classes == ("größe", "rest")
    assert images.split("val").counts() == {"größe": 1, "rest": 1}
    assert "'Rest' in val or test is taken for 'rest'" in images.notes
    assert all(unicodedata.is_normalized("NFC", sample.name) for sample in images.samples)


def test_two_files_that_differ_in_unicode_form_only_keep_two_names(tmp_path):
    for form in ("NFC", "NFD"):
        save(tmp_path / "a" / unicodedata.normalize(form, "é.png"))
    save(tmp_path / "b" / "0.png")

    images = open_images(tmp_path)

    assert len({sample.name for sample in images.samples}) == 3


def test_a_third_folder_beside_train_and_val_is_named(tmp_path):
    images = open_images(class_folders(tmp_path, {"train/a": 1, "train/b": 1, "val/a": 1, "more/a": 1}))

    assert len(images) == 3
    assert "more/ is neither train, val nor test, so it is left out" in images.notes


def test_a_link_back_to_a_folder_above_does_not_go_round_for_ever(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat", target_is_directory=True)

    assert open_images(tmp_path).counts() == {"cat": 1, "dog": 1}


@pytest.mark.parametrize("above", [".", "train"])
@pytest.mark.parametrize("place", ["train/cat/again", "train/again"])
def test_a_link_to_what_lies_above_a_class_brings_no_other_class_into_it(tmp_path, place, above):
    class_folders(tmp_path, {"train/cat": 1, "train/dog": 1, "val/cat": 1})
    (tmp_path / place).symlink_to(tmp_path / above, target_is_directory=True)

    assert open_images(tmp_path).split("train").counts() == {"cat": 1, "dog": 1}


# Refusals


def test_a_single_class_is_nothing_to_learn(tmp_path):
    with pytest.raises(DataError, match=r"one class only \('cat', 3 pictures\): nothing to learn"):
        open_images(class_folders(tmp_path, {"cat": 3}))


def test_a_single_folder_around_the_classes_is_pointed_out(tmp_path):
    with pytest.raises(DataError, match="one class only") as refusal:
        open_images(class_folders(tmp_path, {"photos/cat": 1, "photos/dog": 1}))

    assert f"give {tmp_path / 'photos'}" in refusal.value.hint


def test_a_folder_without_pictures_names_what_it_holds_instead(tmp_path, monkeypatch):
    monkeypatch.setattr("swinkit.data.folders.extensions", lambda: (".jpg", ".png"))
    (tmp_path / "cat").mkdir()
    for number in range(3):
        (tmp_path / "cat" / f"{number}.heic").write_bytes(b"x")

    with pytest.raises(
        DataError, match=r"no pictures found in .*looked for 2 extensions; found 3 \.heic"
    ) as refusal:
        open_images(tmp_path)

    assert "install the HEIC reader" in refusal.value.hint


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(DataError, match="found no files at all"):
        open_images(tmp_path)


def test_pictures_without_class_folders_say_what_is_missing(tmp_path):
    save(tmp_path / "a.png")

    with pytest.raises(DataError, match="holds 1 picture and no class folders") as refusal:
        open_images(tmp_path)

    assert "a folder with its name" in refusal.value.hint


def test_a_mistyped_path_names_the_nearest_one(tmp_path):
    class_folders(tmp_path / "photos", {"cat": 1, "dog": 1})

    with pytest.raises(DataError, match="there is no folder") as refusal:
        open_images(tmp_path / "phtos")

    assert f"did you mean {tmp_path / 'photos'}?" == refusal.value.hint


def test_a_file_is_no_folder(tmp_path):
    with pytest.raises(DataError, match="is a file"):
        open_images(save(tmp_path / "a.png"))


def test_a_zip_file_is_to_be_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))

    with pytest.raises(DataError, match="a ZIP archive") as refusal:
        open_images(tmp_path / "a.zip")

    assert refusal.value.hint == "unpack it, and give the folder"


# Real folders, and the table


def test_flowers5_has_its_five_classes_and_splits(shared_data):
    images = open_images(shared_data("flowers5"))

    assert images.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert {150} == set(images.split("train").counts().values())
    assert {40} == set(images.split("val").counts().values())
    assert (images.remarks(), images.skipped) == ((), ())


def test_messy_tells_of_everything_that_was_left_out(shared_data):
    images = open_images(shared_data("messy"))

    assert images.classes == ("daisy", "dandelion", "roses", "tulips", "wild rösli")
    assert [path.rsplit("/", 1)[1] for path, _ in images.skipped] == ["stray.jpg"]
    assert images.ignored == {"hidden or system files": 3, ".txt": 1, ".json": 1}
    assert [
        "orchid" if "orchid" in note else note.split("pictures of ")[1].split(":")[0]
        for note in images.remarks()
    ] == ["orchid", "tulips, wild rösli"]


@pytest.mark.parametrize("layout", READERS)
def test_no_reader_recognises_a_folder_of_text(tmp_path, layout):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("no picture")

    assert not READERS[layout].recognise(tmp_path)
