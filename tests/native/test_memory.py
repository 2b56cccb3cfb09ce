"""Working memory: nothing is read before it is written, nothing is written outside, nothing grows."""

import pytest
import torch

from swinkit.kernels.library import chosen_target, library
from swinkit.native import optimize
from swinkit.native.network import PackedSwin
from tests.models.builders import small_swin
from tests.native.guarded import guarded_logits
from tests.native.targets import every_target, forced, needs_library

pytestmark = needs_library

CASES = {
    "v1, padded": (1, {"window": (3, 5)}, (2, 3, 37, 41)),
    "v2, shifted": (2, {}, (3, 3, 64, 32)),
    "odd channels": (1, {"embed_dim": 20, "num_heads": (1, 2, 4)}, (2, 3, 32, 48)),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("dtype", "target"), every_target())
@pytest.mark.parametrize("case", CASES)
def test_a_run_reads_nothing_unwritten_and_writes_nothing_outside(case, dtype, target, threads, monkeypatch):
    forced(monkeypatch, target)
    version, settings, shape = CASES[case]
    guarded_logits(small_swin(version, **settings), torch.randn(shape), dtype, threads)


def test_calls_of_one_size_take_no_further_memory():
    fast, x = optimize(small_swin()), torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        fast(x)
        before = fast.memory
        for _ in range(3):
            fast(x)
    assert before == fast.memory
    assert before.packed > 0 and before.working > 0


def test_working_memory_does_not_grow_with_a_large_batch():
    model = small_swin()
    packed = PackedSwin(model, chosen_target("float32"))
    network = packed.network((64, 64))
    sizes = [library().workspace(packed.packer.target, network, batch, 1) for batch in (64, 6400)]
    assert sizes[0] == sizes[1]
