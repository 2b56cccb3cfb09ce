"""Compiled, exported and in ONNX Runtime: one graph for many sizes, with the same numbers."""

import numpy as np
import pytest
import torch
from torch.export import Dim

from tests.models.builders import small_swin
from tests.tolerances import assert_close

# Their last maps exceed a window of 4 (patch 2, two stages: more than 16 pixels a side).
SIZES = [
    (2, 48, 64), (2, 64, 48), (3, 50, 77), (1, 40, 40), (2, 41, 90),
    (1, 96, 96), (4, 64, 64), (1, 75, 125), (2, 55, 57), (1, 128, 64),
]  # fmt: skip


# Compiling takes long: the two cases that differ most, and the others in the long run.
KINDS = pytest.mark.parametrize(
    ("version", "dense"),
    [
        pytest.param(1, None, id="v1 classifier"),
        pytest.param(2, True, id="v2 backbone"),
        pytest.param(1, True, id="v1 backbone", marks=pytest.mark.soak),
        pytest.param(2, None, id="v2 classifier", marks=pytest.mark.soak),
    ],
)


def two_stages(version, **settings):
    return small_swin(version, depths=(2, 2), num_heads=(2, 4), **settings)


class Counted:
    """A compiler backend that counts the graphs it is given."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, module, example_inputs):
        from torch._dynamo.backends.debugging import aot_eager

        self.graphs += 1
        return aot_eager(module, example_inputs)


@KINDS
def test_ten_sizes_compile_to_at_most_two_graphs(version, dense):
    torch._dynamo.reset()
    model = two_stages(version, dense=dense, classes=0 if dense else 7)
    backend = Counted()
    compiled = torch.compile(model, backend=backend, fullgraph=True, dynamic=True)
    for batch, height, width in SIZES:
        x = torch.randn(batch, 3, height, width)
        with torch.no_grad():
            expected, actual = model(x), compiled(x)
        for e, a in zip(expected, actual, strict=True):
            assert_close(a, e, 1e-4)
    assert backend.graphs <= 2


@pytest.mark.parametrize("version", [1, 2])
def test_a_compiled_training_step_gives_the_same_gradients(version):
    torch._dynamo.reset()
    model = two_stages(version).train()
    x = torch.randn(2, 3, 40, 44)
    model(x).square().sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.compile(model, backend="aot_eager", fullgraph=True)(x).square().sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        assert_close(parameter.grad, gradient, 2e-3)


@pytest.mark.parametrize("version", [1, 2])
def test_torch_export_takes_any_batch_and_size(version):
    model = two_stages(version)
    shapes = {0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO}
    program = torch.export.export(model, (torch.randn(2, 3, 48, 64),), dynamic_shapes=(shapes,))
    assert all(
        node.meta["val"].dim() <= 5
        for node in program.graph.nodes
        if isinstance(node.meta.get("val"), torch.Tensor)
    )
    for batch, height, width in SIZES:
        x = torch.randn(batch, 3, height, width)
        with torch.no_grad():
            assert_close(program.module()(x), model(x), 1e-4)


@pytest.mark.peers
@KINDS
def test_onnx_runtime_agrees_at_several_batches_and_sizes(version, dense, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = two_stages(version, dense=dense, classes=0 if dense else 7)
    path = tmp_path / "swin.onnx"
    shapes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    torch.onnx.export(
        model, (torch.randn(2, 3, 48, 64),), path, dynamo=True, dynamic_shapes=(shapes,), verbose=False
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch, height, width in SIZES:
        x = torch.randn(batch, 3, height, width)
        with torch.no_grad():
            expected = model(x)
        actual = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        for e, a in zip(expected if dense else [expected], actual, strict=True):
            assert_close(torch.from_numpy(np.asarray(a)), e, 1e-4)
