"""Ctrl-C and the signal that schedulers send: finish the step, save, stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """Training was stopped on request, after everything needed to go on was saved."""


class StopRequest:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.made = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.made:  # the second time, do not wait for the step to end
            raise KeyboardInterrupt
        self.made = True


@contextmanager
def stop_on_request() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a request while inside; outside the main thread signals are left alone."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
