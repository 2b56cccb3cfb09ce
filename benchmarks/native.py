"""The native kernels against PyTorch, timm and OpenVINO, with the machine's own product rate beside them.

    python benchmarks/native.py [--model swin_tiny] [--batch 1] [--dtype float32] [--peers timm openvino]

One thread, processor time, all in turn (A B C A B C …): a machine that others use slows all alike, and what
counts is the ratio in each round. The product rate is torch.mm of 2048 × 2048 in the same type and round; the
share of it says how much of the machine a forward pass uses. Outputs of swinkit are compared first: a fast
wrong answer is no time. Memory is what a call works in, beside images, results and weights.

In int8, which PyTorch has for no Swin, native float32 and bfloat16 stand beside it, and OpenVINO's model is
one that NNCF (pip install nncf) quantised for transformers with four random images.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, Literal

import torch

import swinkit
from swinkit.models.cost import macs

TIMM = {"swin_tiny": "swin_tiny_patch4_window7_224", "swinv2_tiny": "swinv2_tiny_window8_256"}
Call = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="swin_tiny", choices=TIMM)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "int8"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="*", default=["timm"], choices=["timm", "openvino"])
    options = parser.parse_args()
    torch.set_num_threads(1)

    model = swinkit.create_model(options.model).eval()
    size = model.config.image_size
    assert size is not None
    x = torch.randn(options.batch, 3, *size)
    fast = swinkit.optimize(model, options.dtype, threads=1)
    calls: dict[str, Call] = {"product": product(options.dtype), "native": lambda: fast(x)}
    if options.dtype == "int8":
        calls |= {f"in {dtype}": native_call(model, x, dtype) for dtype in ("float32", "bfloat16")}
    else:
        calls["torch"] = in_type(model, x, options.dtype)
    for peer in options.peers:
        calls[peer] = timm_call(options, x) if peer == "timm" else openvino_call(options, x)
    with torch.inference_mode():
        compare(fast, model, x, options.dtype)
        times = measure(calls, options.rounds)
    flop = 2 * macs(model.config, size).total * options.batch
    report(times, flop)
    working, packed = fast.memory.working / 2**20, fast.memory.packed / 2**20
    print(f"kernels {fast.target}, working memory {working:.1f} MiB, packed weights {packed:.0f} MiB")


def product(dtype: str) -> Call:
    if dtype == "int8":
        whole = [torch.randint(-127, 128, (2048, 2048), dtype=torch.int8) for _ in range(2)]
        return lambda: torch._int_mm(*whole)
    a, b = (torch.randn(2048, 2048).to(getattr(torch, dtype)) for _ in range(2))
    return lambda: torch.mm(a, b)


def native_call(model: swinkit.Swin, x: torch.Tensor, dtype: Literal["float32", "bfloat16"]) -> Call:
    fast = swinkit.optimize(model, dtype, threads=1)
    return lambda: fast(x)


def in_type(net: torch.nn.Module, x: torch.Tensor, dtype: str) -> Call:
    def call() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            return net(x)

    return call


def timm_call(options: argparse.Namespace, x: torch.Tensor) -> Call:
    from swinkit.data.vision import load_torchvision

    load_torchvision()
    import timm

    return in_type(timm.create_model(TIMM[options.model]).eval(), x, options.dtype)


def openvino_call(options: argparse.Namespace, x: torch.Tensor) -> Call:
    import openvino

    from swinkit.data.vision import load_torchvision

    load_torchvision()
    import timm

    net = timm.create_model(TIMM[options.model]).eval()
    with torch.no_grad():
        graph = openvino.convert_model(net, example_input=x)
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    if options.dtype == "int8":
        graph = quantised(graph, x)
    else:
        settings["INFERENCE_PRECISION_HINT"] = "bf16" if options.dtype == "bfloat16" else "f32"
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    pixels = x.numpy()
    return lambda: request.infer([pixels], share_inputs=True)


def quantised(graph: Any, x: torch.Tensor) -> Any:
    import nncf

    images = nncf.Dataset([torch.randn(x.shape).numpy() for _ in range(4)])
    return nncf.quantize(graph, images, subset_size=4, model_type=nncf.ModelType.TRANSFORMER)


def compare(fast: torch.nn.Module, model: torch.nn.Module, x: torch.Tensor, dtype: str) -> None:
    right, actual = model(x), fast(x)
    off = float((actual - right).abs().max() / right.abs().max())
    allowed = {"float32": 1e-5, "bfloat16": 5e-2, "int8": 0.1}[dtype]
    if not off <= allowed:
        raise SystemExit(f"the native kernels are off by {off:.1e} of the largest logit: no figures")


def measure(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time of each call in each round, over all threads of the process."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return times


def report(times: dict[str, list[float]], flop: int) -> None:
    native, rate = times["native"], [2 * 2048**3 / seconds for seconds in times["product"]]
    print(f"load average {os.getloadavg()[0]:.0f}, product {max(rate) / 1e9:.0f} G a second at best")
    for name, seconds in times.items():
        if name == "product":
            continue
        ratio = statistics.median(one / ours for one, ours in zip(seconds, native, strict=True))
        share = statistics.median(flop / one / r for one, r in zip(seconds, rate, strict=True))
        best, median = min(seconds) * 1000, statistics.median(seconds) * 1000
        print(
            f"{name:11s} best {best:7.1f} ms, median {median:7.1f} ms, "
            f"{ratio:.2f} of native's time, {share:.0%} of the product rate"
        )


if __name__ == "__main__":
    main()
