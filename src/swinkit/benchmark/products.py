"""Which share of a call torch spends outside the products of matrices, by its profiler."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator

from torch.profiler import ProfilerActivity, profile

# As eager torch and compiled graphs call them; attention that is one operator counts whole.
_PRODUCTS = re.compile(
    r"^(aten::(addmm|mm|bmm|baddbmm|mkldnn_convolution|thnn_conv2d|_slow_conv2d_forward|mkldnn_linear)"
    r"|aten::_scaled_dot_product_flash_attention_for_cpu|mkldnn::_(linear|convolution)_pointwise.*|mkl::_mkl_linear)$"
)


def share_outside_products(call: Callable[[], object]) -> float:
    """Of the time of one call."""
    with _quiet_stderr(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
    inside = sum(one.self_cpu_time_total for one in profiler.key_averages() if _PRODUCTS.match(one.key))
    return min(max(1 - inside / 1e6 / seconds, 0.0), 1.0)


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
