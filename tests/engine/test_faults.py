"""Whatever the disk refuses and whenever a training is killed, nothing that was saved is lost."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import torch

from swinkit.engine import keeper
from swinkit.engine.checkpoint import Position, load_checkpoint, pointed_to, save_checkpoint
from swinkit.engine.run import Run
from swinkit.errors import CheckpointError, RunError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.weights import load
from tests.engine.small_runs import SETTINGS, begin, weights_of
from tests.engine.test_loop import EVERYTHING, assert_same_end, go_on, with_settings

MANY = 200
"""More than the system is asked to do anything for in one save."""


class Disk:
    """Stands before the system's calls and lets one of them fail."""

    def __init__(self, patched: pytest.MonkeyPatch, call: str, number: int, fault: str) -> None:
        self.calls, self.number, self.fault = 0, number, fault
        self.for_real: Callable[..., object] = getattr(os, call)
        patched.setattr(os, call, self)

    def __call__(self, *arguments: object) -> object:
        self.calls += 1
        if self.calls != self.number:
            return self.for_real(*arguments)
        if self.fault == "short":
            handle, content = arguments
            return self.for_real(handle, memoryview(content)[: max(1, len(content) // 2)])  # type: ignore[arg-type]
        raise OSError(getattr(errno, self.fault), os.strerror(getattr(errno, self.fault)))


def a_state(step: int) -> tuple[Swin, torch.optim.Optimizer, Position]:
    model = fresh_model(SETTINGS, "ab")
    optimiser = torch.optim.AdamW(model.parameter_groups(weight_decay=0.05))
    for parameter in model.parameters():
        parameter.detach().fill_(step)
        parameter.grad = torch.full_like(parameter, step)
    optimiser.step()
    return model, optimiser, Position(step=step, loss_sum=float(step))


@pytest.mark.parametrize(
    ("call", "fault"),
    [("write", "ENOSPC"), ("write", "EIO"), ("write", "short"), ("fsync", "EIO"), ("replace", "ENOSPC")],
)
def test_a_fault_at_any_call_of_a_save_leaves_the_state_before_or_the_new_one(
    call: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)
    with_settings(run)
    states = {step: a_state(step) for step in (1, 2)}
    for number in range(1, MANY):
        save_checkpoint(run, *states[1])
        with monkeypatch.context() as patched:
            disk = Disk(patched, call, number, fault)
            try:
                save_checkpoint(run, *states[2])
                refused = False
            except (RunError, CheckpointError) as error:
                refused = True
                assert "is untouched" in error.message
        model, continuation = load_checkpoint(run)
        step = continuation.position.step
        assert step == (1 if refused else 2)
        expected = weights_of(states[step][0])
        assert all(torch.equal(expected[name], tensor) for name, tensor in weights_of(model).items())
        assert step == continuation.position.loss_sum
        assert not [path for path in tmp_path.rglob("*.tmp")]
        if disk.calls < number:
            assert number > 3, "the fault was never felt"
            return
    pytest.fail(f"a save calls {call} more than {MANY} times")


def test_a_disk_that_fills_up_in_a_training_ends_it_and_resuming_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = begin(tmp_path / "undisturbed")
    with monkeypatch.context() as patched:
        Disk(patched, "write", 12, "ENOSPC")
        with pytest.raises((RunError, CheckpointError), match="No space left on device"):
            begin(tmp_path / "run")

    model = go_on(Run(tmp_path / "run"))

    assert_same_end((expected[0], weights_of(expected[1])), tmp_path / "run", model)


def die_at(number: int) -> None:
    """Let this process be killed at that call of the system's in its saves: a write is half done by then."""
    made = count(1)

    def mortal(name: str) -> Callable[..., object]:
        for_real: Callable[..., object] = getattr(os, name)

        def call(*arguments: object, **settings: object) -> object:
            if next(made) == number:
                if name == "write":
                    handle, content = arguments
                    for_real(handle, memoryview(content)[: len(content) // 2])  # type: ignore[arg-type]
                os.kill(os.getpid(), signal.SIGKILL)
            return for_real(*arguments, **settings)

        return call

    for name in ("write", "fsync", "replace", "rmdir"):
        setattr(os, name, mortal(name))


def train_or_go_on(folder: Path, call: int | None) -> None:
    """In a process of its own, which saves after every step and is to be killed. call: die_at that one."""
    keeper.SAVE_EVERY = 0.0
    if call:
        die_at(call)
    if (folder / "last" / "current.json").exists():
        go_on(Run(folder), EVERYTHING)
    else:
        begin(folder, EVERYTHING)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_a_training_killed_again_and_again_ends_as_one_that_was_not(kills: int, tmp_path: Path) -> None:
    """At any moment, and in the middle of what a save does, each time further on than the last one."""
    run, model = begin(tmp_path / "undisturbed", EVERYTHING)
    expected, folder = (run, weights_of(model)), tmp_path / "killed"
    moments, seconds = random.Random(kills), run.metrics[-1]["seconds"]
    context = multiprocessing.get_context("fork")
    stood_at = set()
    for number in range(kills):
        call = None if number % 2 else moments.randint(1, 40)
        process = context.Process(target=train_or_go_on, args=(folder, call))
        process.start()
        process.join(None if call else moments.uniform(0.0, seconds))
        if process.exitcode is None:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        if (folder / "best.safetensors").exists():
            load(folder / "best.safetensors")  # is whole whenever it is there
        stood_at.add(pointed_to(Run(folder)))

    model = go_on(Run(folder), EVERYTHING) if (folder / "last" / "current.json").exists() else None
    if model is None:
        _, model = begin(folder, EVERYTHING)

    assert len(stood_at - {None, 0}) >= 3, "it was killed after later saves too"
    assert_same_end(expected, folder, model)
    assert run.best.read_bytes() == Run(folder).best.read_bytes()
