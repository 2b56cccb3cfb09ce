"""How much memory a contender takes, in a process of its own. Only Linux says.

    python -m swinkit.benchmark.memory      what to measure comes as JSON on stdin, the answer goes to stdout

The process makes the contender ready, lets the model go, and has whatever is done once for all done. The
most that a few calls then add to its resident memory is what they work in. What libraries keep from one call
to the next is counted, for the first calls are among them; torch, which frees it, is warm before.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swinkit.benchmark.results import Case, Memory

if TYPE_CHECKING:
    from swinkit.benchmark.ready import Job

_STATUS, _PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CALLS = 3


def memory_of(contender: str, case: Case, weights: Path) -> Memory | None:
    """Of a contender (a name that `contenders.builder` knows); None where the system does not tell.

    Raises RuntimeError with the last thing that the process said, should it fail.
    """
    if not _PEAK.exists():
        return None
    asked = json.dumps({"contender": contender, "case": asdict(case), "weights": str(weights)})
    done = subprocess.run(
        [sys.executable, "-m", "swinkit.benchmark.memory"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("hint:")]
        said = lines or [f"exit code {done.returncode}"]
        raise RuntimeError(f"measuring the memory of {contender} failed: {said[-1]}")
    return Memory(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    asked = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        found = _measure(asked["contender"], _case(asked["case"]), Path(asked["weights"]))
    print(json.dumps(asdict(found)))


def _measure(contender: str, case: Case, weights: Path) -> Memory:
    import torch

    from swinkit.benchmark.contenders import builder

    torch.set_num_threads(case.threads)
    build = builder(contender)
    empty = _resident("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        ready = build(_job(case, weights, Path(folder)))  # nothing here holds the model longer than it does
        ready.settle()
        _give_back()
        before = _resident("VmRSS")
        _PEAK.write_text("5")  # the peak starts anew
        for _ in range(CALLS):
            ready.call()
        most = _resident("VmHWM")
    return Memory(working=max(most - before, 0), process=max(most - empty, 0))


def _job(case: Case, weights: Path, folder: Path) -> Job:
    from swinkit.benchmark.contenders import images
    from swinkit.benchmark.ready import Job
    from swinkit.weights.load import load

    model = load(weights).eval()
    return Job(model=model, images=images(case, model.config.in_channels), case=case, folder=folder)


def _case(values: dict[str, Any]) -> Case:
    rows, columns = values.pop("image_size")
    return Case(image_size=(rows, columns), **values)


def _give_back() -> None:
    """Return to the system what is free, so that it is seen when it is taken again."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _resident(field: str) -> int:
    """Bytes of this process: `VmRSS` now, `VmHWM` at its peak."""
    lines = _STATUS.read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main()
