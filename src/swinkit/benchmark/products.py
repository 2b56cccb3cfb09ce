"""Which share of a call torch spends outside the products of matrices, by its profiler."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from swinkit.profiling import profiled

# As eager torch and compiled graphs call them; attention that is one operator counts whole.
_PRODUCTS = re.compile(
    r"^(aten::(addmm|mm|bmm|baddbmm|mkldnn_convolution|thnn_conv2d|_slow_conv2d_forward|mkldnn_linear)"
    r"|aten::_scaled_dot_product_flash_attention_for_cpu|mkldnn::_(linear|convolution)_pointwise.*|mkl::_mkl_linear)$"
)


def share_outside_products(call: Callable[[], object]) -> float:
    """Of the time of one call."""
    with profiled() as profiler:
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
    inside = sum(one.self_cpu_time_total for one in profiler.key_averages() if _PRODUCTS.match(one.key))
    return min(max(1 - inside / 1e6 / seconds, 0.0), 1.0)
