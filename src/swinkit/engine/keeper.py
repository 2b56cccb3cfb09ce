"""What a training leaves on the disk, and in which order, so that no moment of it can lose a run.

First the checkpoint, which says how each epoch went; then the best model and metrics.jsonl, which can be made
again from a checkpoint of the end of an epoch. A run that goes on does that first, wherever it was killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from swinkit.data import Sample, write_atomically
from swinkit.engine.checkpoint import save_checkpoint
from swinkit.engine.interrupt import Interrupted, StopRequest
from swinkit.engine.learner import Learner
from swinkit.engine.progress import Pace
from swinkit.engine.run import Run, jsonl
from swinkit.engine.stopping import best_epoch
from swinkit.engine.trackers import Follow
from swinkit.weights import save

SAVE_EVERY = 60.0
"""Seconds of work that a crash may cost at most; an interrupt costs none."""


class Keeper:
    """Saves a training where it stands: when asked to stop, when the last time was too long ago, and after
    each epoch."""

    def __init__(self, run: Run, learner: Learner, pace: Pace, stop: StopRequest, follow: Follow) -> None:
        self._run, self._learner, self._pace, self._stop = run, learner, pace, stop
        self._follow = follow
        self._earlier_sessions = learner.position.seconds
        self._saved = time.monotonic()

    def begin(self, numbers: dict[str, float] | None) -> None:
        """Save before the first step. numbers: of a model that is worth keeping as it begins."""
        self._learner.position.beginning = numbers
        self.save()
        self._keep_what_follows()

    def go_on(self) -> None:
        """Make up for what a training that was killed did not get to."""
        self._keep_what_follows()

    def save(self) -> None:
        """Write a checkpoint, in the first process."""
        learner = self._learner
        learner.position.seconds = self._earlier_sessions + self._pace.seconds
        if learner.processes.rank == 0:
            save_checkpoint(self._run, learner.model, learner.optimiser, learner.position, learner.average)
        self._saved = time.monotonic()

    def after_step(self) -> None:
        """Save where it is time to. Raises Interrupted, after saving, when asked to stop."""
        (asked,) = self._learner.processes.sums(self._stop.made)  # all processes stop after the same step
        if asked or time.monotonic() - self._saved > SAVE_EVERY:
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
            seconds=self._earlier_sessions + self._pace.seconds,
        )
        self.save()
        self._keep_what_follows()

    def _keep_what_follows(self) -> None:
        """What follows from the checkpoint, as far as it can be made from where the training stands."""
        learner, position = self._learner, self._learner.position
        if learner.processes.rank > 0:
            return
        done = len(position.history)
        now = position.history[-1]["step"] if done else 0
        best = best_epoch(learner.task, position.beginning, position.history)
        if position.step == now and best == done:
            config = learner.config
            trained = {"data": config.data, "epochs": done, "model": config.model, "weights": config.weights}
            scores = position.scores if done else position.beginning
            said = {"task": learner.task.name, "scores": scores, "trained": trained}
            save(learner.looked_at, self._run.best, extra=said)
        write_atomically(self._run.folder / "metrics.jsonl", jsonl(position.history))
        self._follow(position.history)
