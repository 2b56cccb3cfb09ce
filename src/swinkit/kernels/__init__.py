"""One contract, several implementations (see contract.py); choose.py says which one runs."""

from swinkit.kernels.choose import (
    KERNELS,
    KernelReport,
    cosine_window_attention,
    forced_kernel,
    kernel_report,
    use_kernel,
    window_attention,
)

__all__ = [
    "KERNELS",
    "KernelReport",
    "cosine_window_attention",
    "forced_kernel",
    "kernel_report",
    "use_kernel",
    "window_attention",
]
