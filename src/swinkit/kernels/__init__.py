"""One contract, several implementations (see contract.py); choose.py says which one runs."""

from swinkit.kernels.choose import (
    KERNELS,
    NATIVE,
    KernelReport,
    Precision,
    cosine_window_attention,
    forced_kernel,
    forced_precision,
    kernel_report,
    use_kernel,
    use_precision,
    window_attention,
)

__all__ = [
    "KERNELS",
    "NATIVE",
    "KernelReport",
    "Precision",
    "cosine_window_attention",
    "forced_kernel",
    "forced_precision",
    "kernel_report",
    "use_kernel",
    "use_precision",
    "window_attention",
]
