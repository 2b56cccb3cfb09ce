"""Which kernel runs a call, and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from swinkit.errors import ConfigError
from swinkit.kernels import portable, reference
from swinkit.kernels.contract import Kernel, check_call
from swinkit.kernels.library import Missing, library
from swinkit.kernels.memory import is_traced
from swinkit.windows import WindowPlan

KERNELS: dict[str, Kernel] = {"torch": portable, "reference": reference}
"""Of one call of attention, in order of preference."""
WHOLE_NETWORKS = "native"
"""The compiled kernels, which compute whole networks (swinkit.optimize) and no single call of attention."""

Precision = Literal["fp32", "bf16", "int8"]
"""Of the products of answers; int8 is approximate."""

_FORCED_BY_ENVIRONMENT = os.environ.get("SWINKIT_KERNEL") or None
_forced: str | None = None
_forced_precision: Precision | None = None


def window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: float, *, kernel: str | None = None
) -> Tensor:
    """Window attention of Swin v1 (Liu et al. 2021, eq. 4); shapes in contract.py.

    kernel: a name from `KERNELS`; by default the fastest that applies.
    Raises ShapeError where the arguments do not fit, ConfigError for an unknown kernel.
    """
    check_call(qkv, pad, bias, plan)
    return _chosen(kernel).window_attention(qkv, pad, bias, plan, scale)


def cosine_window_attention(
    qkv: Tensor, pad: Tensor, bias: Tensor, plan: WindowPlan, scale: Tensor, *, kernel: str | None = None
) -> Tensor:
    """Scaled cosine window attention of Swin v2 (Liu et al. 2022, eq. 2); shapes in contract.py."""
    check_call(qkv, pad, bias, plan)
    return _chosen(kernel).cosine_window_attention(qkv, pad, bias, plan, scale)


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
    native = _native_report()
    if forced:
        rows = [WHOLE_NETWORKS, *KERNELS]
        why = {name: f"{forced} is forced" for name in rows} | {forced: "forced"}
        if forced == WHOLE_NETWORKS:
            why[forced] = f"forced; {native.why}"
        able = {name: name != WHOLE_NETWORKS or native.runs for name in rows}
        return [KernelReport(name, name == forced and able[name], why[name]) for name in rows]
    return [
        native,
        KernelReport("torch", True, "fastest kernel that needs nothing but PyTorch"),
        KernelReport("reference", False, "the specification; runs while a model is compiled or exported"),
    ]


def forced_kernel() -> str | None:
    """The kernel that `use_kernel` or SWINKIT_KERNEL names. Raises ConfigError where there is none such."""
    forced = _forced or _FORCED_BY_ENVIRONMENT
    return None if forced is None else _known(forced)


def _native_report() -> KernelReport:
    found = library()
    if isinstance(found, Missing):
        return KernelReport(WHOLE_NETWORKS, False, found.why)
    able = [target for target in found.targets if target.runs]
    tested = ", ".join(f"{target.name} ({target.dtype})" for target in able if target.tested)
    why = f"whole networks at inference on the CPU: predict, evaluate, swinkit.optimize; {tested}"
    for target in able:
        if not target.tested:
            why += (
                f"; {target.name} ({target.dtype}) is untested on such a processor: SWINKIT_ISA={target.name}"
            )
    lacking = ", ".join(target.name for target in found.targets if not target.runs)
    return KernelReport(
        WHOLE_NETWORKS, True, why + (f"; not on this processor: {lacking}" if lacking else "")
    )


def _chosen(name: str | None) -> Kernel:
    # A graph that is recorded must hold for all sizes, and for every exporter: the formula does.
    if is_traced():
        return reference
    name = name or forced_kernel()
    return portable if name is None or name == WHOLE_NETWORKS else KERNELS[_known(name)]


def _known(name: str) -> str:
    names = [WHOLE_NETWORKS, *KERNELS]
    if name not in names:
        raise ConfigError(
            f"there is no kernel named {name!r}",
            hint=f"kernels are {', '.join(names)}; they are set by kernel= or SWINKIT_KERNEL",
        )
    return name
