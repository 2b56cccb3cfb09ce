"""The compiled library: it loads on the plainest processor, and says what is wrong where it is not there."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from swinkit.errors import KernelRefused
from swinkit.kernels import kernel_report, library
from swinkit.kernels.library import Missing, Target
from swinkit.native import for_inference, optimize
from tests.models.builders import small_swin
from tests.native.targets import needs_library

CSRC = Path(__file__).parents[2] / "csrc"

WIDE = {
    "avx2": {"ymm"},
    "avx512": {"ymm", "zmm"},
    "avx512_bf16": {"ymm", "zmm"},
    "amx_bf16": {"ymm", "zmm", "tmm"},
    "avx2_int8": {"ymm"},
    "avx_vnni": {"ymm"},
    "avx512_vnni": {"ymm", "zmm"},
    "amx_int8": {"ymm", "zmm", "tmm"},
}
"""The registers that functions of each target use beyond those that every processor has."""


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setattr(library, "library", lambda: Missing("no C++ compiler was found"))
    monkeypatch.setattr("swinkit.kernels.choose.library", library.library)


def test_without_the_library_models_run_through_torch_and_doctor_says_why(without_library):
    model = small_swin()
    assert model is for_inference(model)
    with pytest.raises(KernelRefused, match="no C\\+\\+ compiler was found"):
        optimize(model)
    native = kernel_report()[0]
    assert not native.runs and "no C++ compiler" in native.why


def test_an_instruction_set_that_nobody_could_test_runs_for_those_who_name_it(monkeypatch):
    neon = Target(
        name="neon", dtype="float32", panel=8, inputs=32, end_panel=8, runs=True, tested=False, number=0
    )
    plain = replace(neon, name="portable", tested=True, number=1)
    found = library.Library(Path("libswinkit.so"), (neon, plain), None)
    monkeypatch.setattr(library, "library", lambda: found)
    monkeypatch.setattr("swinkit.kernels.choose.library", library.library)

    assert library.chosen_target("float32") == plain
    assert "neon (float32) is untested on such a processor" in kernel_report()[0].why
    monkeypatch.setenv("SWINKIT_ISA", "neon")
    assert library.chosen_target("float32") == neon


class TestCompiled:
    pytestmark = needs_library

    @pytest.mark.skipif(not shutil.which("objdump"), reason="there is no objdump to look inside with")
    def test_wide_instructions_stand_only_in_functions_of_their_target(self):
        """One that leaked would be an illegal instruction on an older processor."""
        listing = subprocess.run(
            ["objdump", "-dC", "--no-show-raw-insn", library.library().path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        used = {}
        for function in listing.split("\n\n"):
            name = function.partition("\n")[0]
            target = re.search(r"swinkit::(\w+)::\(anonymous namespace\)", name)
            registers = set(re.findall(r"%([yzt]mm)", function))
            used.setdefault(target and target[1], set()).update(registers)
        assert {name: registers for name, registers in used.items() if registers} == WIDE

    def test_a_library_of_another_interface_is_refused(self, monkeypatch):
        monkeypatch.setattr(library, "_VERSION", 99)
        missing = library.library.__wrapped__()
        assert isinstance(missing, Missing) and "speaks 99" in missing.why


@pytest.mark.compiler
def test_a_failing_compiler_is_named_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, CSRC / "build.py", tmp_path],
        env={"CXX": "/bin/false", "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("native kernels: /bin/false failed") and done.stderr.count("\n") == 1
