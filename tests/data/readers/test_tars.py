"""Tar archives: folders as they were packed, WebDataset shards, and pictures had in any order."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.data import open_images
from swinkit.data.loader import Images, train_loader
from swinkit.data.transforms import Augmentation, train_transform
from swinkit.errors import DataError

from ..pictures_for_tests import class_folders, noise


def _png(seed: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(seed=seed)).save(file, "png")
    return file.getvalue()


def _archive(path: Path, members: dict[str, bytes | str], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_packed_class_folders_are_the_folders_themselves(tmp_path):
    folder = class_folders(tmp_path / "data", {"train/cat": 3, "train/dog": 2, "val/dog": 1})
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        archive.add(folder, ".")

    outside, inside = open_images(folder), open_images(tmp_path / "data.tar")

    assert sorted(outside.samples, key=lambda s: s.name) == sorted(inside.samples, key=lambda s: s.name)
    assert (outside.classes, outside.fingerprint()) == (inside.classes, inside.fingerprint())
    assert inside.layout == "tar archive data.tar"
    pixels = {sample.name: sample.pixels() for sample in outside.samples}
    for sample in inside.samples[::-1]:
        np.testing.assert_array_equal(pixels[sample.name], sample.pixels())


def test_a_folder_around_everything_is_no_class(tmp_path):
    archive = _archive(
        tmp_path / "x.tar", {"photos/set/cat/1.png": _png(), "photos/set/dog/a/2.png": _png(1)}
    )

    assert open_images(archive).counts() == {"cat": 1, "dog": 1}


def test_shards_with_class_files_are_read_in_splits_of_their_names(tmp_path):
    for number, split in enumerate(("train", "val")):
        members = {}
        for index in range(4):
            members[f"{index:04d}.png"] = _png(10 * number + index)
            members[f"{index:04d}.cls"] = str(index % 2)
        _archive(tmp_path / f"set-{split}-000000.tar", members)
    (tmp_path / "classes.txt").write_text("cat\ndog\n")

    images = open_images(tmp_path)

    assert images.classes == ("cat", "dog")
    assert {"train": 4, "val": 4} == {split: len(images.split(split)) for split in images.splits()}
    assert images.layout == "2 tar archives"
    assert "set-val-000000/0001.png" in {sample.name for sample in images.samples}


def test_class_numbers_without_names_are_names(tmp_path):
    members = {"a.png": _png(), "a.cls": "10", "b.png": _png(1), "b.cls": "2"}

    assert open_images(_archive(tmp_path / "x.tar", members)).classes == ("2", "10")


def test_json_beside_pictures_holds_lists_splits_and_groups(tmp_path):
    members = {
        "a.x.png": _png(),
        "a.json": json.dumps({"labels": ["sea", "dog"], "split": "train", "patient": 7, "film": "f1"}),
        "b.png": _png(1),
        "b.json": json.dumps({"labels": [], "split": "train", "patient": 8, "film": "f1"}),
    }
    archive = _archive(tmp_path / "x.tar", members)

    images = open_images(archive)

    assert images.task == "multilabel"
    assert [("sea", "dog"), ()] == [sample.labels for sample in images.samples]
    assert ["7", "8"] == [sample.group for sample in images.samples]
    assert ["f1", "f1"] == [sample.group for sample in open_images(archive, group_by="film").samples]


def test_other_members_are_ignored_and_counted(tmp_path):
    members = {
        "cat/1.png": _png(),
        "dog/2.png": _png(1),
        "cat/._1.png": b"x",
        "cat/notes.md": b"x",
        "3.png": _png(2),
    }

    images = open_images(_archive(tmp_path / "x.tar", members))

    assert images.ignored == {"hidden or system files": 1, ".md": 1}
    assert [(f"{tmp_path / 'x.tar'}!3.png", "nothing says what it shows")] == [*images.skipped]


def test_a_training_epoch_over_an_archive_is_shuffled_and_the_same_for_any_number_of_workers(tmp_path):
    members = {f"{label}/{number}.png": _png(number) for label in ("cat", "dog") for number in range(8)}
    found = open_images(_archive(tmp_path / "x.tar", members))
    transform = train_transform(Augmentation(), image_size=(8, 8), mean=(0.5,) * 3, std=(0.5,) * 3)
    images = Images(samples=found.samples, classes=found.classes, transform=transform)

    alone, helped = ([*train_loader(images, epochs=[0], batch=4, workers=workers)] for workers in (0, 2))

    order = [int(index) for batch in alone for index in batch.samples]
    assert sorted(order) == list(range(16)) != order
    for one, other in zip(alone, helped, strict=True):
        torch.testing.assert_close(one.pixels, other.pixels, rtol=0, atol=0)


@pytest.mark.parametrize(("mode", "ending"), [("w:gz", ".tar.gz"), ("w:gz", ".tgz"), ("w:bz2", ".tar.bz2")])
def test_a_compressed_archive_is_refused_with_what_to_do(tmp_path, mode, ending):
    with pytest.raises(DataError, match="is compressed as a whole") as refusal:
        open_images(_archive(tmp_path / f"x{ending}", {"cat/1.png": _png()}, mode))

    assert "decompress it to a plain .tar" in refusal.value.hint


def test_a_damaged_archive_is_named(tmp_path):
    archive = _archive(tmp_path / "x.tar", {f"cat/{n}.png": _png(n) for n in range(9)})
    archive.write_bytes(archive.read_bytes()[:4000])

    with pytest.raises(DataError, match=r"cannot read .*x\.tar: the archive is cut off or damaged"):
        open_images(archive)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"readme.txt": "x"}, r"no pictures found in .*x\.tar \(found 1 \.txt\)"),
        ({"1.png": _png(), "2.png": _png()}, "nothing says what its pictures show"),
        ({"1.png": _png(), "1.json": "[1]"}, r"x\.tar!1\.json: it is no JSON object"),
        ({"1.png": _png(), "1.json": "{"}, r"x\.tar!1\.json: it is no JSON"),
        ({"1.png": _png(), "1.cls": b"\xff\xfe"}, r"x\.tar!1\.cls: it is no text"),
    ],
    ids=["no pictures", "no labels", "a list", "broken JSON", "no text"],
)
def test_an_archive_that_says_too_little_is_refused(tmp_path, members, reason):
    with pytest.raises(DataError, match=reason):
        open_images(_archive(tmp_path / "x.tar", members))


def test_an_archive_without_columns_cannot_be_grouped_by_one(tmp_path):
    archive = _archive(tmp_path / "x.tar", {"cat/p1_1.png": _png(), "dog/p2_1.png": _png(1)})

    with pytest.raises(DataError, match="has no columns, so it cannot be grouped by 'patient'"):
        open_images(archive, group_by="patient")
    assert ["p1", "p2"] == [sample.group for sample in open_images(archive, group_by="{patient}_*").samples]


def test_clothing10_opens_as_it_lies(shared_data):
    images = open_images(shared_data("clothing10/clothing10.tar"))

    assert len(images.classes) == 10
    assert {"train": 1515, "val": 341, "test": 372} == {s: len(images.split(s)) for s in images.splits()}
    assert images.split("test").counts()["t-shirt"] == 52
    assert min(images.samples[1000].pixels().shape[:2]) == 88
