"""The rows of metrics.jsonl, shown where a team looks.

TensorBoard's files are written and read by its own library. MLflow and Weights & Biases are stand-ins, which
keep rows as a server does and take the parameters, by name, of mlflow 3.17 and wandb 0.31.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from swinkit.engine import trackers
from swinkit.engine.run import Run, clear
from swinkit.engine.settings import TrainConfig
from swinkit.engine.trackers import check_tracker, tracking
from swinkit.errors import ConfigError, RunError
from tests.engine.small_runs import SETTINGS, begin

ROWS = [{"epoch": float(epoch), "step": 4.0 * epoch, "train_loss": 1 / epoch} for epoch in range(1, 5)]
LOSSES = [(4 * epoch, pytest.approx(1 / epoch)) for epoch in range(1, 5)]


def tracked_by(name: Any) -> TrainConfig:
    return replace(SETTINGS, track=name)


def stopped_and_gone_on_with(name: str, run: Run, said: list[str]) -> None:
    """Rows of two epochs, then killed; going on tells all that there are again, with those that are new."""
    with pytest.raises(KeyboardInterrupt), tracking(tracked_by(name), run, said.append) as follow:
        follow(ROWS[:1])
        follow(ROWS[:2])
        raise KeyboardInterrupt
    with tracking(tracked_by(name), run, said.append) as follow:
        follow(ROWS[:2])
        follow(ROWS[:3])
        follow(ROWS)


def scalars(run: Run, tag: str) -> list[tuple[int, float]]:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(run.tensorboard)).Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_tensorboard_has_every_row_of_a_training_and_none_twice(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")

    run, _ = begin(tmp_path, tracked_by("tensorboard"))

    for name in ("train_loss", "lr", "epoch"):
        expected = [(int(row["step"]), pytest.approx(row[name])) for row in run.metrics]
        assert expected == scalars(run, name)


def test_tensorboard_goes_on_where_a_killed_run_stopped(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    said: list[str] = []

    stopped_and_gone_on_with("tensorboard", Run(tmp_path), said)

    assert LOSSES == scalars(Run(tmp_path), "train_loss")
    assert [] == said
    clear(Run(tmp_path))
    assert not any(tmp_path.iterdir())


class StandInMLflow(ModuleType):
    """start_run, log_params, log_metrics, end_run and MlflowClient.get_metric_history, with a memory."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.__spec__ = ModuleSpec("mlflow", None)
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.begun: list[str | None] = []
        self.params: dict[str, Any] = {}
        self.ended: list[str] = []

    def start_run(self, run_id: str | None = None, *, run_name: str | None = None) -> Any:
        assert len(self.begun) == len(self.ended), "a run is active already"
        self.begun.append(run_id)
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id or "id-of-the-server"))

    def log_params(self, params: dict[str, Any]) -> None:
        assert self.params in ({}, params), "changed parameters are refused"
        self.params = params

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        assert step is not None
        self.rows.append((step, metrics))

    def end_run(self, status: str = "FINISHED") -> None:
        self.ended.append(status)

    def MlflowClient(self) -> Any:
        return self

    def get_metric_history(self, run_id: str, key: str) -> list[Any]:
        assert run_id == "id-of-the-server"
        return [SimpleNamespace(step=step, value=row[key]) for step, row in self.rows if key in row]


class StandInWandB(ModuleType):
    """init, and of what it gives step, log and finish, with a server's memory."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.__spec__ = ModuleSpec("wandb", None)
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.ids: list[str] = []
        self.codes: list[int | None] = []

    def init(self, *, id: str, name: str, dir: str, config: dict[str, Any], resume: str) -> Any:
        assert resume == "allow" and config["model"] == "swin_pico"
        self.ids.append(id)
        return self

    @property
    def step(self) -> int:
        return self.rows[-1][0] + 1 if self.rows else 0

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        assert step is not None and step >= self.step and commit
        self.rows.append((step, data))

    def finish(self, exit_code: int | None = None) -> None:
        self.codes.append(exit_code)


def losses(rows: list[tuple[int, dict[str, float]]]) -> list[tuple[int, float]]:
    return [(step, row["train_loss"]) for step, row in rows]


def test_mlflow_goes_on_with_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = StandInMLflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)

    stopped_and_gone_on_with("mlflow", Run(tmp_path), [])

    assert LOSSES == losses(mlflow.rows)
    assert [None, "id-of-the-server"] == mlflow.begun
    assert ["KILLED", "FINISHED"] == mlflow.ended
    assert SETTINGS.lr == mlflow.params["lr"]


def test_wandb_goes_on_with_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = StandInWandB()
    monkeypatch.setitem(sys.modules, "wandb", wandb)

    stopped_and_gone_on_with("wandb", Run(tmp_path), [])

    assert LOSSES == losses(wandb.rows)
    assert 2 == len(wandb.ids) and 1 == len(set(wandb.ids))
    assert [1, 0] == wandb.codes


def test_what_a_server_missed_it_gets_with_the_next_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = StandInWandB()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    said: list[str] = []

    with tracking(tracked_by("wandb"), Run(tmp_path), said.append) as follow:
        follow(ROWS[:1])
        with monkeypatch.context() as away:
            away.setattr(StandInWandB, "log", refuse)
            follow(ROWS[:2])
        follow(ROWS)

    assert LOSSES == losses(wandb.rows)
    (line,) = said
    assert line.startswith("wandb takes no rows (ConnectionError: nobody there); metrics.jsonl has them")


def test_one_that_does_not_close_costs_no_finished_training_and_hides_no_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = StandInMLflow()
    mlflow.end_run = refuse  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    said: list[str] = []

    with tracking(tracked_by("mlflow"), Run(tmp_path), said.append):
        mlflow.begun.clear()
    with pytest.raises(KeyboardInterrupt), tracking(tracked_by("mlflow"), Run(tmp_path), said.append):
        raise KeyboardInterrupt

    expected = "mlflow does not close (ConnectionError: nobody there); metrics.jsonl has all rows"
    assert [expected, expected] == said


def refuse(*arguments: object, **settings: object) -> None:
    raise ConnectionError("nobody there")


def test_one_that_does_not_open_ends_the_training_before_it_costs_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = StandInWandB()
    wandb.init = refuse  # type: ignore[method-assign, assignment]
    monkeypatch.setitem(sys.modules, "wandb", wandb)

    with (
        pytest.raises(RunError, match="wandb does not open: ConnectionError: nobody there"),
        tracking(tracked_by("wandb"), Run(tmp_path), print),
    ):
        pytest.fail("opened")


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_a_missing_library_is_named_with_what_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)

    with pytest.raises(ConfigError, match=f"--track {name} needs {name}") as raised:
        check_tracker(name)

    assert raised.value.hint == f'pip install "swinkit[{name}]"'


def test_an_unknown_tracker_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no tracker 'tensorbored'"):
        check_tracker("tensorbored")
    with pytest.raises(ConfigError, match="track = 'tensorbored', expected None or one of tensorboard"):
        tracked_by("tensorbored")


def test_only_the_first_process_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "processes", lambda: SimpleNamespace(rank=1))

    with tracking(tracked_by("wandb"), Run(tmp_path), print) as follow:
        follow(ROWS)

    assert not any(tmp_path.iterdir())
