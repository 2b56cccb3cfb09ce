"""A quick proof that this machine computes right: attention against the formula, and the compiled kernels,
which compute whole networks, against PyTorch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from swinkit.models import Swin

# Of the largest entry, fp32 against fp64. v2 normalises q and k and multiplies their product by up to 100.
TOLERANCE = {1: 1e-5, 2: 1e-4}
NETWORK_TOLERANCE = {"float32": 1e-5, "bfloat16": 5e-2, "int8": 0.1}
"""Of the largest entry of the last map, by the type of the products: sums in another order; factors of 8 bits
and an exponent, and of 8 bits alone, which came to 0.014 and 0.029."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far one way of computing is from what it should give.

    what: "attention", one call against the formula in double precision; "network", a whole small model
    against the same one by PyTorch in single precision.
    """

    what: str
    device: str
    kernel: str
    dtype: str
    """Of the products."""
    version: int
    """Of Swin: 1 is dot product, 2 cosine attention."""
    error: float
    """Largest difference, as a part of the largest entry; NaN where the device gave no numbers."""
    tolerance: float
    seconds: float

    @property
    def computed(self) -> str:
        """What was computed, in words."""
        if self.what == "attention":
            return f"attention of v{self.version} on {self.device} by {self.kernel}"
        return f"a network of v{self.version} by {self.kernel} ({self.dtype})"

    @property
    def agrees(self) -> bool:
        return self.error <= self.tolerance


def check_parity(devices: Sequence[str]) -> tuple[Parity, ...]:
    """Shifted windows on a padded map, v1 and v2: on each device, by the kernels that would run there, and by
    the compiled kernels for every type of product that this processor has."""
    attention = (
        _of_attention(device, version, kernel)
        for device in devices
        for kernel in _kernels_on(device)
        for version in (1, 2)
    )
    networks = (_of_network(dtype, version) for dtype in _native_dtypes() for version in (1, 2))
    return (*attention, *networks)


def _kernels_on(device: str) -> list[str]:
    """Kernels of a call of attention that would run on a device."""
    from swinkit.kernels import NATIVE, kernel_report

    running = [kernel.name for kernel in kernel_report() if kernel.runs]
    return [name for name in running if name != NATIVE or device == "cpu"]


def _of_attention(device: str, version: int, kernel: str) -> Parity:
    import torch

    start = time.perf_counter()
    with torch.no_grad():
        expected = _attention(torch.device("cpu"), torch.float64, version, kernel="reference")
        actual = _attention(torch.device(device), torch.float32, version, kernel=kernel)
    return Parity(
        what="attention",
        device=device,
        kernel=kernel,
        dtype="float32",
        version=version,
        error=_error(actual, expected),
        tolerance=TOLERANCE[version],
        seconds=time.perf_counter() - start,
    )


def _of_network(dtype: str, version: int) -> Parity:
    import torch

    from swinkit.kernels import use_kernel
    from swinkit.kernels.library import chosen_target
    from swinkit.native import OptimizedSwin

    start = time.perf_counter()
    model = _network(version)
    images = torch.randn(2, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        with use_kernel("torch"):
            expected = model.encode(images)
        actual = OptimizedSwin(model, dtype, None).encode(images)
    return Parity(
        what="network",
        device="cpu",
        kernel=f"native, {chosen_target(dtype).name}",
        dtype=dtype,
        version=version,
        error=_error(actual, expected),
        tolerance=NETWORK_TOLERANCE[dtype],
        seconds=time.perf_counter() - start,
    )


def _native_dtypes() -> Iterator[str]:
    """Types of product that the compiled kernels have here, none where there are no such kernels."""
    from swinkit.errors import KernelRefused
    from swinkit.kernels.library import chosen_target

    for dtype in NETWORK_TOLERANCE:
        try:
            chosen_target(dtype)
        except KernelRefused:  # `kernels` of the doctor says why
            continue
        yield dtype


def _network(version: int) -> Swin:
    """A small model with made-up weights, in which windows are padded and shifted. As small as it is, its
    weights are drawn as wide as trained ones, so that attention is not even."""
    import torch

    from swinkit.models import create_model

    model = create_model("swin_pico", classes=10, version=version).eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2, generator=random)
    return model


def _error(actual: Tensor, expected: Tensor) -> float:
    wanted = expected.double().cpu()
    return float((actual.double().cpu() - wanted).abs().max() / wanted.abs().max())


def _attention(device: torch.device, dtype: torch.dtype, version: int, kernel: str) -> Tensor:
    """One call with the same made-up values everywhere. (B, H, W, C)"""
    import torch

    from swinkit.kernels import cosine_window_attention, window_attention
    from swinkit.windows import POLICIES, window_plan

    heads, channels, window = 3, 96, (7, 7)
    plan = window_plan(15, 24, window=window, shifted=True, policy=POLICIES["dense"])
    random = torch.Generator().manual_seed(0)

    def values(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float32).to(device, dtype)

    qkv = values(2, 15, 24, 3 * channels)
    pad, bias = values(3 * channels), values(heads, 2 * window[0] - 1, 2 * window[1] - 1)
    if version == 1:
        return window_attention(qkv, pad, bias, plan, (channels // heads) ** -0.5, kernel=kernel)
    scale = torch.tensor([1.0, 10.0, 100.0], dtype=dtype, device=device)
    return cosine_window_attention(qkv, pad, bias, plan, scale, kernel=kernel)
