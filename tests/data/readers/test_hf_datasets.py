"""Parquet and arrow in the manner of Hugging Face, and what is said where the library is missing."""

from __future__ import annotations

import io
import pickle
import sys

import numpy as np
import pytest
from PIL import Image

from swinkit.data import open_images
from swinkit.errors import DataError

from ..pictures_for_tests import noise, save


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """The library, with a cache of its own."""
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return library


def _png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(seed=seed)).save(file, "png")
    return file.getvalue()


def _pictures(count: int, first: int = 0) -> list[dict]:
    return [{"bytes": _png(first + n), "path": f"p{n // 2}_{n}.png"} for n in range(count)]


def _dataset(library, labels, kind, first: int = 0):
    features = library.Features({"image": library.Image(), "label": kind})
    return library.Dataset.from_dict({"image": _pictures(len(labels), first), "label": labels}, features)


def test_parquet_has_class_names_from_its_schema_and_splits_from_file_names(tmp_path, datasets):
    kind = datasets.ClassLabel(names=["dog", "cat"])
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    _dataset(datasets, [0, 1, 1], kind).to_parquet(folder / "train-00000-of-00001.parquet")
    _dataset(datasets, [0, 1], kind, first=5).to_parquet(folder / "validation-00000-of-00001.parquet")

    images = open_images(tmp_path / "set")

    assert images.classes == ("cat", "dog")
    assert [("train", "dog"), ("train", "cat"), ("train", "cat"), ("val", "dog"), ("val", "cat")] == [
        (sample.split, sample.label) for sample in images.samples
    ]
    assert images.layout == "train-00000-of-00001.parquet, validation-00000-of-00001.parquet"
    np.testing.assert_array_equal(noise(seed=6), images.samples[4].pixels())
    np.testing.assert_array_equal(noise(seed=2), images.samples[2].pixels())
    assert images.samples[0].size_in_bytes() == len(_png(0))
    assert images.samples[2].path.endswith("train-00000-of-00001.parquet row 2")


def test_folders_of_the_hub_tell_the_split_of_files_that_have_one_name(tmp_path, datasets):
    kind = datasets.ClassLabel(names=["dog", "cat"])
    for number, split in enumerate(("test", "train")):
        (tmp_path / "set" / split).mkdir(parents=True)
        rows = _dataset(datasets, [0, 1], kind, first=2 * number)
        rows.to_parquet(tmp_path / "set" / split / "0000.parquet")

    images = open_images(tmp_path / "set")

    names = [sample.name.rpartition("/")[0] for sample in images.samples]
    assert ["test/0000/0", "test/0000/1", "train/0000/0", "train/0000/1"] == names
    assert ["test", "test", "train", "train"] == [sample.split for sample in images.samples]
    np.testing.assert_array_equal(noise(seed=3), images.samples[3].pixels())


def test_a_row_travels_to_workers_without_the_data_set(tmp_path, datasets):
    labels = [str(n % 2) for n in range(300)]
    _dataset(datasets, labels, datasets.Value("string")).to_parquet(tmp_path / "x.parquet")
    sample = open_images(tmp_path / "x.parquet").samples[250]

    packed = pickle.dumps(sample)

    assert len(packed) < 20_000
    np.testing.assert_array_equal(noise(seed=250), pickle.loads(packed).pixels())


@pytest.mark.parametrize("dictionary", [False, True], ids=["one set", "a set for each split"])
def test_a_saved_data_set_opens(tmp_path, datasets, dictionary):
    kind = datasets.ClassLabel(names=["cat", "dog"])
    saved = _dataset(datasets, [0, 1, -1], kind)
    if dictionary:
        saved = datasets.DatasetDict(train=saved, test=_dataset(datasets, [1], kind, first=3))
    saved.save_to_disk(tmp_path / "saved")

    images = open_images(tmp_path / "saved")

    assert images.counts() == {"cat": 1, "dog": 2 if dictionary else 1}
    assert images.splits() == (("train", "test") if dictionary else ())
    assert ["it has no label"] == [reason for _, reason in images.skipped]
    np.testing.assert_array_equal(noise(seed=1), images.samples[1].pixels())


@pytest.mark.parametrize("numbers", [True, False])
def test_lists_of_labels_make_a_multi_label_set(tmp_path, datasets, numbers):
    labels = [[0, 1], [], [1]] if numbers else [["cat", "dog"], [], ["dog"]]
    kind = datasets.ClassLabel(names=["cat", "dog"]) if numbers else datasets.Value("string")
    _dataset(datasets, labels, datasets.Sequence(kind)).to_parquet(tmp_path / "x.parquet")

    images = open_images(tmp_path / "x.parquet")

    assert images.task == "multilabel"
    assert [("cat", "dog"), (), ("dog",)] == [sample.labels for sample in images.samples]


def test_plain_parquet_takes_names_from_beside_it(tmp_path, datasets):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {"img": [_png(n) for n in range(3)], "target": [0, 1, 1], "subject": ["a", "b", "b"]}
    )
    parquet.write_table(table, tmp_path / "x.parquet")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")

    images = open_images(tmp_path / "x.parquet")

    assert ["cat", "dog", "dog"] == [sample.label for sample in images.samples]
    assert ["a", "b", "b"] == [sample.group for sample in images.samples]
    np.testing.assert_array_equal(noise(seed=2), images.samples[2].pixels())


def test_pictures_may_be_files_that_the_set_names(tmp_path, datasets):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    paths = [str(save(tmp_path / f"{n}.png", seed=n)) for n in range(2)]
    pictures = [{"bytes": None, "path": path} for path in paths]
    kind = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    table = pyarrow.table({"image": pyarrow.array(pictures, kind), "label": ["cat", "dog"]})
    parquet.write_table(table, tmp_path / "x.parquet")

    images = open_images(tmp_path / "x.parquet")

    assert paths == [sample.path for sample in images.samples]
    np.testing.assert_array_equal(noise(seed=1), images.samples[1].pixels())


def test_a_damaged_picture_is_named_with_its_row(tmp_path, datasets):
    rows = {
        "image": [{"bytes": _png(0)[:60], "path": None}, {"bytes": _png(1), "path": None}],
        "label": ["a", "b"],
    }
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "x.parquet")

    with pytest.raises(DataError, match=r"cannot read .*x\.parquet row 0: "):
        open_images(tmp_path / "x.parquet").samples[0].pixels()


def test_a_file_without_pictures_or_labels_is_refused(tmp_path, datasets):
    datasets.Dataset.from_dict({"text": ["a"], "label": ["b"]}).to_parquet(tmp_path / "x.parquet")

    with pytest.raises(DataError, match=r"has no column of pictures; it has text, label"):
        open_images(tmp_path / "x.parquet")


def test_a_damaged_file_is_refused(tmp_path, datasets):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing more")

    with pytest.raises(DataError, match=r"cannot read .*x\.parquet: it is cut off or damaged"):
        open_images(tmp_path / "x.parquet")


def test_files_of_which_only_some_name_a_split_are_refused(tmp_path, datasets):
    for name in ("train.parquet", "more.parquet"):
        _dataset(datasets, ["a", "b"], datasets.Value("string")).to_parquet(tmp_path / name)

    with pytest.raises(DataError, match=r"nothing says which split more\.parquet is"):
        open_images(tmp_path)


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")

    with pytest.raises(DataError, match="read by the datasets library, which is not installed") as refusal:
        open_images(tmp_path / "x.parquet")

    assert refusal.value.hint == 'pip install "swinkit[hf-data]"'


def test_cifar10_small_opens_as_it_lies(shared_data, datasets):
    images = open_images(shared_data("cifar10_small"))

    assert images.classes[:3] == ("airplane", "automobile", "bird")
    assert {"train": 8000, "test": 2000} == {split: len(images.split(split)) for split in images.splits()}
    assert {1000} == set(images.counts().values())
    assert images.samples[5000].pixels().shape == (32, 32, 3)
