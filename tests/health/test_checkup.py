"""A set looked through: every planted defect is named with its path, and nothing else is accused."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from swinkit.data import ImageSet, survey
from swinkit.health.checkup import Checkup, look_through
from swinkit.health.findings import Finding
from tests.data.pictures_for_tests import scene


def looked_through(place: Path, images: ImageSet | None = None) -> Checkup:
    return look_through(
        images or survey(place), place, counting=lambda what, total: nullcontext(lambda done, of: None)
    )


def found(checkup: Checkup, code: str) -> list[Finding]:
    return [finding for finding in checkup.findings if finding.code == code]


def photos(root: Path, counts: dict[str, int], ending: str = ".png") -> Path:
    """Folders with so many scenes each, no two alike."""
    seed = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            scene(seed, 40, 56).save(root / folder / f"{number}{ending}")
    return root


# Copies and labels


def test_copies_across_splits_are_errors_that_leave_out_those_in_train(tmp_path):
    photos(tmp_path, {"train/a": 4, "train/b": 4, "val/a": 2, "val/b": 2})
    ImageOps.mirror(Image.open(tmp_path / "train/a/1.png")).save(tmp_path / "val/a/x.jpg", quality=80)

    checkup = looked_through(tmp_path)

    (error,) = found(checkup, "D002")
    assert error.files == ("train/a/1.png", "val/a/x.jpg")
    assert error.leave_out == ("train/a/1.png",)
    assert error.message.startswith("nearly the same picture in train and val")
    assert checkup.resplit
    places = {sample.name: sample.split for sample in checkup.divided.samples}
    assert places["train/a/1.png"] == places["val/a/x.jpg"]


def test_one_picture_under_two_labels_is_an_error_that_leaves_out_both(tmp_path):
    photos(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "b" / "x.png").write_bytes((tmp_path / "a" / "2.png").read_bytes())

    checkup = looked_through(tmp_path)

    (error,) = found(checkup, "D003")
    assert error.message == "the same file as a and as b: a/2.png = b/x.png"
    assert error.files == error.leave_out == ("a/2.png", "b/x.png")
    assert checkup.exclude
    assert {"a/2.png", "b/x.png"}.isdisjoint(sample.name for sample in checkup.divided.samples)


def test_copies_within_a_class_are_a_note(tmp_path):
    photos(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "a" / "x.png").write_bytes((tmp_path / "a" / "2.png").read_bytes())

    checkup = looked_through(tmp_path)

    assert [("a/2.png", "a/x.png")] == [finding.files for finding in found(checkup, "D219")]
    assert not found(checkup, "D002") + found(checkup, "D003")


# Classes


def test_a_class_that_train_lacks_is_an_error_with_the_nearest_name(tmp_path):
    checkup = looked_through(
        photos(tmp_path, {"train/daisy": 3, "train/rose": 3, "val/dasy": 2, "val/rose": 2})
    )

    (error,) = found(checkup, "D004")
    assert "'dasy' (nearest: 'daisy')" in error.message
    assert error.files == ("val/dasy/0.png", "val/dasy/1.png")
    assert checkup.counts()["dasy"] == {"train": 0, "val": 2}


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 1, "b": 1}, "no class has two pictures that can be read"),
        ({"a": 5}, "there is one class only ('a')"),
    ],
)
def test_a_set_of_which_nothing_can_be_learnt_is_an_error(tmp_path, counts, message):
    checkup = looked_through(photos(tmp_path, counts))

    assert message in found(checkup, "D005")[0].message
    assert checkup.divided is None or len(counts) == 1


def test_empty_missing_unequal_and_few_are_warnings(tmp_path):
    checkup = looked_through(
        photos(tmp_path, {"train/a": 10, "train/b": 2, "train/c": 0, "val/a": 2, "test/a": 1, "test/b": 1})
    )

    assert {
        finding.code: finding.message for finding in checkup.findings if finding.severity == "warning"
    } == {
        "D101": "it holds no picture",
        "D102": "val has no picture of b that can be read",
        "D103": "a has 10 pictures to learn from and b 2: 5.0 times as many",
        "D104": "val has 2 pictures that can be read",
    }


def test_a_class_whose_pictures_cannot_be_read_is_missing_too(tmp_path):
    photos(tmp_path, {"train/a": 3, "train/b": 3, "val/a": 2})
    (tmp_path / "val" / "b").mkdir()
    (tmp_path / "val" / "b" / "0.png").write_bytes(b"")

    assert ["val has no picture of b that can be read"] == [
        finding.message for finding in found(looked_through(tmp_path), "D102")
    ]


def test_classes_whose_names_are_hardly_told_apart_are_named_together(tmp_path):
    checkup = looked_through(photos(tmp_path, {"Red Fox": 3, "red_fox": 3, "wolf": 3}))

    assert ["'Red Fox' and 'red_fox' differ in case, spaces or hyphens only"] == [
        finding.message for finding in found(checkup, "D226")
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the two are one folder")
def test_folders_that_differ_in_their_unicode_form_are_one_class_and_it_is_said(tmp_path):
    photos(tmp_path, {unicodedata.normalize(form, "zoë"): 3 for form in ("NFC", "NFD")} | {"ant": 3})

    checkup = looked_through(tmp_path)

    assert {"ant": {"all": 3}, "zoë": {"all": 6}} == checkup.counts()
    assert any("differ in their Unicode form only" in one.message for one in found(checkup, "D221"))


# What gives the class away


def test_a_format_in_one_class_only_gives_it_away(tmp_path):
    photos(tmp_path, {"cat": 20}, ".png")
    photos(tmp_path, {"dog": 20}, ".jpg")

    messages = [finding.message for finding in found(looked_through(tmp_path), "D105")]

    assert ["format predicts the class: PNG only in cat (20 of 20), JPEG only in dog (20 of 20)"] == messages


def test_bit_depth_in_one_class_gives_it_away(tmp_path):
    photos(tmp_path, {"cat": 40, "fox": 6})
    for number in range(6):
        grey = np.asarray(scene(100 + number, 40, 56).convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(tmp_path / "fox" / f"{number}.png")

    messages = [finding.message for finding in found(looked_through(tmp_path), "D105")]

    assert "bit depth predicts the class: 16 bits only in fox (6 of 6)" in messages[0]


def test_a_camera_in_one_class_gives_it_away(tmp_path):
    photos(tmp_path, {"cat": 20}, ".jpg")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "One\0"
    (tmp_path / "dog").mkdir()
    for number in range(20):
        scene(100 + number, 40, 56).save(tmp_path / "dog" / f"{number}.jpg", exif=exif)

    messages = [finding.message for finding in found(looked_through(tmp_path), "D105")]

    assert [
        "camera predicts the class: no camera named only in cat (20 of 20), Maker One only in dog (20 of 20)"
    ] == messages


def test_sizes_that_differ_by_much_give_the_class_away_though_no_two_are_equal(tmp_path):
    for number in range(20):
        for name, side in (("cat", 30 + number % 10), ("dog", 110 + number % 10)):
            (tmp_path / name).mkdir(exist_ok=True)
            scene(1000 * side + number, side, side + number).save(tmp_path / name / f"{number}.png")

    messages = [finding.message for finding in found(looked_through(tmp_path), "D105")]

    assert 1 == len(messages)
    assert "size predicts the class: about " in messages[0]


def test_formats_that_are_mixed_everywhere_give_nothing_away(tmp_path):
    for ending in (".png", ".jpg"):
        photos(tmp_path / "x", {"cat": 12, "dog": 12}, ending)

    assert not found(looked_through(tmp_path / "x"), "D105")


# Faults


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_of_any_kind_are_found_and_named(tmp_path):
    photos(tmp_path, {"a": 3, "b": 3})
    raw = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/caf\xe9.png"))
    scene(50).save(raw)
    scene(51).save(tmp_path / "b" / unicodedata.normalize("NFD", "é.png"))

    oddities = {finding.files[0]: finding.message for finding in found(looked_through(tmp_path), "D218")}

    assert oddities["a/caf\udce9.png"] == "bytes that are no UTF-8"
    assert "decomposed Unicode" in oddities["b/é.png"]


@pytest.mark.skipif(os.name == "nt", reason="such names are refused there")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("-rf.png", "a dash in front, as options have"),
        ("a:b.png", "signs that Windows forbids"),
        ("a\x1bb.png", "control characters"),
        ("a\u202egnp.exe.png", "control characters"),
    ],
)
def test_names_that_other_programs_stumble_over_are_named(tmp_path, name, why):
    photos(tmp_path, {"a": 3, "b": 3})
    scene(50).save(tmp_path / "a" / name)

    named = [(one.message, one.files) for one in found(looked_through(tmp_path), "D218")]
    assert (why, (f"a/{name}",)) in named


def test_names_of_one_kind_are_one_finding_that_counts_them(tmp_path):
    photos(tmp_path, {f"kind {number}": 2 for number in range(7)})

    (one,) = found(looked_through(tmp_path), "D218")

    assert one.files == tuple(f"kind {number}" for number in range(7))
    assert one.message == "spaces: kind 0, kind 1, kind 2, kind 3, kind 4 and 2 more"


def test_pictures_of_one_inner_folder_are_one_finding(tmp_path):
    photos(tmp_path, {"a": 2, "a/film": 2, "a/film/cut": 1, "b": 3})

    several, single = found(looked_through(tmp_path), "D215")

    assert several.message == "2 in a/film, taken for pictures of a: a/film/0.png, a/film/1.png"
    assert (single.files, single.message) == (("a/film/cut/0.png",), "taken for a picture of a")


def test_a_link_to_a_folder_above_is_named_and_not_followed(tmp_path):
    photos(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "a" / "all").symlink_to(tmp_path, target_is_directory=True)

    checkup = looked_through(tmp_path)

    assert checkup.counts() == {"a": {"all": 3}, "b": {"all": 3}}
    assert [("a/all",)] == [one.files for one in found(checkup, "D216")]
    assert not found(checkup, "D003")


def test_a_folder_linked_into_itself_is_looked_through_once(tmp_path):
    photos(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)

    checkup = looked_through(tmp_path)

    assert checkup.counts() == {"a": {"all": 3}, "b": {"all": 3}}
    assert not found(checkup, "D219")


def test_a_picture_that_vanishes_meanwhile_is_an_error_and_the_others_are_looked_at(tmp_path):
    images = survey(photos(tmp_path, {"a": 3, "b": 3}))
    (tmp_path / "a" / "1.png").unlink()

    checkup = looked_through(tmp_path, images)

    assert [("a/1.png", "there is no such file")] == [
        (finding.files[0], finding.message) for finding in found(checkup, "D001")
    ]
    assert len(checkup.readable) == 5


# A real folder with every defect

CODES = {
    "alpha": "D204",
    "animated": "D206",
    "cmyk": "D202",
    "constant": "D212",
    "corrupt": "D001",
    "corrupt_scan": "D225",
    "empty_class": "D101",
    "exif_broken": "D222",
    "exif_rotated": "D201",
    "extreme_aspect": "D210",
    "grey_alpha": "D204",
    "greyscale": "D213",
    "hidden_file": "D216",
    "image_outside_class": "D217",
    "nested_folder": "D215",
    "no_extension": "D208",
    "not_an_image": "D001",
    "one_bit": "D214",
    "palette": "D203",
    "palette_transparency": "D203",
    "sixteen_bit": "D205",
    "space_in_name": "D218",
    "system_file": "D216",
    "text_file": "D216",
    "tiny": "D211",
    "truncated": "D001",
    "unicode_class_name": "D218",
    "unicode_name": "D218",
    "upper_case_extension": "D218",
    "wrong_extension": "D207",
    "zero_byte": "D001",
}
COPIES = {"same class and split": "D219", "across splits": "D002", "across classes (label conflict)": "D003"}


@pytest.fixture(scope="module")
def messy(shared_data) -> tuple[Checkup, dict]:
    folder = shared_data("messy")
    return looked_through(folder), json.loads((folder / "manifest.json").read_text("utf-8"))


def expected_code(planted: dict) -> str:
    if "of" in planted:
        return COPIES[planted["where"]]
    if planted["defect"] == "huge_dimension":
        return "D209" if planted["readable"] else "D001"
    return CODES[planted["defect"]]


def test_every_defect_of_the_manifest_is_named_with_its_path(messy):
    checkup, manifest = messy
    named = {(finding.code, name) for finding in checkup.findings for name in finding.files}

    for planted in manifest["planted"]:
        assert (expected_code(planted), planted["path"]) in named


def test_copies_are_named_beside_their_originals(messy):
    checkup, manifest = messy
    pairs = {finding.files for finding in checkup.findings if finding.code in COPIES.values()}

    expected = {tuple(sorted((p["path"], p["of"]))) for p in manifest["planted"] if "of" in p}
    assert expected == {tuple(sorted(files)) for files in pairs}


def test_clean_files_are_not_accused(messy):
    checkup, manifest = messy
    planted = {one["path"] for one in manifest["planted"]} | {one.get("of") for one in manifest["planted"]}

    accused = {name for finding in checkup.findings for name in finding.files} - planted

    assert accused == {"manifest.json", "train/orchid/.gitkeep"}


def test_the_set_as_a_whole_is_judged_too(messy):
    checkup, _ = messy
    codes = [finding.code for finding in checkup.findings if not finding.files]

    assert codes == ["D102", "D102", "D103"]
    assert "tulips" in found(checkup, "D102")[0].message
