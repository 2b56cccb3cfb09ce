"""What a training leaves on the disk, and in which order, so that no moment of it can lose a run.

First the checkpoint, which says how each epoch went; then the best model and metrics.jsonl, which can be made
again from a checkpoint of the end of an epoch. A run that goes on does that first, wherever it was killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from swinkit.backbones.opening import save_model
from swinkit.data import Sample, write_atomically
from swinkit.engine.checkpoint import save_checkpoint
from swinkit.engine.interrupt import Interrupted, StopRequest
from swinkit.engine.learner import Learner
from swinkit.engine.progress import Speed
from swinkit.engine.run import Run, jsonl
from swinkit.engine.shards import save_shards
from swinkit.engine.stopping import best_epoch
from swinkit.engine.trackers import Follow

SAVE_EVERY = 60.0
"""Seconds of work that a crash may cost at most; an interrupt costs none."""


class Keeper:
    """Saves a training where it stands: when asked to stop, when the last time was too long ago, and after
    each epoch."""

    def __init__(self, run: Run, learner: Learner, speed: Speed, stop: StopRequest, follow: Follow) -> None:
        self._run, self._learner, self._speed, self._stop = run, learner, speed, stop
        self._follow = follow
        self._earlier_sessions = learner.position.seconds
        self._saved = time.monotonic()

    def go_on(self) -> None:
        """Make up for what a training that has just begun, or was killed, did not get to."""
        self._keep_what_follows()

    def save(self) -> None:
        """Write a checkpoint, all processes together; none goes on before it is there."""
        learner = self._learner
        learner.position.seconds = self._earlier_sessions + self._speed.seconds
        everything = self._run, learner.model, learner.optimiser, learner.position, learner.average
        if learner.config.shard:
            save_shards(*everything)
        elif learner.processes.rank == 0:
            save_checkpoint(*everything)
        learner.processes.wait()
        self._saved = time.monotonic()

    def after_step(self) -> None:
        """Save where it is time to. Raises Interrupted, after saving, when asked to stop."""
        here = self._learner.processes
        due = here.rank == 0 and time.monotonic() - self._saved > SAVE_EVERY
        asked, due = map(bool, here.sums(self._stop.made, due))  # all stop, and save, after the same step
        if asked or due:
            self.save()
        if asked:
            raise Interrupted(f"stopped at step {self._learner.position.step} of {self._learner.steps}")

    def unless_stopped(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Samples, one by one, with a look between them whether to stop; of several processes none may do so
        by itself."""
        alone = self._learner.processes.size == 1
        for sample in samples:
            if alone and self._stop.made:
                self.after_step()
            yield sample

    def end_epoch(self, numbers: dict[str, float]) -> None:
        """Save the end of an epoch with its numbers, and the model where it is the best so far."""
        learner = self._learner
        learner.position.end_epoch(
            numbers,
            lr=learner.rate_at(learner.position.step - 1),
            seconds=self._earlier_sessions + self._speed.seconds,
        )
        self.save()
        self._keep_what_follows()

    def _keep_what_follows(self) -> None:
        """What follows from the checkpoint, as far as it can be made from where the training stands."""
        learner, position = self._learner, self._learner.position
        first = learner.processes.rank == 0
        done = len(position.history)
        now = position.history[-1]["step"] if done else 0
        best = best_epoch(learner.task, position.beginning, position.history)
        if position.step == now and best == done:
            config = learner.config
            trained = {"data": config.data, "epochs": done, "model": config.model, "weights": config.weights}
            scores = position.scores if done else position.beginning
            said = {"task": learner.task.name, "scores": scores, "trained": trained}
            model = learner.looked_at  # of which each process may have a part
            if first:
                save_model(model, self._run.best, extra=said)
        if not first:
            return
        write_atomically(self._run.folder / "metrics.jsonl", jsonl(position.history))
        self._follow(position.history)
