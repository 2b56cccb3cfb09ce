"""Claims of the paper, on this machine: what windows save, and what shifting them cyclically saves.

    python benchmarks/claims.py [--threads 1] [--rounds 7]

1. Attention within windows grows with the area of the image, attention of every token with every other with
   its square: one layer of Swin-T's first stage, stopped at 60 seconds or 8 GB.
2. A pair of plain and shifted windows against a sliding window around every token, and the cyclic shift
   against padding, on the maps of Swin-T at 224 (Liu et al. 2021, table 5).

All take turns (`swinkit.benchmark.timing`); what to read is the ratio.
"""

from __future__ import annotations

import argparse

import torch
from sliding import padded_window_attention, sliding_window_attention
from torch import Tensor

from swinkit.benchmark.timing import Turn, in_turn, ratio, spread
from swinkit.drawings.measure import compare_attention
from swinkit.drawings.svg import quantity
from swinkit.kernels import window_attention
from swinkit.models import SIZES
from swinkit.windows import POLICIES, window_plan

SECONDS, BYTES = 60.0, 8_000_000_000
WINDOW, SHIFT = 7, 3
CONFIG = SIZES["swin_tiny_patch4_window7_224"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the first claim")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    growth(options.seconds)
    print()
    names = ("map, channels", "plain + shifted", "2 sliding", "times", "cyclic", "padded", "times")
    print(f"| {' | '.join(names)} |")
    print("|" + "---|" * 7)
    for stage in range(len(CONFIG.depths)):
        print(stage_row(stage, options.rounds), flush=True)


def growth(seconds: float) -> None:
    found = compare_attention(CONFIG, seconds=seconds, most_bytes=BYTES)
    print("| image | windows | all tokens | memory, windows | memory, all tokens |")
    print("|" + "---|" * 5)
    for windows, everything in zip(found.windows, found.everything, strict=True):
        pair = (windows, everything)
        cells = [_cell(one.seconds, "s", one.skipped) for one in pair]
        cells += [_cell(one.bytes, "B", one.skipped) for one in pair]
        print(f"| {windows.pixels}² | " + " | ".join(cells) + " |")


def _cell(value: float | None, unit: str, skipped: str) -> str:
    return skipped if value is None else quantity(value, unit)


def stage_row(stage: int, rounds: int) -> str:
    """The attention of one stage, projections left out: they are the same for all."""
    assert CONFIG.image_size is not None
    side, heads = CONFIG.map_size(CONFIG.image_size, stage)[0], CONFIG.num_heads[stage]
    qkv = torch.randn(1, side, side, 3 * CONFIG.channels[stage])
    calls = {
        "pair": lambda: (windows(qkv, heads, 0), windows(qkv, heads, SHIFT)),
        "sliding": lambda: [sliding_window_attention(qkv, heads, WINDOW) for _ in range(2)],
        "cyclic": lambda: windows(qkv, heads, SHIFT),
        "padded": lambda: padded_window_attention(qkv, heads, WINDOW, SHIFT),
    }
    with torch.inference_mode():
        turns = in_turn(calls, dtype="float32", rounds=rounds)
    pair, sliding, cyclic, padded = turns.values()
    cells = [f"{side}², {CONFIG.channels[stage]}"]
    cells += [_time(pair), _time(sliding), f"{ratio(sliding, pair):.1f}"]
    cells += [_time(cyclic), _time(padded), f"{ratio(padded, cyclic):.1f}"]
    return f"| {' | '.join(cells)} |"


def windows(qkv: Tensor, heads: int, shift: int) -> Tensor:
    """As swinkit computes it through torch."""
    plan = window_plan(
        *qkv.shape[1:3], window=(WINDOW, WINDOW), shifted=shift > 0, policy=POLICIES["dense"]
    )  # dense shifts a map that is one window too
    channels = qkv.shape[-1] // 3
    bias = torch.zeros(heads, 2 * WINDOW - 1, 2 * WINDOW - 1)
    return window_attention(qkv, torch.zeros(3 * channels), bias, plan, (channels // heads) ** -0.5)


def _time(turns: list[Turn]) -> str:
    return quantity(spread(turns, "wall").p50, "s")


if __name__ == "__main__":
    main()
