"""Which epoch was the best, and when it is no use to wait for a better one."""

from __future__ import annotations

from collections.abc import Sequence

from swinkit.tasks import Task


def best_epoch(
    task: Task, beginning: dict[str, float] | None, history: Sequence[dict[str, float]]
) -> int | None:
    """The number, from 1, of the epoch with the best rank; of equals the first. None: there is nothing yet.

    beginning: the numbers of a model that was worth keeping before its first epoch, which is then number 0.
    """
    rows = list(enumerate(history, start=1))
    rows = [(0, beginning), *rows] if beginning else rows
    return max(rows, key=lambda row: task.rank(row[1]))[0] if rows else None


def reason_to_stop(
    task: Task,
    beginning: dict[str, float] | None,
    history: Sequence[dict[str, float]],
    patience: int | None,
) -> str | None:
    """In words, where there were `patience` epochs without a better one; else None."""
    best, done = best_epoch(task, beginning, history), len(history)
    if patience is None or best is None or done - best < patience:
        return None
    than = f"epoch {best}" if best else "what it began with"
    return f"stopped after epoch {done}: none of the last {done - best} was better than {than}"
