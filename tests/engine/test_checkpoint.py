from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from swinkit.engine.checkpoint import Position, load_checkpoint, save_checkpoint
from swinkit.engine.run import Run
from swinkit.errors import RunError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from tests.engine.small_runs import SETTINGS


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "run.json").write_text(json.dumps({"schema": 1, "config": SETTINGS.to_dict()}))
    return Run(tmp_path)


@pytest.fixture
def model() -> Swin:
    return fresh_model(SETTINGS, "ab")


def optimiser_of(model: Swin) -> torch.optim.Optimizer:
    optimiser = torch.optim.AdamW(model.parameter_groups(weight_decay=0.05))
    model(torch.randn(2, 3, 16, 16)).sum().backward()
    optimiser.step()
    return optimiser


def test_everything_comes_back_as_it_was(run: Run, model: Swin) -> None:
    optimiser = optimiser_of(model)
    position = Position(step=7, loss_sum=1.25, pictures=3, history=[{"epoch": 1, "loss": 0.5}], seconds=2.0)

    save_checkpoint(run, model, optimiser, position)
    again, continuation = load_checkpoint(run)

    assert position == continuation.position
    assert model.config == again.config
    assert (model.labels, model.preprocess) == (again.labels, again.preprocess)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())
    expected = optimiser.state_dict()
    assert expected["param_groups"] == continuation.optimiser["param_groups"]
    for number, state in expected["state"].items():
        assert all(torch.equal(state[key], continuation.optimiser["state"][number][key]) for key in state)


def test_a_checkpoint_in_the_making_is_not_taken_for_one(run: Run, model: Swin) -> None:
    """A crash after the new folder was begun and before the pointer was moved."""
    save_checkpoint(run, model, optimiser_of(model), Position(step=1))
    (run.last / "2").mkdir()
    (run.last / "2" / "model.safetensors").write_bytes(b"half a fi")

    assert 1 == load_checkpoint(run)[1].position.step


def test_the_older_checkpoint_goes_when_the_newer_is_there(run: Run, model: Swin) -> None:
    for step in (1, 2):
        save_checkpoint(run, model, optimiser_of(model), Position(step=step))

    assert {"2", "current.json"} == {path.name for path in run.last.iterdir()}


def test_nothing_saved_is_nothing_to_resume(run: Run) -> None:
    with pytest.raises(RunError, match="nothing to resume") as caught:
        load_checkpoint(run)

    assert "--overwrite" in caught.value.hint


@pytest.mark.parametrize("name", ["current.json", "1/state.pt", "1/model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not what it should be"], ids=["empty", "other"])
def test_a_damaged_checkpoint_is_one_sentence(run: Run, model: Swin, name: str, content: bytes) -> None:
    save_checkpoint(run, model, optimiser_of(model), Position(step=1))
    (run.last / name).write_bytes(content)

    with pytest.raises(RunError, match="cannot resume"):
        load_checkpoint(run)


def test_want_of_memory_is_no_damage(run: Run, model: Swin, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(run, model, optimiser_of(model), Position(step=1))

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", full)

    with pytest.raises(MemoryError):
        load_checkpoint(run)
