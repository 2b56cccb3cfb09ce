"""Pictures that come in a stream, from a data set on this disk that is read as the hub's are."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data import open_images, streams, with_splits
from swinkit.data.loader import Images, train_loader
from swinkit.errors import DataError
from swinkit.models import Preprocess
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.train import train

from .pictures_for_tests import Unvaried


def _picture(level: int, seed: int) -> bytes:
    """Noise around a level, which says what it is."""
    noise = np.random.default_rng(seed).integers(-20, 20, (16, 16, 3)) + level
    file = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(file, "png")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two files of train and one of validation: dark pictures, and light ones."""
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(library.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)  # five seconds a stream
    monkeypatch.setattr(streams, "EPOCH", 24)
    features = library.Features(
        {"image": library.Image(), "label": library.ClassLabel(names=["dark", "light"])}
    )
    (tmp_path / "set").mkdir()
    for place, count in (
        ("train-00000-of-00002", 18),
        ("train-00001-of-00002", 18),
        ("validation-00000-of-00001", 8),
    ):
        numbers = [len(place) * 100 + ord(place[10]) * 50 + number for number in range(count)]
        rows = {
            "image": [{"bytes": _picture(60 + 120 * (n % 2), n), "path": None} for n in numbers],
            "label": [n % 2 for n in numbers],
        }
        library.Dataset.from_dict(rows, features).to_parquet(tmp_path / "set" / f"{place}.parquet")
    return tmp_path / "set"


def _images(found) -> Images:
    prepare = Unvaried(Preprocess(image_size=(16, 16)))
    return Images(
        samples=found.split("train").samples, classes=found.classes, transform=prepare, stream=found.stream
    )


def test_what_is_looked_at_twice_is_kept_and_the_rest_streams(folder):
    found = open_images(f"hf:{folder}")

    assert (found.name, found.layout, found.classes) == ("set", "a stream", ("dark", "light"))
    assert {"train": 36, "val": 8} == {split: len(found.split(split)) for split in found.splits()}
    assert "a resumed run goes on with other pictures" in found.notes[0]
    assert found.samples[0].pixels().shape == (16, 16, 3)
    assert found.samples[0].path == f"hf:{folder} train row 0"
    assert found.fingerprint() == open_images(f"hf:{folder}").fingerprint()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_so_many_pictures_of_train_in_an_order_of_its_own(folder, workers):
    images = _images(open_images(f"hf:{folder}"))

    batches = list(train_loader(images, epochs=[0, 1], batch=8, workers=workers))

    levels = [batch.pixels.mean(dim=(1, 2, 3)) for batch in batches]
    assert [8] * 6 == [len(batch) for batch in batches]
    for batch, level in zip(batches, levels, strict=True):
        assert (level > 0).tolist() == (batch.targets == 1).tolist(), "every picture has its own label"
    shown = [picture.numpy().tobytes() for batch in batches for picture in batch.pixels]
    assert len(set(shown[:24])) == 24, "no picture twice in an epoch that is shorter than the stream"
    assert shown[:24] != shown[24:]


def _shown(
    images: Images, processes: int, *, batch: int, workers: int = 0, epochs: int = 1
) -> Counter[bytes]:
    """How often each picture is shown by all processes together."""
    loaders = [
        train_loader(images, epochs=range(epochs), batch=batch, workers=workers, share=(number, processes))
        for number in range(processes)
    ]
    return Counter(p.numpy().tobytes() for loader in loaders for batch in loader for p in batch.pixels)


@pytest.mark.parametrize(
    ("processes", "batch", "workers"),
    [(2, 12, 0), (2, 12, 1), (2, 10, 0), (2, 18, 2), (3, 12, 0)],
    ids=[
        "a file each",
        "a file each, read by a process of its own",
        "unequal shares of a step",
        "unequal shares, two to load each",
        "more processes than files",
    ],
)
def test_several_processes_show_each_picture_once_in_an_epoch(folder, monkeypatch, processes, batch, workers):
    monkeypatch.setattr(streams, "EPOCH", 36)

    shown = _shown(_images(open_images(f"hf:{folder}")), processes, batch=batch, workers=workers)

    assert [1] * 36 == list(shown.values())


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_without_the_head_that_is_val_each_picture_is_shown_once_too(folder, monkeypatch, processes):
    monkeypatch.setattr(streams, "EPOCH", 30)
    monkeypatch.setattr(streams, "CHOSEN_BY", 6)
    next(folder.glob("validation*")).unlink()

    shown = _shown(_images(open_images(f"hf:{folder}")), processes, batch=8)

    assert [1] * 30 == list(shown.values())


@pytest.mark.parametrize("processes", [1, 2])
def test_an_epoch_goes_on_where_the_one_before_ended(folder, processes):
    """Else what lies behind the pictures of one epoch would never be seen."""
    shown = _shown(_images(open_images(f"hf:{folder}")), processes, batch=8, epochs=3)

    assert [2] * 36 == list(shown.values()), "3 epochs of 24 pictures are twice all 36"


def test_without_val_the_head_of_train_becomes_it_and_is_not_trained_on(folder, monkeypatch):
    monkeypatch.setattr(streams, "CHOSEN_BY", 6)
    next(folder.glob("validation*")).unlink()

    found = open_images(f"hf:{folder}")

    held = {sample.source.data for sample in found.split("val").samples}
    assert len(held) == 6
    assert found.layout == "a stream; the first 6 of train are val"
    coming = found.stream.samples(0, 0)
    assert not held & {next(coming).source.data for _ in range(100)}


def test_a_damaged_picture_is_passed_over_and_named(folder, monkeypatch):
    images = _images(open_images(f"hf:{folder}"))
    whole = images.item
    monkeypatch.setattr(
        Images,
        "item",
        lambda self, sample, key: whole(sample, key) if sample.name != "train/7" else sample.pixels(99),
    )

    batches = list(train_loader(images, epochs=[0, 1, 2], batch=8))

    assert {f"hf:{folder} train row 7"} == {path for batch in batches for path, _ in batch.unreadable}


def test_a_model_learns_from_a_stream(folder, tmp_path: Path, capsys):
    run = train(
        f"hf:{folder}",
        out=tmp_path / "run",
        model="swin_pico",
        weights="none",
        image_size=16,
        epochs=3,
        batch=8,
    )

    assert "the pictures come as a stream" in capsys.readouterr().err
    assert run.evaluation["accuracy"] == 1.0
    assert evaluate(weights=run.folder).pictures == 8


def test_a_stream_cannot_be_divided_anew(folder):
    with pytest.raises(DataError, match="comes as a stream, which cannot be divided anew"):
        with_splits(open_images(f"hf:{folder}"), resplit=True)


def test_a_set_that_is_not_there_is_one_sentence(tmp_path):
    pytest.importorskip("datasets")

    with pytest.raises(DataError, match=r"cannot open hf:.*/gone"):
        open_images(f"hf:{tmp_path}/gone")
