"""Two workers of a Ray cluster on this machine learn what one process does and answer what `predict` does."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.engine.run import Run
from swinkit.errors import ConfigError
from swinkit.verbs import on_ray
from swinkit.verbs.on_ray import predict_on_ray, train_on_ray
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import load

pytestmark = [pytest.mark.soak, pytest.mark.filterwarnings("ignore")]  # Ray warns of itself

SETTINGS = {
    "model": "swin_pico",
    "weights": "none",
    "image_size": 16,
    "epochs": 2,
    "batch": 8,
    "precision": "fp32",
    "device": "cpu",
    "threads": 1,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark ones, 12 to learn from and 4 to look at of each."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, number in (("train", 12), ("val", 4)):
        for name, least in (("dark", 0), ("bright", 128)):
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                pixels = random.integers(least, least + 128, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def alone(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(pictures, out=tmp_path_factory.mktemp("alone") / "run", **SETTINGS)  # type: ignore[arg-type]


@pytest.mark.parametrize("shard", [False, True], ids=["whole", "shared out"])
def test_two_workers_learn_what_one_process_does(
    shard: bool, cluster: None, pictures: Path, alone: Run, tmp_path: Path
) -> None:
    run = train_on_ray(pictures, tmp_path / "run", workers=2, settings=SETTINGS | {"shard": shard})

    assert [6.0] == [run.metrics[-1]["step"]]
    found, expected = load(run.best).state_dict(), load(alone.best).state_dict()
    for name, tensor in expected.items():
        if not name.endswith("qkv.bias"):  # on that of the keys no output depends
            torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-4, msg=name)
    assert run.evaluation.keys() == alone.evaluation.keys()


def test_two_workers_answer_what_predict_does(
    cluster: None, pictures: Path, alone: Run, tmp_path: Path
) -> None:
    """One file is no picture, though it is named like one; another is none and is left out."""
    folder = pictures / "val"
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("not a picture either")
    expected = {said.image: said for said in predict(folder, alone.folder, top=2, threads=1)}

    predict_on_ray(str(folder), alone.folder, str(tmp_path / "answers"), workers=2, top=2, batch=4)
    predict_on_ray(str(folder), alone.folder, str(tmp_path / "answers.csv"), workers=1, top=2, batch=4)

    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(tmp_path / "answers").to_pylist()
    assert sorted(expected) == sorted(row["image"] for row in rows)
    for row in rows:
        said = expected[row["image"]]
        assert (said.label, said.unsure, said.error) == (row["label"], row["unsure"], row["error"])
        assert dict(said.probabilities) == pytest.approx(json.loads(row["probabilities"]), abs=1e-6)
    lines = [
        line
        for part in (tmp_path / "answers.csv").iterdir()
        for line in csv.DictReader(part.read_text("utf-8").splitlines())
    ]
    assert sorted(expected) == sorted(line["image"] for line in lines)


def test_without_ray_it_says_what_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(on_ray, "find_spec", lambda name: None)

    with pytest.raises(ConfigError, match="not installed") as raised:
        train_on_ray(tmp_path, tmp_path / "run", workers=2)

    assert raised.value.hint == 'pip install "swinkit[cluster]"'
