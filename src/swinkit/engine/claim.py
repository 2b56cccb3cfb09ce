"""One training at a time in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from swinkit.engine.run import Run
from swinkit.errors import RunError


@contextmanager
def alone_in(run: Run) -> Iterator[None]:
    """Keep other trainings out of a run's folder, which is made where it is missing.

    The system takes the lock back however this process ends. Raises RunError where another one has it, or
    where the file system has no locks.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / ".lock"
    handle = _lock(path)
    if handle is None:
        raise RunError(
            f"another training is writing into {run.folder}",
            hint="wait for its end, or choose another --out",
        )
    try:
        yield
    finally:
        _release(path, handle)


def _lock(path: Path) -> int | None:
    """A handle on the locked file, or None where somebody else has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            taken = _taken(handle)
        except OSError as error:
            os.close(handle)
            raise RunError(
                f"cannot keep other trainings out of {path.parent}: {error.strerror or error}",
                hint="choose a folder on another disk with --out: some network file systems have no locks",
            ) from error
        if not taken:
            os.close(handle)
            return None
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            return handle
        os.close(handle)  # who had it has just ended and removed the file: lock the next one


def _taken(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the second is what Windows says
        return False
    return True


def _release(path: Path, handle: int) -> None:
    """Remove the file and give the lock back."""
    if sys.platform == "win32":  # no file goes there while it is open, be it here or in the next training
        os.close(handle)
        with suppress(PermissionError):
            path.unlink(missing_ok=True)
    else:
        path.unlink(missing_ok=True)  # first: else another training may lock a file that is about to go
        os.close(handle)
