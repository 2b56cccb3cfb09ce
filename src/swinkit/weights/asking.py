"""Asking a network once, for a short while, and only where that is allowed: for `hub` and `download`."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

# huggingface_hub alone repeats a failing connection for 24 s; we ask once and say what to do.
ANSWER_SECONDS = 5.0

Say = Callable[[str], None]
_Result = TypeVar("_Result")


def is_offline() -> bool:
    """Whether a switch of the hub forbids asking, as it stands now."""
    from huggingface_hub import constants

    switches = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return constants.HF_HUB_OFFLINE or any(value.upper() in ("1", "ON", "YES", "TRUE") for value in switches)


def within(seconds: float, work: Callable[[], _Result]) -> _Result:
    """Run `work` for at most so long: a network timeout covers neither the name look-up nor a slow drip.

    Raises TimeoutError, or what `work` raises.
    """
    outcome: queue.SimpleQueue[tuple[_Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=run, daemon=True, name="swinkit-hub").start()
    try:
        result, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def size_in_words(size_bytes: int | None) -> str:
    """Of what will be fetched."""
    if size_bytes is None:
        return "size unknown"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"
