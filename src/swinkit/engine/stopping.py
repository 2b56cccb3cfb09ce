"""Which epoch was the best, and when it is no use to wait for a better one."""

from __future__ import annotations

from collections.abc import Sequence

from swinkit.tasks import Task


def best_epoch(task: Task, history: Sequence[dict[str, float]]) -> int:
    """The number, from 1, of the epoch with the best rank; of equals the first."""
    ranks = [task.rank(numbers) for numbers in history]
    return ranks.index(max(ranks)) + 1


def reason_to_stop(task: Task, history: Sequence[dict[str, float]], patience: int | None) -> str | None:
    """In words, where there were `patience` epochs without a better one; else None."""
    if patience is None or not history:
        return None
    best, done = best_epoch(task, history), len(history)
    if done - best < patience:
        return None
    return f"stopped after epoch {done}: none of the last {done - best} was better than epoch {best}"
