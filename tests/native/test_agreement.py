"""Every instruction set against the formula in double precision, over sizes, windows and policies."""

from dataclasses import replace

import pytest
import torch

import swinkit
from swinkit.native import optimize
from swinkit.windows import POLICIES
from tests.models.builders import scrambled, small_swin
from tests.native.targets import able_targets, every_target, forced, needs_library
from tests.tolerances import assert_close

pytestmark = needs_library

MASKED = replace(POLICIES["dense"], name="dense, padding masked", padding="masked")
ALL_POLICIES = {**POLICIES, MASKED.name: MASKED}
# Of the largest value. Weights are drawn so large that a network may amplify rounding a hundredfold; what
# PyTorch makes of the same network in float32 is the measure.
ROUNDING = 3e-6

# Architecture and image size; each stands for one way in which addresses can go wrong.
CASES = {
    "whole windows": ({}, (64, 64)),
    "padded maps, odd merging": ({}, (31, 33)),
    "rectangular window": ({"window": (3, 5)}, (40, 56)),
    "smaller than a window": ({"window": 8}, (9, 5)),
    "head size no multiple of 16": ({"embed_dim": 24, "num_heads": (2, 2, 4)}, (32, 40)),
    "channels no multiple of 16": ({"embed_dim": 20, "num_heads": (1, 2, 4)}, (32, 32)),
    "many hidden units": ({"embed_dim": 48, "num_heads": (3, 3, 3), "mlp_ratio": 3.0}, (32, 32)),
    "patches of 4 by 2, five channels": ({"patch_size": (4, 2), "in_channels": 5}, (30, 30)),
    "position embedding": ({"position": True}, (48, 64)),
    "no qkv bias, no patch norm": ({"qkv_bias": False, "patch_norm": False}, (31, 32)),
    "window of 16": ({"window": 16}, (72, 40)),
}


def assert_agrees(model, x, call):
    """The optimized model against the reference in double precision, with PyTorch in float32 beside it."""
    fast = optimize(model)
    with torch.inference_mode():
        actual = call(fast, x)
        with swinkit.kernels.use_kernel("torch"):
            usual = call(model, x)
        with swinkit.kernels.use_kernel("reference"):
            right = call(model.double(), x.double())
    model.float()
    for one, of_torch, expected in zip(actual, usual, right, strict=True):
        off = float((of_torch - expected).abs().max() / expected.abs().max())
        assert_close(one, expected, max(ROUNDING, 3 * off))


def logits(net, images):
    return [net(images)]


def everything(net, images):
    return [*net.features(images), net.embed(images), net.encode(images)]


@pytest.mark.parametrize("target", able_targets())
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_logits_agree_with_the_formula(case, version, target, monkeypatch):
    forced(monkeypatch, target)
    settings, size = CASES[case]
    model = small_swin(version, **settings)
    x = torch.randn(2, model.config.in_channels, *size)

    assert_agrees(model, x, logits)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [(16, 40), (62, 50)], ids=["one window", "padded"])
@pytest.mark.parametrize("policy", ALL_POLICIES)
def test_every_policy_is_reproduced(policy, size, version):
    model = small_swin(version, policy=ALL_POLICIES[policy])
    x = torch.randn(2, 3, *size)

    assert_agrees(model, x, logits)


@pytest.mark.parametrize("target", able_targets())
@pytest.mark.parametrize("version", [1, 2])
def test_maps_vectors_and_encodings_agree(version, target, monkeypatch):
    forced(monkeypatch, target)
    extra = {"extra_norm_every": 2} if version == 2 else {}
    model = small_swin(version, dense=(0, 2), classes=7, **extra)
    x = torch.randn(3, 3, 37, 50)

    assert_agrees(model, x, everything)
    with torch.inference_mode():
        assert all(found.is_contiguous() for found in optimize(model).features(x))


@pytest.mark.parametrize("name", ["swin_tiny", "swinv2_tiny"])
def test_rounding_is_that_of_torch(name):
    """The error against double precision is at most twice that of PyTorch in float32."""
    model = scrambled(swinkit.create_model(name, depths=(1, 1, 2, 1)))
    x = torch.randn(2, 3, 96, 128)
    fast = optimize(model)
    with torch.inference_mode():
        actual = fast(x)
        with swinkit.kernels.use_kernel("torch"):
            usual, right = model(x), model.double()(x.double())

    def error(result):
        return float((result - right).pow(2).mean())

    assert error(actual) <= 2**2 * error(usual)


@pytest.mark.parametrize("target", able_targets("bfloat16"))
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_bfloat16_is_no_worse_than_autocast(case, version, target, monkeypatch):
    """Products in bfloat16; sums, softmax, norms and residuals in float32. Half as much again is chance."""
    forced(monkeypatch, target)
    settings, size = CASES[case]
    model = small_swin(version, **settings)
    x = torch.randn(4, model.config.in_channels, *size)
    with torch.inference_mode():
        right = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            usual = model(x).float()
        actual = optimize(model, "bfloat16")(x)

    def error(result):
        return float((result - right).pow(2).mean())

    assert 0 < error(actual) <= 1.5**2 * error(usual)


def test_images_may_lie_in_memory_in_any_order():
    model = small_swin()
    fast, x = optimize(model), torch.randn(2, 3, 40, 32)
    with torch.inference_mode():
        right = fast(x)
        assert torch.equal(right, fast(x.contiguous(memory_format=torch.channels_last)))
        padded = torch.randn(2, 5, 80, 64)
        every_second = padded[:, 1:4, ::2, ::2]
        every_second.copy_(x)
        assert torch.equal(right, fast(every_second))


@pytest.mark.parametrize(("dtype", "target"), every_target())
def test_bits_are_the_same_for_any_threads_and_any_batch(dtype, target, monkeypatch):
    forced(monkeypatch, target)
    model = small_swin(2, depths=(2, 2, 1), embed_dim=48, num_heads=(3, 6, 12))
    x = torch.randn(5, 3, 56, 72)
    with torch.inference_mode():
        right = optimize(model, dtype, threads=1)(x)
        for threads in (2, 3, 8):
            assert torch.equal(right, optimize(model, dtype, threads=threads)(x))
        assert torch.equal(right[3:4], optimize(model, dtype, threads=2)(x[3:4]))


def test_the_same_image_gives_the_same_bits_whatever_came_before():
    fast, x = optimize(small_swin()), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = fast(x)
        fast(torch.randn(4, 3, 130, 20))
        assert torch.equal(before, fast(x))


def test_an_infinite_pixel_spoils_its_own_image_only():
    fast, x = optimize(small_swin(window=(3, 5))), torch.randn(3, 3, 40, 40)
    with torch.inference_mode():
        right = fast(x)
        x[1, 0, 20, 20] = torch.nan
        spoilt = fast(x)
    assert torch.equal(right[[0, 2]], spoilt[[0, 2]])
    assert spoilt[1].isnan().all()
