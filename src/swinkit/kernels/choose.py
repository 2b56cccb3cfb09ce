"""Which kernel runs a call, and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from swinkit.errors import ConfigError
from swinkit.kernels import native, portable, reference
from swinkit.kernels.contract import Kernel, check_call
from swinkit.kernels.library import Missing, library
from swinkit.kernels.memory import is_traced
from swinkit.windows import WindowPlan

NATIVE = "native"
"""The compiled kernels: whole networks where a model is optimised, and single calls of attention."""
KERNELS: dict[str, Kernel] = {NATIVE: native, "torch": portable, "reference": reference}
"""Of one call of attention, in order of preference."""

Precision = Literal["fp32", "bf16", "int8"]
"""Of the products of answers; int8 is approximate."""

_FORCED_BY_ENVIRONMENT = os.environ.get("SWINKIT_KERNEL") or None
_forced: str | None = None
_forced_precision: Precision | None = None


def window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float, *, kernel: str | None = None
) -> Tensor:
    """Window attention of Swin v1 (Liu et al. 2021, eq. 4); shapes in contract.py.

    kernel: a name from `KERNELS`; by default the fastest that applies. Where `native` does not (a GPU, double
        precision), it is `torch` that runs.
    Raises ShapeError where the arguments do not fit, ConfigError for an unknown kernel.
    """
    check_call(qkv, pad, bias, plan)
    return _chosen(kernel, qkv).window_attention(qkv, pad, bias, plan, scale)


def cosine_window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor, *, kernel: str | None = None
) -> Tensor:
    """Scaled cosine window attention of Swin v2 (Liu et al. 2022, eq. 2); shapes in contract.py."""
    check_call(qkv, pad, bias, plan)
    return _chosen(kernel, qkv).cosine_window_attention(qkv, pad, bias, plan, scale)


@contextmanager
def use_kernel(name: str | None) -> Iterator[None]:
    """Force one kernel for all calls inside; None leaves the choice free."""
    global _forced
    before = _forced
    _forced = None if name is None else _known(name)
    try:
        yield
    finally:
        _forced = before


@contextmanager
def use_precision(precision: Precision | None) -> Iterator[None]:
    """Force the type of products at inference inside; None leaves it float32."""
    global _forced_precision
    if precision is not None and precision not in get_args(Precision):
        raise ConfigError(
            f"there is no precision {precision!r}", hint=f"choose among {', '.join(get_args(Precision))}"
        )
    before = _forced_precision
    _forced_precision = precision
    try:
        yield
    finally:
        _forced_precision = before


def forced_precision() -> Precision | None:
    """What `use_precision` names."""
    return _forced_precision


@dataclass(frozen=True)
class KernelReport:
    """One row of what `doctor` says."""

    name: str
    runs: bool
    why: str


def kernel_report() -> list[KernelReport]:
    """For each kernel whether it would run now, and why."""
    forced = forced_kernel()
    compiled = _native_report()
    if forced:
        why = {name: f"{forced} is forced" for name in KERNELS} | {forced: "forced"}
        if forced == NATIVE:
            why[forced] = f"forced; {compiled.why}"
        able = {name: name != NATIVE or compiled.runs for name in KERNELS}
        return [KernelReport(name, name == forced and able[name], why[name]) for name in KERNELS]
    where = "where native does not (GPUs, float64, float16): " if compiled.runs else ""
    return [
        compiled,
        KernelReport("torch", True, f"{where}the fastest kernel that needs nothing but PyTorch"),
        KernelReport("reference", False, "the specification; runs while a model is compiled or exported"),
    ]


def forced_kernel() -> str | None:
    """The kernel that `use_kernel` or SWINKIT_KERNEL names. Raises ConfigError where there is none such."""
    forced = _forced or _FORCED_BY_ENVIRONMENT
    return None if forced is None else _known(forced)


def _native_report() -> KernelReport:
    found = library()
    if isinstance(found, Missing):
        return KernelReport(NATIVE, False, found.why)
    able = [target for target in found.targets if target.runs]
    tested = ", ".join(f"{target.name} ({target.dtype})" for target in able if target.tested)
    why = (
        "on the CPU: whole networks at inference (predict, evaluate, swinkit.optimize) "
        f"and attention in training; {tested}"
    )
    for target in able:
        if not target.tested:
            why += (
                f"; {target.name} ({target.dtype}) is untested on such a processor: SWINKIT_ISA={target.name}"
            )
    lacking = ", ".join(target.name for target in found.targets if not target.runs)
    return KernelReport(NATIVE, True, why + (f"; not on this processor: {lacking}" if lacking else ""))


def _chosen(name: str | None, qkv: Tensor) -> Kernel:
    # A graph that is recorded must hold for all sizes, and for every exporter: the formula does.
    if is_traced():
        return reference
    name = name or forced_kernel()
    if name is None or name == NATIVE:
        return native if native.applies_to(qkv) else portable
    return KERNELS[_known(name)]


def _known(name: str) -> str:
    if name not in KERNELS:
        raise ConfigError(
            f"there is no kernel named {name!r}",
            hint=f"kernels are {', '.join(KERNELS)}; they are set by kernel= or SWINKIT_KERNEL",
        )
    return name
