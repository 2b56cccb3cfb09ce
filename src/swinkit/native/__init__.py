"""Whole Swins on a CPU by the compiled kernels in csrc/: `optimize`, packed weights, one call a forward."""

from swinkit.native.agreement import Agreement, agreement
from swinkit.native.optimized import Memory, OptimizedSwin, for_inference, optimize

__all__ = ["Agreement", "Memory", "OptimizedSwin", "agreement", "for_inference", "optimize"]
