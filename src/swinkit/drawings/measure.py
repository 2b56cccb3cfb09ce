"""What attention costs on this machine: time and memory of one layer, in windows and over the whole map."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from swinkit.models import SwinConfig
from swinkit.models.attention import CosineAttention, DotProductAttention
from swinkit.models.cost import global_attention_macs, window_attention_macs
from swinkit.profiling import on_threads, profiled
from swinkit.windows import POLICIES, Pair, WindowPlan, window_plan

WINDOWS_PER_SIDE = (1, 2, 4, 6, 8, 10, 12, 16, 24, 32)
SECONDS = 3.0
"""No size is begun that would take the whole measurement past this."""
BYTES = 1_500_000_000
"""No size is measured that would need more than this at once."""

_FIRST_GUESS = 1 / 5e9
"""Seconds per multiply-add of a slow core, until one is measured."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One kind of attention at one size. Seconds and bytes are None where it was not measured."""

    side: int
    """Tokens on each axis of the square map."""
    pixels: int
    """Side of the image whose first stage has that map."""
    macs: int
    seconds: float | None = None
    bytes: int | None = None
    """Most that was in memory at once: activations, and the position bias that is kept between calls."""
    skipped: str = ""
    """Why it was not measured."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The first stage's attention at growing sizes."""

    channels: int
    heads: int
    window: Pair
    windows: tuple[Cost, ...]
    everything: tuple[Cost, ...]
    """Global attention: one window as large as the map."""


def compare_attention(config: SwinConfig, *, seconds: float = SECONDS, most_bytes: int = BYTES) -> Comparison:
    """Run one attention layer of the first stage on random maps, in windows and globally, on one thread."""
    window, patch = config.window[0], config.patch_size
    step = window[0] * window[1] if window[0] != window[1] else window[0]
    sides = [count * step for count in WINDOWS_PER_SIDE]
    with on_threads(1):  # several would wait for each other on a busy machine
        _start_profiler()
        in_windows, everywhere = (
            _measure_in_order(
                [_Case(config, side, patch[0], one or (side, side)) for side in sides],
                time.perf_counter() + share * seconds,
                most_bytes,
            )
            for one, share in ((window, 0.3), (None, 0.7))
        )
    return Comparison(
        channels=config.embed_dim,
        heads=config.num_heads[0],
        window=window,
        windows=in_windows,
        everything=everywhere,
    )


@dataclass(frozen=True)
class _Case:
    config: SwinConfig
    side: int
    patch: int
    window: Pair

    @property
    def is_global(self) -> bool:
        return self.window == (self.side, self.side)

    @property
    def macs(self) -> int:
        if self.is_global:
            return global_attention_macs(self.side, self.side, self.config.embed_dim)
        return window_attention_macs(self.side, self.side, self.config.embed_dim, self.window)

    @property
    def bytes_expected(self) -> int:
        """Rows of q, k, v and results, and the bias of a window while it is looked up."""
        rows = self.side**2 * self.config.embed_dim * 4 * 10
        tokens = self.window[0] * self.window[1]
        return rows + tokens**2 * (self.config.num_heads[0] * 4 * 2 + 16)

    def cost(self, seconds: float | None = None, peak: int | None = None, skipped: str = "") -> Cost:
        pixels = self.side * self.patch
        return Cost(
            side=self.side, pixels=pixels, macs=self.macs, seconds=seconds, bytes=peak, skipped=skipped
        )

    def layer(self) -> nn.Module:
        dim, heads = self.config.embed_dim, self.config.num_heads[0]
        if self.config.version == 1:
            return DotProductAttention(dim, heads, self.window, qkv_bias=self.config.qkv_bias).eval()
        return CosineAttention(dim, heads, pretrained_window=None, qkv_bias=self.config.qkv_bias).eval()

    def plan(self) -> WindowPlan:
        policy = POLICIES["microsoft"]
        return window_plan(self.side, self.side, window=self.window, shifted=False, policy=policy)


def _measure_in_order(cases: list[_Case], deadline: float, most_bytes: int) -> tuple[Cost, ...]:
    """Each case, smallest first; once one is too large, so are all that follow."""
    costs: list[Cost] = []
    rate = _FIRST_GUESS
    skipped = ""
    for case in cases:
        expected_end = time.perf_counter() + 4 * rate * case.macs  # two profiled calls and a timed one
        if not skipped and case.bytes_expected > most_bytes:
            skipped = f"would need more than {most_bytes / 1e9:g} GB"
        elif not skipped and expected_end > deadline:
            skipped = "would take too long"
        if skipped:
            costs.append(case.cost(skipped=skipped))
            continue
        seconds, peak = _measure(case.layer(), case.plan(), case.config.embed_dim)
        if case.macs > 1e8:  # below, most of the time goes elsewhere
            rate = seconds / case.macs
        costs.append(case.cost(seconds, peak))
    return tuple(costs)


def _measure(layer: nn.Module, plan: WindowPlan, channels: int) -> tuple[float, int]:
    """Seconds of the fastest of a few calls, and the most bytes at once."""
    x = torch.randn(1, *plan.map, channels)
    with torch.inference_mode():
        kept, _ = _memory_of(layer, x, plan)  # what the first call leaves behind is needed later too
        _, peak = _memory_of(layer, x, plan)
        times: list[float] = []
        until = time.perf_counter() + 0.05
        while not times or (time.perf_counter() < until and len(times) < 20):
            start = time.perf_counter()
            layer(x, plan)
            times.append(time.perf_counter() - start)
    return min(times), max(kept, 0) + peak


def _memory_of(layer: nn.Module, x: Tensor, plan: WindowPlan) -> tuple[int, int]:
    """Bytes that one call leaves allocated, and the most that it had allocated at once."""
    with profiled(memory=True) as profiler:
        layer(x, plan)
    live = peak = 0
    for event in sorted(profiler.events(), key=lambda event: event.time_range.end):
        live += event.self_cpu_memory_usage
        peak = max(peak, live)
    return live, peak


def _start_profiler() -> None:
    """Its first start takes seconds, which belong to no measurement."""
    with profiled(memory=True):
        torch.zeros(1)
