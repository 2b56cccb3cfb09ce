from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from swinkit.data import Sample
from swinkit.data.kept import kept, side_needed

from .pictures_for_tests import noise, save


def samples_in(folder: Path, sizes: list[tuple[int, int]]) -> list[Sample]:
    paths = [
        save(folder / f"{number}.png", seed=number, height=height, width=width)
        for number, (height, width) in enumerate(sizes)
    ]
    return [Sample(name=path.name, label="a", source=path) for path in paths]


def keep(samples: list[Sample], *, file: Path | None = None, side: int = 20) -> tuple[Sample, ...]:
    return kept(samples, side=side, channels=3, file=file, count=lambda done, total: None)


@pytest.fixture(params=["ram", "disk"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "run" / "pictures.bin" if request.param == "disk" else None


def test_pictures_become_as_small_as_training_can_use(file: Path | None, tmp_path: Path) -> None:
    samples = samples_in(tmp_path, [(60, 40), (10, 15), (20, 90)])

    small = keep(samples, file=file)

    assert [(30, 20, 3), (10, 15, 3), (20, 90, 3)] == [sample.pixels().shape for sample in small]
    assert [sample.name for sample in samples] == [sample.name for sample in small]
    np.testing.assert_array_equal(samples[1].pixels(), small[1].pixels())


def test_the_files_are_not_read_again(file: Path | None, tmp_path: Path) -> None:
    samples = samples_in(tmp_path, [(60, 40)])
    small = keep(samples, file=file)
    os.remove(tmp_path / "0.png")

    assert (30, 20, 3) == small[0].pixels().shape


def test_what_cannot_be_read_or_has_other_depth_stays_as_it_is(file: Path | None, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"<html>")
    np.save(tmp_path / "deep.npy", np.zeros((40, 40, 5), np.float32))
    samples = [Sample(name=path.name, label="a", source=path) for path in (bad, tmp_path / "deep.npy")]

    small = kept(samples, side=20, channels=None, file=file, count=lambda done, total: None)

    assert [sample.source for sample in samples] == [sample.source for sample in small]


def test_what_lies_in_a_file_travels_to_loader_processes_as_its_place(tmp_path: Path) -> None:
    samples = samples_in(tmp_path, [(60, 40), (50, 50)])
    small = keep(samples, file=tmp_path / "pictures.bin")

    packed = pickle.dumps(small)

    assert len(packed) < 1000
    for here, there in zip(keep(samples), pickle.loads(packed), strict=True):
        np.testing.assert_array_equal(here.pixels(), there.pixels())


def test_a_file_is_used_again_for_the_same_pictures_only(tmp_path: Path) -> None:
    file = tmp_path / "run" / "pictures.bin"
    samples = samples_in(tmp_path, [(60, 40), (50, 50)])
    keep(samples, file=file)
    written = file.stat().st_ino

    keep(samples, file=file)
    assert written == file.stat().st_ino

    os.utime(tmp_path / "0.png", (1, 1))
    keep(samples, file=file)
    assert written != file.stat().st_ino


@pytest.mark.parametrize("damage", [b"", b"{", b'{"key": 1}'])
def test_a_damaged_index_is_written_anew(damage: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run" / "pictures.bin"
    samples = samples_in(tmp_path, [(60, 40)])
    keep(samples, file=file)
    file.with_suffix(".json").write_bytes(damage)

    assert (30, 20, 3) == keep(samples, file=file)[0].pixels().shape


def test_embedded_pictures_can_be_kept_too() -> None:
    (small,) = keep([Sample(name="x", label="a", source=noise(64, 32))])

    assert (40, 20, 3) == small.pixels().shape


def test_the_side_leaves_every_crop_enough_pixels() -> None:
    assert 128 == side_needed((64, 64), 0.25)
    assert 224 == side_needed((224, 112), 1.0)
