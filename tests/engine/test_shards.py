"""What the disk refuses while parts of a checkpoint are written costs nothing that was saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from swinkit.engine import shards
from swinkit.engine.checkpoint import Position, load_checkpoint
from swinkit.engine.run import Run
from swinkit.engine.sharding import place
from swinkit.engine.shards import load_shards, make_moments, save_shards
from swinkit.errors import CheckpointError, RunError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from tests.engine.small_runs import SETTINGS
from tests.engine.test_faults import MANY, Disk
from tests.engine.test_loop import with_settings


def adamw(model: Swin) -> torch.optim.AdamW:
    optimiser = torch.optim.AdamW(model.parameter_groups(weight_decay=0.05))
    make_moments(model, optimiser)
    return optimiser


def a_state(step: int) -> tuple[Swin, torch.optim.Optimizer, Position]:
    model = fresh_model(SETTINGS, "ab")
    assert isinstance(model, Swin)
    optimiser = adamw(model)
    for parameter in model.parameters():
        parameter.detach().fill_(step)
        optimiser.state[parameter]["exp_avg"].fill_(step)
    return model, optimiser, Position(step=step, loss_sum=float(step))


def saved_step(run: Run) -> int:
    """Of which everything that is saved says that it is."""
    model, continuation = load_checkpoint(run)
    assert isinstance(model, Swin)
    place(model, torch.device("cpu"))
    optimiser, step = adamw(model), continuation.position.step
    load_shards(continuation, model, optimiser, None)
    assert step == continuation.position.loss_sum
    for parameter in model.parameters():
        assert (parameter == step).all()
        assert (optimiser.state[parameter]["exp_avg"] == step).all()
    return step


@pytest.mark.parametrize(("call", "fault"), [("fsync", "EIO"), ("replace", "ENOSPC")])
def test_a_fault_at_any_call_of_a_save_leaves_the_state_before_or_the_new_one(
    call: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = with_settings(Run(tmp_path))
    states = {step: a_state(step) for step in (1, 2)}
    for number in range(1, MANY):
        save_shards(run, *states[1], None)
        with monkeypatch.context() as patched:
            disk = Disk(patched, call, number, fault)
            try:
                save_shards(run, *states[2], None)
                refused = False
            except (RunError, CheckpointError) as error:
                refused = True
                assert "is untouched" in error.message
        assert saved_step(run) == (1 if refused else 2)
        if disk.calls < number:
            assert number > 2, "the fault was never felt"
            return
    pytest.fail(f"a save calls {call} more than {MANY} times")


def test_large_parts_go_into_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For torch holds each of them in memory twice while it is written."""
    monkeypatch.setattr(shards, "FILE_BYTES", 100_000)
    run = with_settings(Run(tmp_path))

    save_shards(run, *a_state(2), None)

    assert 2 == saved_step(run)
    sizes = [path.stat().st_size for path in (run.last / "2").glob("shard-00001-*")]
    assert 5 == len(sizes)
    assert max(sizes) < 200_000, "one tensor, or several that are no larger together"


def test_what_is_pointed_to_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an epoch the position is another, the tensors are the same."""
    run, (model, optimiser, position) = with_settings(Run(tmp_path)), a_state(3)
    save_shards(run, model, optimiser, position, None)
    monkeypatch.setattr(shards, "_write", lambda *arguments, **settings: pytest.fail("written again"))

    save_shards(run, model, optimiser, Position(step=3, loss_sum=3.0, seconds=7.0), None)

    assert 3 == saved_step(run)
    assert 7.0 == load_checkpoint(run)[1].position.seconds


def test_what_was_left_of_a_save_that_was_killed_goes(tmp_path: Path) -> None:
    """Parts of more processes than write now would be taken for theirs."""
    run = with_settings(Run(tmp_path))
    save_shards(run, *a_state(1), None)
    (run.last / "2").mkdir()
    (run.last / "2" / "shard-00009-model-00001-of-00001.safetensors").write_bytes(b"half a fi")

    save_shards(run, *a_state(2), None)

    assert 2 == saved_step(run)
    assert {"2", "current.json"} == {path.name for path in run.last.iterdir()}
    assert {"step": 2} == json.loads((run.last / "current.json").read_text())


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    run = with_settings(Run(tmp_path))
    save_shards(run, *a_state(1), None)
    model, *rest = a_state(2)
    next(model.parameters()).detach().fill_(torch.nan)

    with pytest.raises(RunError, match="no longer numbers"):
        save_shards(run, model, *rest, None)

    assert 1 == saved_step(run)
