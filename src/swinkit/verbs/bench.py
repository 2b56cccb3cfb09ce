"""How fast does a Swin run here, beside other kernels, other implementations, other architectures?"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from swinkit.benchmark.results import Benchmark, Row
from swinkit.errors import ConfigError, KernelRefused, RunError

if TYPE_CHECKING:
    from swinkit.benchmark.comparison import Found
    from swinkit.benchmark.results import Machine
    from swinkit.benchmark.wishes import Wishes
    from swinkit.models import Swin
    from swinkit.windows import Pair

__all__ = ["Benchmark", "Row", "bench"]

_VERSIONS = (
    *("swinkit", "torch", "timm", "torchvision", "transformers"),
    *("onnxruntime", "openvino", "nncf"),
)


def bench(
    model: str | Path | Sequence[str | Path] = ("swin_tiny",),
    *,
    image_size: int | Pair | Sequence[int | Pair] | None = None,
    batch: int | Sequence[int] | None = None,
    dtype: str | Sequence[str] | None = None,
    threads: int | Sequence[int] | None = None,
    kernel: str | Sequence[str] | None = None,
    peers: str | Sequence[str] | None = None,
    vs: str | Sequence[str] | None = None,
    rounds: int = 7,
    out: str | Path | None = None,
) -> Benchmark:
    """Measure inference on the CPU: latency, throughput, memory, and how much of the machine is used.

    Everyone in a case (a model, an image size, a batch, a dtype, a number of threads) is timed in turn, round
    by round, with the machine's own product rate sampled in between: what others do on the machine slows all
    alike. Outputs are compared first, and who answers something else is left out.

    Args:
        model: One or several sizes (with random weights), runs or weights files.
        image_size: One side or (height, width), or a list of several; by default the model's own.
        batch: Images that go through the model at once; by default 1.
        dtype: float32 (the default), bfloat16, int8, or several.
        threads: By default as many as torch takes.
        kernel: Of swinkit: native, torch, reference; by default the first two. Others are compared with
            the first.
        peers: Other implementations of the same function: timm, torchvision, transformers, compile,
            onnxruntime, openvino. Those that are not installed are left out, and said.
        vs: Other architectures, by torchvision's and timm's names.
        rounds: Turns that each gets.
        out: Folder for bench.json and bench.html, which are written anew after each case; by default the
            first free runs/bench-1, bench-2, …

    Raises:
        ConfigError: a name or number that there is not.
        KernelRefused: nothing of what was asked for can run here.
        RunError: `out` holds something already.
    """
    import torch

    from swinkit.benchmark.wishes import settled

    wishes = settled(
        model=model,
        image_size=image_size,
        batch=batch,
        dtype=dtype,
        threads=threads,
        kernel=kernel,
        peers=peers,
        vs=vs,
        rounds=rounds,
        usual_threads=torch.get_num_threads(),
    )
    folder = _folder(out)
    result = Benchmark(
        machine=_machine(),
        rows=(),
        rates=(),
        left_out=wishes.left_out,
        rounds=wishes.rounds,
        folder=folder,
    )
    try:
        for found in _measured(wishes):
            result = result.with_case(found.rows, found.rate, found.left_out)
            if result.rows:
                _write(result)  # whatever comes later, this much is kept
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(result)) from None
    if not result.rows:
        raise KernelRefused(
            "nothing of what was asked for can run here: "
            + "; ".join(f"{one.name}: {one.why}" for one in result.left_out),
            hint="`swinkit doctor` says what this machine has",
        )
    return result


def _folder(out: str | Path | None) -> Path:
    """Where to write, which is not made yet. What was measured before is never replaced."""
    from swinkit.engine.run import new_run

    if out is None:
        return new_run(None, name="bench").folder
    folder = Path(out)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        held = "holds a benchmark" if (folder / "bench.json").is_file() else "exists and is not empty"
        raise RunError(
            f"{folder} {held}, so nothing is written into it",
            hint="choose another folder with --out, or leave it out: the first free runs/bench-N is taken",
        )
    return folder


def _kept(result: Benchmark) -> str:
    """What an interruption leaves, in words; empty for nothing."""
    cases = len(result.cases())
    kept = "1 measured case is" if cases == 1 else f"{cases} measured cases are"
    return f"stopped; {kept} in {result.folder}" if cases else ""


def _measured(wishes: Wishes) -> Iterator[Found]:
    """What each case gave, as it comes."""
    from swinkit.benchmark.comparison import compare
    from swinkit.weights import save

    with TemporaryDirectory(prefix="swinkit-bench-") as temporary:
        for number, name in enumerate(wishes.models):
            model = _opened(name)
            weights = save(model, Path(temporary) / f"{number}.safetensors")
            cases = list(wishes.cases(name, model.config.image_size or (224, 224)))
            for place, case in enumerate(cases):
                done, every = number * len(cases) + place, len(wishes.models) * len(cases)
                _say(f"{case} ({done + 1} of {every})" if every > 1 else str(case))
                yield compare(case, model, weights, wishes.contenders, rounds=wishes.rounds, say=_say)


def _opened(name: str) -> Swin:
    """A named size with random weights, or what a run or weights file holds. ConfigError without a head."""
    from swinkit.benchmark.weights import lively
    from swinkit.models import ALIASES, SIZES
    from swinkit.weights import load

    if name in SIZES or name in ALIASES:
        return lively(name)
    if not Path(name).exists() and "." not in name and ":" not in name:
        lively(name)  # raises, with the nearest names
    model = load(name).eval()
    if not model.config.classes:
        raise ConfigError(f"the model in {name} has no classes, so there are no answers to compare")
    return model


def _machine() -> Machine:
    from swinkit.benchmark.results import Machine
    from swinkit.verbs.machine import processor

    here = processor()
    return Machine(
        processor=here.name,
        cores=here.cores,
        instruction_sets=here.instruction_sets,
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        versions={name: found for name in _VERSIONS if (found := _version(name))},
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(result: Benchmark) -> None:
    from swinkit.data import write_atomically
    from swinkit.report.bench_page import write_bench_page

    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False)
    write_atomically(result.folder / "bench.json", text + "\n")
    write_bench_page(result)
