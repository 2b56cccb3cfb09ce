"""A quick proof that this machine computes window attention right: its kernel against the formula in fp64."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Of the largest entry, fp32 against fp64. v2 normalises q and k and multiplies their product by up to 100.
TOLERANCE = {1: 1e-5, 2: 1e-4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far one device is from the formula."""

    device: str
    version: int
    """Of Swin: 1 is dot product, 2 cosine attention."""
    error: float
    """Largest difference, as a part of the largest entry; NaN where the device gave no numbers."""
    tolerance: float
    seconds: float

    @property
    def agrees(self) -> bool:
        return self.error <= self.tolerance


def check_parity(devices: Sequence[str]) -> tuple[Parity, ...]:
    """Shifted windows on a padded map, v1 and v2, on each device, by the kernel that would run there."""
    return tuple(_proof(device, version) for device in devices for version in (1, 2))


def _proof(device: str, version: int) -> Parity:
    import torch

    start = time.perf_counter()
    with torch.no_grad():
        expected = _attention(torch.device("cpu"), torch.float64, version, kernel="reference")
        actual = _attention(torch.device(device), torch.float32, version, kernel=None).double().cpu()
    error = float((actual - expected).abs().max() / expected.abs().max())
    return Parity(
        device=device,
        version=version,
        error=error,
        tolerance=TOLERANCE[version],
        seconds=time.perf_counter() - start,
    )


def _attention(device: torch.device, dtype: torch.dtype, version: int, kernel: str | None) -> Tensor:
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
