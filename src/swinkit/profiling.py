"""PyTorch's profiler, without its announcements."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from torch.profiler import ProfilerActivity, profile


@contextlib.contextmanager
def profiled(*, memory: bool = False) -> Iterator[profile]:
    """What is called meanwhile on the CPU, for how long and, if asked, with how much memory."""
    with _quiet_stderr(), profile(activities=[ProfilerActivity.CPU], profile_memory=memory) as profiler:
        yield profiler


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """The profiler announces itself on the process's stderr, past Python, and cannot be told not to."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
