from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from swinkit.engine.portion import Portion, ran_out
from swinkit.errors import RunError

TORCH_SAYS = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 536870912 bytes. Error code 12 (Cannot allocate memory)"
)


def fails_above(most: int, tried: list[int], error: Exception) -> int:
    pictures = tried[-1]
    if pictures > most:
        raise error
    return pictures


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(TORCH_SAYS),
        RuntimeError("std::bad_alloc"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 266.00 MiB."),
    ],
    ids=["python", "torch", "c++", "cuda"],
)
def test_the_same_act_is_tried_with_half_as_many_until_it_fits(error: Exception) -> None:
    said: list[str] = []
    portion, tried = Portion(12, said.append), []

    def act(pictures: int) -> int:
        tried.append(pictures)
        return fails_above(3, tried, error)

    assert 3 == portion.attempt(act)
    assert [12, 6, 3] == tried
    assert 3 == portion.attempt(act), "and stays with it"
    assert [12, 6, 3, 3] == tried
    assert 2 == len(said)
    assert "with 3 at a time" in said[1]


def test_the_line_says_how_much_could_not_be_had() -> None:
    said: list[str] = []
    tried: list[int] = []

    def act(pictures: int) -> int:
        tried.append(pictures)
        return fails_above(1, tried, RuntimeError(TORCH_SAYS))

    Portion(2, said.append).attempt(act)

    assert said[0].startswith("memory ran out (another 537 MB were not to be had): the step again with 1")


def test_when_one_picture_is_too_many_it_says_what_to_do() -> None:
    def act(pictures: int) -> int:
        raise RuntimeError(TORCH_SAYS)

    with pytest.raises(RunError, match="memory ran out on a single picture") as caught:
        Portion(1, print).attempt(act)

    assert "--image-size" in caught.value.hint
    assert isinstance(caught.value.__cause__, MemoryError)


def test_other_errors_are_not_taken_for_it() -> None:
    assert not ran_out(RuntimeError("shape '[3, 4]' is invalid for input of size 5"))
    with pytest.raises(RuntimeError, match="invalid"):
        Portion(4, print).attempt(lambda pictures: torch.zeros(5).view(3, 4))


def test_a_training_under_a_real_limit_of_memory_goes_on_in_parts(tmp_path: Path) -> None:
    """In a process of its own: the step that does not fit is done again in parts, and ends as without."""
    script = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import torch
from swinkit.data.loader import train_loader
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.step import training_step
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from tests.engine.small_runs import SETTINGS, training_images

config = replace(SETTINGS, image_size=(256, 256), batch=24, model="swin_nano")
classes = tuple("0123456789")
batch = next(iter(train_loader(training_images(config), epochs=[0], batch=config.batch)))
weights = []
for limited in (False, True):
    model = fresh_model(config, classes).train()
    optimiser = make_optimiser(model, config)
    portion = Portion(config.batch if limited else 2, lambda line: print(line))
    if limited:
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + (400 << 20), resource.RLIM_INFINITY))
    training_step(model, Classification(classes), optimiser, batch, config, lr=1e-3, step=0, portion=portion)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    weights.append(model.head.weight.detach())
print("difference", float((weights[0] - weights[1]).abs().max()), "at once", portion.pictures)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )

    assert 0 == done.returncode, done.stderr
    *said, last = done.stdout.splitlines()
    assert said, "the limit was not felt"
    assert all(line.startswith("memory ran out") for line in said)
    _, difference, _, _, at_once = last.split()
    assert float(difference) < 1e-5
    assert 1 <= int(at_once) < 24
