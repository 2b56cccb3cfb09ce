"""`doctor`: what it finds, and that a machine that computes wrong is not ready."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from swinkit.cli.doors import doctor as door
from swinkit.cli.main import main
from swinkit.kernels import KERNELS
from swinkit.kernels.library import Missing, library
from swinkit.native import OptimizedSwin
from swinkit.recipes.facts import Machine
from swinkit.verbs import doctor as verb
from swinkit.verbs import machine, parity
from swinkit.verbs.doctor import Doctor, doctor
from swinkit.verbs.parity import check_parity

PARITY_LIMIT_SECONDS = 5.0


@pytest.fixture(scope="module")
def found() -> Doctor:
    return doctor()


def test_this_machine_is_ready(found: Doctor) -> None:
    assert found.ready
    assert found.problems == ()


def test_versions_of_all_that_swinkit_needs_are_told(found: Doctor) -> None:
    assert found.packages["torch"] == torch.__version__
    assert all(found.packages.values())


def test_each_kernel_is_listed_and_those_that_need_no_compiler_run(found: Doctor) -> None:
    assert [kernel.name for kernel in found.kernels] == [*KERNELS]
    native = () if isinstance(library(), Missing) else ("native",)
    assert [kernel.name for kernel in found.kernels if kernel.runs] == [*native, "torch"]
    assert all(kernel.why for kernel in found.kernels)


def test_parity_is_checked_on_every_device_and_quickly(found: Doctor) -> None:
    devices = ["cpu", *(device.name for device in found.devices)]
    attention = [proof for proof in found.parity if proof.what == "attention"]

    assert [(proof.device, proof.version) for proof in attention if proof.kernel == "torch"] == [
        (device, version) for device in devices for version in (1, 2)
    ]
    native = [] if isinstance(library(), Missing) else [("cpu", 1), ("cpu", 2)]
    assert [(proof.device, proof.version) for proof in attention if proof.kernel == "native"] == native
    assert all(0 < proof.error <= proof.tolerance for proof in found.parity)
    assert sum(proof.seconds for proof in attention) < PARITY_LIMIT_SECONDS


def test_the_compiled_kernels_are_checked_for_every_type_they_multiply_here(found: Doctor) -> None:
    compiled = library()
    there = set() if isinstance(compiled, Missing) else {one.dtype for one in compiled.targets if one.runs}
    networks = [proof for proof in found.parity if proof.what == "network"]

    assert there == {proof.dtype for proof in networks}
    assert 2 * len(there) == len(networks)


@pytest.mark.skipif(isinstance(library(), Missing), reason="no compiled kernels")
def test_compiled_kernels_that_compute_wrong_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OptimizedSwin.encode
    monkeypatch.setattr(OptimizedSwin, "encode", lambda self, images: right(self, images) * 1.001)

    wrong = [proof for proof in check_parity(["cpu"]) if not proof.agrees]

    assert {("network", "float32")} == {(proof.what, proof.dtype) for proof in wrong}
    assert wrong[0].computed.startswith("a network of v1 by native, ")


def test_what_this_machine_can_train_is_told(found: Doctor) -> None:
    assert found.suggestion is not None
    assert "swin_tiny" == found.suggestion.model
    assert found.suggestion.batch >= 1


def test_where_memory_is_short_fewer_pictures_are_told_and_at_last_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def with_free(count: int) -> verb.Suggestion | None:
        small = Machine(device="cpu", threads=1, bf16=False, memory=count)
        monkeypatch.setattr(verb, "machine_for", lambda device: small)
        return verb._suggestion()

    plenty, little = with_free(1 << 40), with_free(2 << 30)

    assert plenty is not None and little is not None
    assert 128 == plenty.batch > little.batch
    assert "fp32" == little.precision
    assert with_free(100 << 20) is None


def test_the_processor_and_the_space_are_told(found: Doctor) -> None:
    assert found.processor.name
    assert found.processor.cores >= 1
    assert found.processor.threads == torch.get_num_threads()
    assert found.space.disk_free > 0


def test_a_kernel_that_computes_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = KERNELS["torch"].window_attention
    monkeypatch.setattr(KERNELS["torch"], "window_attention", lambda *call: right(*call) * 1.001)

    found = [proof for proof in check_parity(["cpu"]) if proof.what == "attention"]

    assert [("torch", 1)] == [(proof.kernel, proof.version) for proof in found if not proof.agrees]


def test_numbers_that_are_none_do_not_agree() -> None:
    assert not proof(device="cpu", version=1, error=math.nan, tolerance=1.0).agrees


def proof(device: str, version: int, error: float, tolerance: float) -> parity.Parity:
    return parity.Parity(
        what="attention",
        kernel="torch",
        dtype="float32",
        device=device,
        version=version,
        error=error,
        tolerance=tolerance,
        seconds=0.1,
    )


def test_a_missing_package_and_a_wrong_device_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_version", lambda name: None if name == "safetensors" else "1.0")
    wrong = proof(device="cuda:0", version=2, error=0.5, tolerance=1e-4)
    monkeypatch.setattr(verb, "check_parity", lambda _: (wrong,))

    found = doctor()

    assert not found.ready
    assert found.problems == (
        "safetensors is not installed; pip install safetensors",
        "attention of v2 on cuda:0 by torch is off by 5.0e-01 of its largest entry "
        "(at most 1e-04 is rounding)",
    )


def test_missing_extras_come_with_their_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_EXTRAS", {"onnx": ("to export", ("onnx", "no_such_package"))})

    (extra,) = verb._incomplete_extras()

    assert extra.missing == ("no_such_package",)
    assert extra.command == "pip install 'swinkit[onnx]'"


def test_instruction_sets_are_read_from_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"model name": "Test CPU", "flags": "fpu avx2 avx512f avx512_bf16 amx_bf16"}
    monkeypatch.setattr(machine, "_cpuinfo", lambda: said)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)

    chip = machine.processor()

    assert chip.name == "Test CPU"
    assert chip.instruction_sets == ("avx2", "avx512", "avx512_bf16", "amx_bf16")
    assert chip.computes_bf16


# ------------------------------------------------------------------------------------ on the screen


def test_the_last_line_is_ready(found, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(door, "doctor", lambda: found)

    assert main(["doctor"]) == 0

    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert {
        "versions",
        "processor",
        "bfloat16",
        "memory",
        "disk",
        "kernels",
        "parity",
        "weights",
        "training",
    } <= set(names)
    assert lines[-1].split() == ["verdict", "ready"]


def test_what_is_wrong_ends_with_exit_code_3(found, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(door, "doctor", lambda: replace(found, problems=("the fan is loose",)))

    assert main(["doctor"]) == 3
    assert "wrong: the fan is loose" in capsys.readouterr().out.splitlines()[-1]


def test_json_says_whether_it_is_ready(found, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(door, "doctor", lambda: found)

    assert main(["doctor", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is True
    assert [kernel["name"] for kernel in told["kernels"]] == [*KERNELS]
    assert told["processor"]["cores"] == found.processor.cores
