"""The native kernels in full: every target over the whole matrix, under sanitizers, and for a long time."""

import copy
import functools
import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import swinkit
from swinkit.kernels import use_kernel
from swinkit.native import optimize
from swinkit.windows import POLICIES
from tests.models.builders import scrambled, small_swin
from tests.native.rounding import in_int8
from tests.native.targets import able_targets, every_target, forced, needs_library
from tests.tolerances import assert_close

pytestmark = [pytest.mark.soak, *needs_library]

CSRC = Path(__file__).parents[2] / "csrc"
SIZES = [(224, 224), (256, 256), (97, 150), (31, 33), (5, 9), (64, 16), (200, 333)]
WINDOWS = [4, 7, 8, 12, 16, 24, (3, 5), (8, 2)]
MASKED = replace(POLICIES["dense"], name="dense, padding masked", padding="masked")
# Of the largest value. A small network with large weights amplifies rounding; PyTorch's own is the measure,
# and for int8 what the formula of its rounding loses.
ROUNDING = {"float32": 3e-6, "bfloat16": 1e-2, "int8": 1e-2}
TIMES_USUAL = {"float32": 4, "bfloat16": 2, "int8": 2}


@pytest.mark.parametrize(("dtype", "target"), every_target())
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("policy", [*POLICIES.values(), MASKED], ids=lambda policy: policy.name)
def test_every_target_agrees_everywhere(policy, window, version, dtype, target, monkeypatch):
    forced(monkeypatch, target)
    model, known = small(version, window, policy)
    for one in known:
        agrees(model, one, dtype)


@pytest.mark.parametrize(("dtype", "target"), every_target())
@pytest.mark.parametrize(
    ("name", "size"),
    [
        *itertools.product(["swin_tiny", "swinv2_tiny"], [(224, 224), (800, 1333)]),
        ("swin_base_w12", (384, 384)),
        ("swinv2_base_w12to24", (384, 384)),
    ],
    ids=str,
)
def test_published_architectures_agree(name, size, dtype, target, monkeypatch):
    forced(monkeypatch, target)
    agrees(*published(name, size), dtype)


@dataclass(frozen=True)
class Known:
    """right: what the model says of x in double precision. usual: how far PyTorch's own comes, by dtype."""

    x: torch.Tensor
    right: torch.Tensor
    usual: dict[str, float]


# The targets of one model follow each other: what is known of it is computed for the first of them.
@functools.lru_cache(maxsize=1)
def small(version, window, policy):
    model = small_swin(version, window=window, policy=policy)
    every = [known(model, size) for size in SIZES]
    # What narrow types lose on one picture is chance: the measure is the picture on which most is lost.
    most = {dtype: max(one.usual[dtype] for one in every) for dtype in ("bfloat16", "int8")}
    return model, [replace(one, usual=one.usual | most) for one in every]


@functools.lru_cache(maxsize=1)
def published(name, size):
    model = scrambled(swinkit.create_model(name))
    return model, known(model, size)


@torch.inference_mode()
def known(model, size):
    x = torch.randn(1, 3, *size)
    with use_kernel("torch"):
        right = copy.deepcopy(model).double()(x.double())
        said = {"float32": model(x), "int8": in_int8(model, x)}
        with torch.autocast("cpu", torch.bfloat16):
            said["bfloat16"] = model(x).float()
    usual = {dtype: float((each - right).abs().max() / right.abs().max()) for dtype, each in said.items()}
    return Known(x, right, usual)


@torch.inference_mode()
def agrees(model, known, dtype):
    actual = optimize(model, dtype)(known.x)
    assert_close(actual, known.right, max(ROUNDING[dtype], TIMES_USUAL[dtype] * known.usual[dtype]))


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(sanitizer, tmp_path):
    build = the_build()
    flags = (f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-g", "-O1")
    compiled = build.build(tmp_path, flags=flags)
    assert "right" in exercised(build, compiled, flags)


ARM_COMPILER, ARM_EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"


@pytest.mark.skipif(
    not (shutil.which(ARM_COMPILER) and shutil.which(ARM_EMULATOR)),
    reason=f"needs {ARM_COMPILER} and {ARM_EMULATOR} (Debian: g++-aarch64-linux-gnu, qemu-user)",
)
def test_neon_computes_what_the_portable_kernels_do(tmp_path, monkeypatch):
    """Under an emulator: nobody had such a processor."""
    monkeypatch.setenv("CXX", ARM_COMPILER)
    build = the_build()
    compiled = build.build(tmp_path, machine="aarch64")
    found = exercised(build, compiled, ("-O1",), (ARM_EMULATOR, "-L", "/usr/aarch64-linux-gnu"))
    assert found.count("neon") == 12


def exercised(build, library, flags, emulator=()):
    """What csrc/tests/exercise.cpp prints of a library, all of it right."""
    folder = library.parent
    program = folder / "exercise"
    source = CSRC / "tests" / "exercise.cpp"
    build.run([*build.find_compiler(), "-std=c++20", *flags, source, library, "-pthread", "-o", program])
    done = subprocess.run(
        [*emulator, program],
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    return done.stdout


@pytest.mark.parametrize("target", able_targets("int8"))
def test_sums_of_bytes_are_exact(target, tmp_path):
    build = the_build()
    name = target if target in ("amx_int8", "avx512_vnni", "avx_vnni") else f"{target}_int8"
    program = tmp_path / "integers"
    flags = ["-std=c++20", "-O1", *build.targets()[name].split(), f"-DSPACE={name}"]
    source = f'-DSOURCE="../targets/{name}.cpp"'
    build.run([*build.find_compiler(), *flags, source, CSRC / "tests" / "integers.cpp", "-o", program])
    assert subprocess.check_output([program], text=True) == "equal\n"


def the_build():
    """csrc/build.py, which belongs to no package."""
    sys.path.insert(0, str(CSRC))
    try:
        import build
    finally:
        sys.path.remove(str(CSRC))
    return build


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says how much memory is in use")
@pytest.mark.parametrize(("dtype", "target"), every_target()[:1])
def test_a_thousand_calls_leave_memory_as_it_was(dtype, target):
    fast, sizes = optimize(small_swin(), dtype, threads=2), [(32, 32), (48, 40), (64, 64)]
    with torch.inference_mode():
        for size in sizes * 20:
            fast(torch.randn(2, 3, *size))
        before = resident()
        for i in range(1000):
            fast(torch.randn(2, 3, *sizes[i % 3]))
    assert resident() - before < 4 << 20


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
