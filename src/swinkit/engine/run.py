"""The folder in which one training lives.

runs/NAME/
  run.json            settings, reasons, versions, seeds, data and kernel, with a schema number
  metrics.jsonl       one line an epoch
  best.safetensors    the model of the best epoch; alone it reproduces `predict`
  last/current.json   which last/STEP/ holds all that resuming needs
  features.safetensors  what the starting weights see in each picture, for the linear classifier
  pictures.bin        training pictures, decoded and small, while a training with --cache disk goes on
  tensorboard/, tracked.txt  of a training with --track: event files, or what the tracker calls it
  split.csv           which picture was in which split
  predictions.csv     what best.safetensors says about the pictures held out
  evaluation.json     how good it is on them
  report.html         all of it for people, as one page
  log.txt             what was said on the screen
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swinkit.engine.settings import TrainConfig
from swinkit.errors import ConfigError, RunError

SCHEMA = 1


@dataclass(frozen=True)
class Run:
    """One training run, by its folder; files are read when they are asked for."""

    folder: Path

    @property
    def best(self) -> Path:
        """The model of the best epoch."""
        return self.folder / "best.safetensors"

    @property
    def features(self) -> Path:
        """Of all pictures, by the weights that training started from."""
        return self.folder / "features.safetensors"

    @property
    def pictures(self) -> Path:
        """Training pictures, decoded and small, while a training with `cache="disk"` goes on."""
        return self.folder / "pictures.bin"

    @property
    def tensorboard(self) -> Path:
        """Event files, of a training with `track="tensorboard"`."""
        return self.folder / "tensorboard"

    @property
    def tracked(self) -> Path:
        """What MLflow or Weights & Biases calls this run."""
        return self.folder / "tracked.txt"

    @property
    def split(self) -> Path:
        return self.folder / "split.csv"

    @property
    def report(self) -> Path:
        """The page about the finished run."""
        return self.folder / "report.html"

    @property
    def last(self) -> Path:
        return self.folder / "last"

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says. Raises RunError where it is missing or of a newer swinkit."""
        facts = _read_json(self.folder / "run.json", RunError(f"{self.folder} is no run: it has no run.json"))
        if facts.get("schema") != SCHEMA:
            raise RunError(
                f"{self.folder} was written with schema {facts.get('schema')}; this swinkit reads {SCHEMA}",
                hint="use the swinkit that made the run",
            )
        return facts

    @property
    def config(self) -> TrainConfig:
        return TrainConfig.from_dict(self.facts["config"])

    @property
    def metrics(self) -> list[dict[str, float]]:
        """The numbers of each epoch so far."""
        path = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    @property
    def evaluation(self) -> dict[str, Any]:
        """The numbers of the finished run; RunError before it is finished."""
        return _read_json(
            self.folder / "evaluation.json",
            RunError(
                f"{self.folder} is not finished, so it has no evaluation",
                hint=f"go on with it: swinkit train --resume {shlex.quote(str(self.folder))}",
            ),
        )


def new_run(
    out: str | Path | None, *, name: str, data: str | Path | None = None, overwrite: bool = False
) -> Run:
    """A run in a folder of its own, which is not made yet: `out`, or the first free runs/NAME-1, NAME-2, …

    data: what it reads, where that is a folder: never into it (see `outside`).
    Raises RunError where `out` is taken, unless `overwrite` and it holds a run; ConfigError where it lies
    inside the data.
    """
    if out is None:
        number = 1
        while (folder := outside(data, None, f"{name}-{number}")).exists():
            number += 1
        return Run(folder)
    run = Run(outside(data, out, name))
    if not run.folder.exists() or (run.folder.is_dir() and not any(_contents(run.folder))):
        return run
    if not (run.folder / "run.json").is_file():
        raise RunError(
            f"{run.folder} exists and is no run, so nothing is written into it",
            hint="choose another folder with --out",
        )
    if not overwrite:
        refuse_begun(run)
    return run


def refuse_begun(run: Run) -> None:
    """Raises RunError where the folder holds a run."""
    if (run.folder / "run.json").is_file():
        raise RunError(
            f"there is a run in {run.folder} already",
            hint=f"go on with it: --resume {shlex.quote(str(run.folder))}; replace it: --overwrite; "
            "or choose another --out",
        )


def outside(data: str | Path | None, out: str | Path | None, name: str) -> Path:
    """Where to write: `out`, or runs/NAME, which is beside the data where it would be inside it.

    Raises ConfigError where `out` lies inside the data.
    """
    folder = Path("runs") / name if out is None else Path(out)
    if data is None or not Path(data).is_dir() or not folder.resolve().is_relative_to(Path(data).resolve()):
        return folder
    if out is None:
        return Path(data).resolve().parent / folder
    raise ConfigError(
        f"{folder} lies inside the data in {data}, into which nothing is written",
        hint="choose another folder with --out",
    )


def _contents(folder: Path) -> Iterator[Path]:
    """What lies in a folder, but for the lock of a training that was killed at once."""
    return (path for path in folder.iterdir() if path.name != ".lock")


def cached(run: Run) -> tuple[Path, Path]:
    """The files of training pictures that are kept on disk."""
    return run.pictures, run.pictures.with_suffix(".json")


def clear(run: Run) -> None:
    """Remove the files of an earlier run, and no others."""
    names = ("run.json", "metrics.jsonl", "split.csv", "predictions.csv", "evaluation.json", "log.txt")
    files = (run.report, run.best, run.features, run.tracked, *cached(run))
    for path in (*(run.folder / name for name in names), *files):
        path.unlink(missing_ok=True)
    for folder in (run.last, run.tensorboard):
        if folder.is_dir():
            shutil.rmtree(folder)


def jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _read_json(path: Path, missing: RunError) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise missing from error
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read {path}: {error}") from error
    if not isinstance(values, dict):
        raise RunError(f"cannot read {path}: it holds no table of names")
    return values
