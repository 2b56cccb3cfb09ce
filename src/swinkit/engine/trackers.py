"""The rows of metrics.jsonl, shown as well where a team looks: TensorBoard, MLflow or Weights & Biases.

Each tracker says how far it has come and takes the rows after that, so a run that was killed and goes on
leaves no row out and none twice, and a server that was away gets with the next row what it missed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal, Protocol

from swinkit.data import write_atomically
from swinkit.engine.distributed import processes
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.errors import ConfigError, RunError

Row = Mapping[str, float]
Follow = Callable[[Sequence[Row]], None]


class Tracker(Protocol):
    """A place that keeps the numbers of a run."""

    def step(self) -> int:
        """Of the last row that is there; -1 for none."""

    def add(self, row: Row) -> None: ...

    def close(self, status: Literal["FINISHED", "KILLED"]) -> None: ...


class TensorBoard:
    """Event files in the run's folder: tensorboard --logdir RUN."""

    def __init__(self, run: Run, config: TrainConfig) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.tensorboard))
        self._folder = str(run.tensorboard)

    def step(self) -> int:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(self._folder, size_guidance={"scalars": 1}).Reload()  # the last is kept
        return max(
            (event.step for tag in events.Tags()["scalars"] for event in events.Scalars(tag)), default=-1
        )

    def add(self, row: Row) -> None:
        for name, value in _numbers(row).items():
            self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()

    def close(self, status: Literal["FINISHED", "KILLED"]) -> None:
        self._writer.close()


class MLflow:
    """A run on the server, and in the experiment, that MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say."""

    def __init__(self, run: Run, config: TrainConfig) -> None:
        import mlflow

        self._mlflow = mlflow
        self._id = mlflow.start_run(run_id=_kept_id(run), run_name=run.folder.name).info.run_id
        _keep_id(run, self._id)
        mlflow.log_params(config.to_dict())

    def step(self) -> int:
        rows = self._mlflow.MlflowClient().get_metric_history(self._id, "train_loss")
        return max((row.step for row in rows), default=-1)

    def add(self, row: Row) -> None:
        self._mlflow.log_metrics(_numbers(row), step=int(row["step"]))

    def close(self, status: Literal["FINISHED", "KILLED"]) -> None:
        self._mlflow.end_run(status)


class WandB:
    """A run at Weights & Biases, in the project that WANDB_PROJECT says."""

    def __init__(self, run: Run, config: TrainConfig) -> None:
        import wandb

        name = _kept_id(run) or uuid.uuid4().hex
        _keep_id(run, name)
        self._run = wandb.init(
            id=name, name=run.folder.name, dir=str(run.folder), config=config.to_dict(), resume="allow"
        )

    def step(self) -> int:
        return int(self._run.step) - 1  # theirs is that of the next row

    def add(self, row: Row) -> None:
        self._run.log(_numbers(row), step=int(row["step"]), commit=True)

    def close(self, status: Literal["FINISHED", "KILLED"]) -> None:
        self._run.finish(exit_code=0 if status == "FINISHED" else 1)


TRACKERS: dict[str, Callable[[Run, TrainConfig], Tracker]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WandB,
}


def check_tracker(name: str | None) -> None:
    """Raises ConfigError where there is no such tracker, or its library is not installed."""
    if name is None:
        return
    if name not in TRACKERS:
        raise ConfigError(f"there is no tracker {name!r}", hint=f"there are {', '.join(TRACKERS)}")
    if find_spec(name) is None:
        raise ConfigError(f"--track {name} needs {name}", hint=f'pip install "swinkit[{name}]"')


@contextmanager
def tracking(config: TrainConfig, run: Run, say: Callable[[str], None]) -> Iterator[Follow]:
    """Gives what is to be told all rows whenever there are new ones; only the first process passes them on.

    Raises RunError where the tracker does not open. One that fails later is said, and the training goes on.
    """
    if config.track is None or processes().rank > 0:
        yield lambda rows: None
        return
    check_tracker(config.track)
    try:
        tracker = TRACKERS[config.track](run, config)
    except Exception as error:  # whatever a library or its server answers
        raise RunError(
            f"{config.track} does not open: {type(error).__name__}: {error}",
            hint="leave out --track, or see to its settings",
        ) from error

    def follow(rows: Sequence[Row]) -> None:
        try:
            there = tracker.step()
            for row in rows:
                if row["step"] > there:
                    tracker.add(row)
        except Exception as error:  # a server that is away must not cost a training
            say(
                f"{config.track} takes no rows ({type(error).__name__}: {error}); metrics.jsonl has them, "
                "and they are sent again with the next"
            )

    def close(status: Literal["FINISHED", "KILLED"]) -> None:
        try:
            tracker.close(status)
        except Exception as error:  # the training is over, and must be scored, or say why it stopped
            say(
                f"{config.track} does not close ({type(error).__name__}: {error}); metrics.jsonl has all rows"
            )

    try:
        yield follow
    except BaseException:
        close("KILLED")
        raise
    close("FINISHED")


def _numbers(row: Row) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if name != "step"}


def _kept_id(run: Run) -> str | None:
    """What a tracker calls this run, where it has been there before."""
    return run.tracked.read_text("utf-8").strip() if run.tracked.exists() else None


def _keep_id(run: Run, name: str) -> None:
    write_atomically(run.tracked, name + "\n")
