"""Training and answering on a Ray cluster: Ray begins the processes, which do what they do elsewhere.

Both functions use the cluster that `ray.init` has joined or RAY_ADDRESS names, else one of this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swinkit.engine.run import Run
from swinkit.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from swinkit.tasks.results import Prediction


def train_on_ray(
    data: str | Path,
    out: str | Path,
    *,
    workers: int,
    gpus: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """Train on a Ray cluster as under torchrun: each worker learns from its share of every step.

    Args:
        data: The pictures, as for `train`; all machines must see them under this path.
        out: Folder of the run, which all machines must see too.
        workers: Processes that train.
        gpus: Whether each of them has a GPU to itself.
        settings: Further parameters of `train`, by their names; paths in full.

    Returns:
        The finished run.

    Raises:
        ConfigError: Ray is not installed.
        ray.train.TrainingFailedError: a worker failed; its cause is what `train` raised there.
    """
    _check_ray()
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    from swinkit.engine.distributed import PATIENCE

    folder = Path(out).absolute()
    TorchTrainer(
        _train_one,
        train_loop_config={**(settings or {}), "data": _everywhere(data), "out": str(folder)},
        torch_config=TorchConfig(timeout_s=int(PATIENCE.total_seconds())),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
        run_config=RunConfig(name="ray", storage_path=str(folder.parent / f"{folder.name}-ray")),
    ).fit()
    return Run(folder)


def predict_on_ray(
    images: str,
    weights: str | Path,
    out: str,
    *,
    workers: int,
    gpus: bool = False,
    top: int = 5,
    batch: int = 64,
) -> None:
    """Say what very many pictures show, on a Ray cluster; the answers are those of `predict`.

    A picture that cannot be read gets a row with an `error`, and the others go on.

    Args:
        images: A folder, or a place of an object storage (s3://…, gs://…), searched at any depth.
        weights: As for `predict`; all machines must see them.
        out: Folder or place to write parquet files into; CSV where it ends in .csv. Columns: image, label,
            labels, probability, probabilities (both JSON), unsure, strangeness, error.
        workers: Processes that answer, each with the model in its memory.
        gpus: Whether each of them has a GPU to itself.
        top: How many classes to name for each picture.
        batch: Pictures that go through the model at once.

    Raises:
        ConfigError: Ray is not installed, or a number is none.
        FileNotFoundError: there is no picture.
    """
    _check_ray()
    if min(workers, top, batch) < 1:
        raise ConfigError(f"workers, top and batch are counts from 1; got {workers}, {top} and {batch}")
    import ray.data

    from swinkit.data.read import extensions

    pictures = ray.data.read_binary_files(
        images, include_paths=True, file_extensions=[ending.removeprefix(".") for ending in extensions()]
    )
    answers = pictures.map_batches(
        _Answers,
        fn_constructor_kwargs={"weights": _everywhere(weights), "top": top, "gpu": gpus},
        batch_size=batch,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=0,  # in Ray's books, so that reading, which goes on beside it, always finds one
        num_gpus=int(gpus),
    )
    if out.endswith(".csv"):
        answers.write_csv(out)
    else:
        answers.write_parquet(out)


class _Answers:
    """The model in the memory of one worker, which answers batches of files."""

    def __init__(self, weights: str, top: int, gpu: bool) -> None:
        from swinkit.verbs.classifier import open_classifier

        self._top = top
        self._model, self._task, self._caution = open_classifier(weights, device="cuda" if gpu else "cpu")

    def __call__(self, files: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        from swinkit.data import Sample
        from swinkit.verbs.predict import predictions

        samples = [
            Sample(name=path, label=None, source=_File(path, content))
            for path, content in zip(files["path"], files["bytes"], strict=True)
        ]
        found = predictions(
            self._model, self._task, self._caution, samples, top=self._top, batch=len(samples)
        )
        return {name: [row[name] for row in map(_row, found)] for name in _COLUMNS}


_COLUMNS = ("image", "label", "labels", "probability", "probabilities", "unsure", "strangeness", "error")


def _row(said: Prediction) -> dict[str, Any]:
    return said.to_dict() | {
        "labels": None if said.labels is None else json.dumps(said.labels),
        "probabilities": json.dumps(dict(said.probabilities)),
    }


@dataclass(frozen=True, slots=True)
class _File:
    """A file whose content Ray has read."""

    where: str
    read: bytes

    @property
    def size(self) -> int:
        return len(self.read)

    def content(self) -> bytes:
        return self.read


def _train_one(settings: dict[str, Any]) -> None:
    """In one worker of Ray Train, which has joined the others."""
    from swinkit.verbs.train import train

    train(**settings)


def _everywhere(path: str | Path) -> str:
    """A path that means the same whatever folder a process works in; names of other things stay."""
    return str(Path(path).absolute()) if Path(path).exists() else str(path)


def _check_ray() -> None:
    if find_spec("ray") is None:
        raise ConfigError("this runs on Ray, which is not installed", hint='pip install "swinkit[cluster]"')
