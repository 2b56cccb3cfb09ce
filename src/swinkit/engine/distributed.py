"""Several processes that train one model, begun by torchrun: each learns from its share of every step.

Every process holds the whole model and takes the same steps: gradients are summed over all of them once the
parts of a step are done. That is one exchange a step, whatever a process did before it, so accumulation,
recomputed activations, frozen stages, steps done again for want of memory and shares of unequal size need no
switch. For models too large for that there is `engine/sharding.py`. The first process looks at the data,
plans, speaks and writes; the others take up what it has begun.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from swinkit.data import Sample
from swinkit.engine.inference import Unreadable, outputs_of
from swinkit.errors import ConfigError, RunError
from swinkit.models import Backbone
from swinkit.tasks import Task

_NETWORK = ("gloo", "nccl", "connection", "peer")  # in what torch says when another process is gone
_SET_BY_TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LAUNCH = (
    "torchrun sets all of these: torchrun --nproc-per-node 2 -m swinkit train …; for one process unset them"
)
PATIENCE = datetime.timedelta(hours=24)  # for the first process to look at all pictures

One = TypeVar("One")


class LeftAlone(RunError):
    """Another process of the training has ended, perhaps without a word."""


class Processes:
    """All processes of a training. rank: this one's number. size: how many there are."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self._announced = False

    def sums(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        if self.size == 1:
            return list(values)
        together = torch.tensor(values, dtype=torch.float64, device=_device())
        with told_when_one_ends():
            dist.all_reduce(together)
        return together.tolist()

    def wait(self) -> None:
        """Until all processes have come here."""
        self.sums(0.0)

    def sum_gradients(self, model: nn.Module) -> None:
        """Let every process have the sum of all gradients."""
        if self.size == 1:
            return
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        for parameter in learning:  # none where this process had no picture
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in learning if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with told_when_one_ends():
            dist.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def announce(self, folder: str) -> None:
        """In the first process: tell the others which run they are to take up."""
        self._tell(folder)
        self._announced = True

    def announced(self) -> str | None:
        """In the others: the folder of the run, once it is begun; None where there will be none."""
        return self._tell(None)

    @contextmanager
    def released(self) -> Iterator[None]:
        """In the first process: let the others go when it ends without having announced a run."""
        try:
            yield
        finally:
            if not self._announced:
                self._tell(None)

    def _tell(self, what: str | None) -> str | None:
        said = [what]
        if self.size > 1:
            with told_when_one_ends():
                dist.broadcast_object_list(said, src=0, device=_device())
        return said[0]

    def share_averages(self, model: nn.Module) -> None:
        """Give every process the running averages of the first one's batch norms, where a model has any."""
        if self.size == 1:
            return
        with told_when_one_ends():
            for average in model.buffers():
                dist.broadcast(average, src=0)

    def everyones(self, mine: list[One]) -> list[One]:
        """What all processes have, one after the other."""
        if self.size == 1:
            return mine
        found: list[Any] = [None] * self.size
        with told_when_one_ends():
            dist.all_gather_object(found, mine)
        return [one for some in found for one in some]

    def first_said(self, mine: str | None) -> str | None:
        """What the first of the processes says that says something."""
        return next((said for said in self.everyones([mine]) if said), None)


_current = Processes(0, 1)


def processes() -> Processes:
    """Those of the training that runs in this process."""
    return _current


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the other processes that torchrun, or Ray, has begun; alone where there are none.

    Raises ConfigError where the environment names them in part only, RunError where they cannot be met.
    """
    global _current
    rank, size = _number_of("RANK", 0), _number_of("WORLD_SIZE", 1)
    if not 0 <= rank < size:
        raise ConfigError(f"RANK={rank} is none of the processes that WORLD_SIZE={size} counts", hint=_LAUNCH)
    if size == 1:
        yield _current
        return
    already = dist.is_initialized()  # by Ray Train
    if not already:
        _meet(size)
    before, _current = _current, Processes(dist.get_rank(), dist.get_world_size())
    try:
        yield _current
    finally:
        _current = before
        if not already:
            dist.destroy_process_group()


def own_device(device: str) -> str:
    """The device of this process, where a training is said to run on `device`.

    Raises ConfigError where there is no GPU for each of several processes.
    """
    if _current.size == 1 or not device.startswith("cuda"):
        return device
    if device != "cuda":
        raise ConfigError(
            f"device {device!r} is one GPU, and each of the {_current.size} processes needs one of its own",
            hint="--device cuda gives each the GPU of its place; CUDA_VISIBLE_DEVICES says which there are",
        )
    place, there = _number_of("LOCAL_RANK", 0), torch.cuda.device_count()
    here = _number_of("LOCAL_WORLD_SIZE", place + 1)
    if here > there:
        raise ConfigError(
            f"{here} processes on this machine need a GPU each, and there are {there}",
            hint=f"torchrun --nproc-per-node {there} …",
        )
    torch.cuda.set_device(place)
    return f"cuda:{place}"


def _number_of(name: str, otherwise: int) -> int:
    """What a launcher has set."""
    said = os.environ.get(name) or str(otherwise)
    if not said.isascii() or not said.isdigit():
        raise ConfigError(f"the environment variable {name} is no count: {said!r}", hint=_LAUNCH)
    return int(said)


def _meet(size: int) -> None:
    """What lies on a GPU is exchanged by nccl, all else by gloo: GPUs that are not used play no part."""
    missing = [name for name in _SET_BY_TORCHRUN if not os.environ.get(name)]
    if missing:
        raise ConfigError(
            f"WORLD_SIZE={size} says that there are other processes, but nothing sets {', '.join(missing)}",
            hint=_LAUNCH,
        )
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE
        )
    except (RuntimeError, ValueError) as error:  # a port that is taken, a machine without a name, …
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = str(error).partition("\n")[0]
        raise RunError(f"cannot meet the other processes at {where}: {reason}", hint=_LAUNCH) from error


def _device() -> torch.device:
    """Where numbers lie that are exchanged for the training itself; Ray knows nccl alone on GPUs."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


def validate_together(
    model: Backbone, task: Task, samples: Iterable[Sample], *, unreadable: Unreadable
) -> dict[str, float]:
    """The task's numbers, each sample looked at by one of the processes: none is padded or counted twice."""
    here = processes()
    here.share_averages(model)
    own = islice(samples, here.rank, None, here.size)
    answers = [
        (outputs, task.targets(some)) for some, outputs in outputs_of(model, own, unreadable=unreadable)
    ]
    scores = task.scores()
    for outputs, targets in here.everyones(answers):
        scores.add(outputs, targets)
    return scores.result()


@contextmanager
def told_when_one_ends() -> Iterator[None]:
    """Around what processes exchange: in place of torch's error, a sentence when another one is gone."""
    try:
        yield
    except RuntimeError as error:
        if not any(word in str(error).casefold() for word in _NETWORK):
            raise
        raise LeftAlone(
            "another process of this training has ended",
            hint="its own message says why; then go on with --resume",
        ) from error
