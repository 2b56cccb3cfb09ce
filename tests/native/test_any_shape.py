"""Any architecture, size, type and instruction set against the formula, in guarded memory full of rubbish."""

import os
from unittest import mock

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swinkit
from swinkit.windows import POLICIES
from tests.models.builders import small_swin
from tests.native.guarded import guarded_logits
from tests.native.rounding import in_int8
from tests.native.targets import every_target, needs_library

pytestmark = needs_library

# Shares of the largest logit, and how often as much as PyTorch loses in that type, or the formula of int8.
LEAST = {"float32": 3e-6, "bfloat16": 1e-2, "int8": 1e-2}
TIMES = {"float32": 4, "bfloat16": 3, "int8": 3}


@st.composite
def networks(draw):
    heads = draw(st.integers(1, 3))
    patch = draw(st.sampled_from([(2, 2), (4, 4), (4, 2)]))
    side = st.integers(1, 75)
    return {
        "version": draw(st.sampled_from([1, 2])),
        "embed_dim": heads * draw(st.integers(2, 21)) * 2,
        "num_heads": (heads, heads, heads * 2),
        "window": (draw(st.integers(2, 12)), draw(st.integers(2, 12))),
        "mlp_ratio": draw(st.sampled_from([1.0, 2.5, 4.0])),
        "patch_size": patch,
        "in_channels": draw(st.integers(1, 5)),
        "policy": draw(st.sampled_from(sorted(POLICIES))),
        "image": (draw(side) + patch[0], draw(side) + patch[1]),
        "batch": draw(st.integers(1, 3)),
        "threads": draw(st.integers(1, 3)),
        "seed": draw(st.integers(0, 1000)),
    }


def holds(network, dtype, target):
    network = dict(network)
    image, batch, threads = (network.pop(name) for name in ("image", "batch", "threads"))
    torch.manual_seed(network.pop("seed"))
    model = small_swin(network.pop("version"), **{**network, "policy": POLICIES[network["policy"]]})
    x = torch.randn(batch, model.config.in_channels, *image)
    with mock.patch.dict(os.environ, SWINKIT_ISA=target):
        found = guarded_logits(model, x, dtype, threads)
    with torch.inference_mode(), swinkit.kernels.use_kernel("reference"):
        right = model.double()(x.double())
        model.float()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            usual = in_int8(model, x) if dtype == "int8" else model(x)
    largest = right.abs().max()
    usual_loss = float((usual - right).abs().max() / largest)
    assert float((found - right).abs().max() / largest) <= max(LEAST[dtype], TIMES[dtype] * usual_loss)


ANY_TARGET = st.sampled_from(every_target() or [("", "")])  # without the library these tests skip


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks(), target=ANY_TARGET)
def test_any_network_agrees_with_the_formula(network, target):
    holds(network, *target)


@pytest.mark.soak
@pytest.mark.parametrize(("dtype", "target"), every_target())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks())
def test_every_target_agrees_on_many_networks(network, dtype, target):
    holds(network, dtype, target)
