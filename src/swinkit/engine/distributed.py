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
from swinkit.errors import RunError
from swinkit.models import Backbone
from swinkit.tasks import Task

_NETWORK = ("gloo", "nccl", "connection", "peer")  # in what torch says when another process is gone
PATIENCE = datetime.timedelta(hours=24)  # for the first process to look at all pictures

One = TypeVar("One")


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
    """Join the other processes that torchrun, or Ray, has begun; alone where there are none."""
    global _current
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield _current
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    already = dist.is_initialized()  # by Ray Train
    if not already:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    before, _current = _current, Processes(dist.get_rank(), dist.get_world_size())
    try:
        yield _current
    finally:
        _current = before
        if not already:
            dist.destroy_process_group()


def own_device(device: str) -> str:
    """The device of this process, where a training is said to run on `device`."""
    shared = device == "cuda" and _current.size > 1
    return f"cuda:{torch.cuda.current_device()}" if shared else device


def _device() -> torch.device:
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
        raise RunError(
            "another process of this training has ended",
            hint="its own message says why; then go on with --resume",
        ) from error
