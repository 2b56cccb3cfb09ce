"""Batches for the loop, whatever happens to the files and processes they come from."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.utils.data._utils import signal_handling

from swinkit.data import Sample
from swinkit.data.loader import Batch, Images, train_loader
from swinkit.engine.distributed import processes
from swinkit.engine.settings import TrainConfig
from swinkit.errors import DataError

_BAD_SHARE = 0.2
_FEW_BAD = 5


class Feed:
    """All batches of a training from a step on, in order.

    say: is told in one line of each picture that can no longer be read, and of processes that died.
    """

    def __init__(
        self, images: Images, config: TrainConfig, *, step: int, say: Callable[[str], object]
    ) -> None:
        self._images, self._config, self._say = images, config, say
        self._step, self._workers, self._processes = step, config.workers, processes()
        self._batches = self._from_here()
        self._left_out: set[str] = set()
        self.waited = 0.0
        """Seconds for the last batch."""

    def next(self) -> Batch:
        """The next batch. Raises DataError when a fifth of the pictures can no longer be read."""
        began = time.monotonic()
        batch = self._next()
        self.waited = time.monotonic() - began
        self._step += 1
        self._name(batch.unreadable)
        return batch

    def _next(self) -> Batch:
        """Fetched with one thread: to share out such small tensors costs more than it saves."""
        torch.set_num_threads(1)
        try:
            return next(self._batches)
        except (ConnectionError, EOFError, FileNotFoundError):
            if not self._workers:  # a batch comes through a socket of the process that made it
                raise
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
        finally:
            torch.set_num_threads(self._config.threads)
        return self._next_with_fewer_workers()

    def _next_with_fewer_workers(self) -> Batch:
        """After a process that loads was killed, often by a system that ran out of memory."""
        self._workers -= 1
        self._say(f"a process that loads pictures has died; going on with {self._workers}")
        del self._batches  # ends the others, before the new ones begin
        self._batches = self._from_here()
        return self._next()

    def _from_here(self) -> Iterator[Batch]:
        epoch, start = divmod(self._step, steps_per_epoch(len(self._images), self._config.batch))
        loader = train_loader(
            self._images,
            epochs=range(epoch, self._config.epochs),
            batch=self._config.batch,
            workers=self._workers,
            start=start,
            pin=self._config.device.startswith("cuda"),
            share=(self._processes.rank, self._processes.size),
        )
        with _deaths_noticed_when_waiting():
            return iter(loader)

    def _name(self, unreadable: tuple[tuple[str, str], ...]) -> None:
        for path, reason in unreadable:
            self._leave_out(path, reason)
        if len(self._left_out) > max(_FEW_BAD, _BAD_SHARE * len(self._images)):
            raise DataError(
                f"{len(self._left_out)} of {len(self._images)} pictures can no longer be read",
                hint="is the disk or the network folder still there? then go on with --resume",
            )

    def leave_out_of_validation(self, sample: Sample, error: DataError) -> None:
        self._leave_out(sample.path, error.message)

    def _leave_out(self, path: str, reason: str) -> None:
        """Say, the first time, that a picture can no longer be read."""
        if path not in self._left_out:
            self._left_out.add(path)
            self._say(f"left out {path}: {reason.removeprefix(f'cannot read {path}: ')}")


@contextmanager
def _deaths_noticed_when_waiting() -> Iterator[None]:
    """Keep a DataLoader's handler of SIGCHLD out: it raises wherever the program happens to be.

    Without it a loader looks after its processes whenever it has waited for them for some seconds. A handler
    that an earlier loader of this program has left behind is taken out for good.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        left_behind = getattr(before, "__module__", "") == signal_handling.__name__
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if left_behind else before)


def steps_per_epoch(pictures: int, batch: int) -> int:
    return -(-pictures // batch)
