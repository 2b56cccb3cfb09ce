"""Other implementations compute the same function with our weights, and memory is measured for each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from swinkit.benchmark.agreement import agreement, expected_logits
from swinkit.benchmark.contenders import builder, images
from swinkit.benchmark.memory import memory_of
from swinkit.benchmark.peers import PEERS
from swinkit.benchmark.ready import Job
from swinkit.benchmark.results import Case
from swinkit.benchmark.weights import lively
from swinkit.weights import save

EAGER = ("timm", "torchvision", "transformers")
GRAPHS = ("compile", "onnxruntime", "openvino")


def case(dtype: str = "float32", batch: int = 2) -> Case:
    return Case(model="swin_pico", image_size=(32, 32), batch=batch, dtype=dtype, threads=1)


def off(name: str, dtype: str, folder: Path) -> float:
    for package in PEERS[name].packages:
        pytest.importorskip(package)
    model, x = lively("swin_pico"), images(case(), 3)
    ready = builder(name)(Job(model=model, images=x, case=case(dtype), folder=folder))
    ready.settle()
    return agreement(ready.logits(ready.call()), expected_logits(model, x), dtype).off


@pytest.mark.peers
@pytest.mark.parametrize("name", EAGER)
def test_a_peer_gives_the_formulas_logits(name: str, tmp_path: Path) -> None:
    assert off(name, "float32", tmp_path) < 1e-5


@pytest.mark.peers
def test_in_bfloat16_the_weights_are_bfloat16(tmp_path: Path) -> None:
    assert 1e-4 < off("timm", "bfloat16", tmp_path) < 6e-2


@pytest.mark.soak
@pytest.mark.peers
@pytest.mark.parametrize("name", GRAPHS)
def test_a_compiled_graph_gives_the_formulas_logits(name: str, tmp_path: Path) -> None:
    assert off(name, "float32", tmp_path) < 1e-5


@pytest.mark.soak
@pytest.mark.peers
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_peer_in_int8_is_off_but_not_wrong(name: str, tmp_path: Path, capsys) -> None:
    if name == "openvino":
        pytest.importorskip("nncf")
    assert 1e-4 < off(name, "int8", tmp_path)
    assert capsys.readouterr().out == "", "answers are printed there"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_memory_grows_with_the_batch_and_the_process_holds_the_weights_too(tmp_path: Path) -> None:
    model = lively("swin_pico")
    weights = save(model, tmp_path / "pico.safetensors")

    few, many = (memory_of("torch", case(batch=batch), weights) for batch in (8, 128))

    assert few is not None and many is not None
    assert 4 * few.working < many.working < many.process


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells")
    with pytest.raises(RuntimeError, match=r"memory of torch failed: .*absent"):
        memory_of("torch", case(), tmp_path / "absent.safetensors")
