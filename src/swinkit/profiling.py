"""What measurements need of PyTorch: a number of threads, and its profiler without announcements."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import torch
from torch.profiler import ProfilerActivity, profile


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """PyTorch computes on so many inside; on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
