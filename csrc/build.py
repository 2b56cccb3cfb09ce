"""Compiles the native kernels with whatever C++ compiler there is, in well under a minute.

    python csrc/build.py [folder]      writes libswinkit.so (.dylib, .dll), by default into the package

Only the standard library is needed. Each instruction set is compiled on its own, with its own flags; nothing
else is ever compiled for more than the plainest processor, so that the library loads everywhere and asks at
run time what the machine can do. $CXX names the compiler, else c++, g++ or clang++ is taken.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
LIBRARY = "libswinkit" + {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
IN_THE_PACKAGE = SOURCES.parent / "src" / "swinkit" / "kernels" / "compiled"

# GCC warns of the undefined registers in its own headers.
FLAGS = [
    *("-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
    *("-Wall", "-Wextra", "-Wno-maybe-uninitialized"),
]
LIBRARIES = ["-ldl"] if sys.platform == "linux" else []  # part of the C library since glibc 2.34
AVX512 = "-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512"
# The flags of each target on this kind of processor. Add a target here, in targets/ and in dispatch.cpp.
X86 = {
    "avx2": "-mavx2 -mfma",
    "avx512": AVX512,
    "avx512_bf16": f"{AVX512} -mavx512bf16",
    "amx_bf16": f"{AVX512} -mavx512bf16 -mamx-tile -mamx-bf16",
    "avx2_int8": "-mavx2 -mfma",
    "avx_vnni": "-mavx2 -mfma -mavxvnni",
    "avx512_vnni": f"{AVX512} -mavx512vnni",
    "amx_int8": f"{AVX512} -mavx512vnni -mamx-tile -mamx-int8",
}
ARM = {"neon": ""}
BY_MACHINE = {"x86_64": X86, "AMD64": X86, "aarch64": ARM, "arm64": ARM}


class CannotCompile(Exception):
    """There is no compiler, or it does not understand the sources; the message is one line."""


def build(folder: Path, *, flags: tuple[str, ...] = (), machine: str = platform.machine()) -> Path:
    """Compile the library into a folder, for a machine of this kind. Raises CannotCompile."""
    compiler = find_compiler()
    with tempfile.TemporaryDirectory() as objects:
        jobs = [
            (source, Path(objects, f"{source.stem}.o"), (*FLAGS, *own, *flags))
            for source, own in sources(machine)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as several:
            list(several.map(lambda job: compile_one(compiler, *job), jobs))
        new = Path(objects, LIBRARY)
        link = [
            *compiler,
            "-shared",
            "-o",
            new,
            *(target for _, target, _ in jobs),
            "-pthread",
            *LIBRARIES,
            *flags,
        ]
        run(link)
        folder.mkdir(parents=True, exist_ok=True)
        # Another process may have the old library open: its file must stay as it is.
        shutil.copy(new, folder / f"{LIBRARY}.new")
        os.replace(folder / f"{LIBRARY}.new", folder / LIBRARY)
    return folder / LIBRARY


def targets(machine: str = platform.machine()) -> dict[str, str]:
    """The targets of a kind of machine, with their flags."""
    return {"portable": "", "portable_int8": "", **BY_MACHINE.get(machine, {})}


def sources(machine: str) -> list[tuple[Path, list[str]]]:
    """Every file to compile, with flags of its own."""
    plain = [(path, []) for path in sorted(SOURCES.glob("*.cpp"))]
    own = [(SOURCES / "targets" / f"{name}.cpp", flags.split()) for name, flags in targets(machine).items()]
    return plain + own


def find_compiler() -> list[str]:
    if os.environ.get("CXX"):
        return os.environ["CXX"].split()
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise CannotCompile("no C++ compiler was found (c++, g++ and clang++ were tried; CXX names another)")


def compile_one(compiler: list[str], source: Path, target: Path, flags: tuple[str, ...]) -> None:
    run([*compiler, *flags, "-c", source, "-o", target])


def run(command: list[object]) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotCompile(f"{words[0]} cannot be run: {error}") from error
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        first = next((line for line in complaint if "error" in line), complaint[0])
        raise CannotCompile(f"{words[0]} failed: {first}")


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else IN_THE_PACKAGE))
    except CannotCompile as problem:
        sys.exit(f"native kernels: {problem}")
