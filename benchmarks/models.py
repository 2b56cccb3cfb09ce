"""Swin-T and SwinV2-T of swinkit, timm, torchvision and transformers: time and peak memory on this CPU.

    python benchmarks/models.py [--batch 8] [--threads 2] [--rounds 7] [--models swin_tiny swinv2_tiny]

All implementations run in one process, in turn (A B C A B C …), so that a change of the machine's speed
meets all alike; the figure to read is the ratio to timm, eager, of the medians. Peak memory is what a fresh
process adds to its resident size during one call, over the model and its input. Rivals run as they come:
scaled_dot_product_attention where they use it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

MODES = ("forward fp32", "forward bf16", "training fp32", "training bf16")
PEERS = ("swinkit", "timm", "torchvision", "transformers")


def build(peer: str, model: str) -> torch.nn.Module:
    """A Swin-T (`swin_tiny`) or SwinV2-T window 8 (`swinv2_tiny`) with fresh weights."""
    if peer == "swinkit":
        import swinkit

        return swinkit.create_model(model)
    if peer == "timm":
        _load_torchvision()
        import timm

        names = {"swin_tiny": "swin_tiny_patch4_window7_224", "swinv2_tiny": "swinv2_tiny_window8_256"}
        return timm.create_model(names[model], drop_path_rate=0.0)
    if peer == "torchvision":
        _load_torchvision()
        from torchvision.models import swin_transformer as tv

        shape = {"patch_size": [4, 4], "embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24]}
        if model == "swin_tiny":
            return tv.SwinTransformer(**shape, window_size=[7, 7], stochastic_depth_prob=0.0)
        v2 = {"block": tv.SwinTransformerBlockV2, "downsample_layer": tv.PatchMergingV2}
        return tv.SwinTransformer(**shape, **v2, window_size=[8, 8], stochastic_depth_prob=0.0)
    _load_torchvision()
    import transformers

    if model == "swin_tiny":
        config = transformers.SwinConfig(drop_path_rate=0.0, num_labels=1000)
        return transformers.SwinForImageClassification(config)
    config = transformers.Swinv2Config(drop_path_rate=0.0, num_labels=1000, window_size=8, image_size=256)
    return transformers.Swinv2ForImageClassification(config)


def call(net: torch.nn.Module, x: torch.Tensor, mode: str) -> Callable[[], None]:
    """One forward pass, or one training step with AdamW."""
    bf16 = mode.endswith("bf16")

    def logits() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = net(x)
        return out if isinstance(out, torch.Tensor) else out.logits

    if mode.startswith("forward"):
        net.eval()

        def forward() -> None:
            with torch.inference_mode():
                logits()

        return forward

    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        logits().float().logsumexp(-1).sum().backward()
        optimiser.step()

    return step


def image(model: str, batch: int) -> torch.Tensor:
    side = 224 if model == "swin_tiny" else 256
    return torch.randn(batch, 3, side, side)


def measure_times(model: str, mode: str, batch: int, rounds: int) -> dict[str, list[float]]:
    x = image(model, batch)
    calls = {peer: call(build(peer, model), x, mode) for peer in PEERS}
    for one in calls.values():
        one()
        one()
    times: dict[str, list[float]] = {peer: [] for peer in calls}
    for _ in range(rounds):
        for peer, one in calls.items():
            start = time.perf_counter()
            one()
            times[peer].append(time.perf_counter() - start)
    return times


def peak_memory(peer: str, model: str, mode: str, batch: int, threads: int) -> float:
    """MiB that a fresh process adds for one call."""
    arguments = ["--peak", peer, mode, "--models", model, "--batch", str(batch), "--threads", str(threads)]
    printed = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True
    ).stdout
    return json.loads(printed.splitlines()[-1])


def print_peak(peer: str, mode: str, model: str, batch: int) -> None:
    one = call(build(peer, model), image(model, batch), mode)
    call(build(peer, model), image(model, 1), mode)()  # libraries take memory of their own at the first call
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (Linux)
    before = resident("VmRSS")
    one()
    print(json.dumps(resident("VmHWM") - before))


def resident(field: str) -> float:
    """MiB of this process: `VmRSS` now, `VmHWM` at its peak (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["swin_tiny", "swinv2_tiny"])
    parser.add_argument("--modes", nargs="+", default=MODES)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--peak", nargs=2, metavar=("PEER", "MODE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak:
        print_peak(options.peak[0], options.peak[1], options.models[0], options.batch)
        return
    print(f"{_processor()}, {options.threads} threads, torch {torch.__version__}, batch {options.batch}\n")
    print("| model, mode | " + " | ".join(f"{peer} ms (ratio to timm)" for peer in PEERS) + " | peak MiB |")
    print("|" + "---|" * (len(PEERS) + 2))
    for model in options.models:
        for mode in options.modes:
            times = measure_times(model, mode, options.batch, options.rounds)
            medians = {peer: statistics.median(values) * 1000 for peer, values in times.items()}
            cells = [f"{ms:.0f} ({ms / medians['timm']:.2f})" for ms in medians.values()]
            memory = (
                ""
                if options.no_memory
                else ", ".join(
                    f"{peer} {peak_memory(peer, model, mode, options.batch, options.threads):.0f}"
                    for peer in PEERS
                )
            )
            print(f"| {model}, {mode} | " + " | ".join(cells) + f" | {memory} |", flush=True)


def _load_torchvision() -> None:
    from swinkit.data.vision import load_torchvision

    load_torchvision()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
