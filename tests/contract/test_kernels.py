"""Every kernel against the reference over one table of shapes, forward and backward."""

from dataclasses import replace

import pytest
import torch

from swinkit import kernels
from swinkit.errors import ConfigError, ShapeError
from swinkit.kernels import KERNELS, use_kernel
from swinkit.profiling import on_threads
from swinkit.windows import POLICIES, window_plan
from tests.native.targets import able_targets, forced, needs_library
from tests.tolerances import KERNEL, assert_close

# images, height, width, heads, channels per head, window
SHAPES = {
    "whole windows": (2, 8, 12, 2, 8, (4, 4)),
    "padded on both axes": (3, 9, 11, 3, 4, (4, 4)),
    "rectangular window": (1, 10, 7, 2, 8, (3, 5)),
    "one window": (2, 7, 7, 4, 8, (7, 7)),
    "smaller than a window": (2, 3, 5, 1, 16, (7, 7)),
    "one row": (1, 1, 13, 2, 4, (4, 4)),
    "window of one token": (1, 4, 4, 2, 4, (1, 1)),
}
EVERY = [pytest.param("native", marks=needs_library), *(name for name in KERNELS if name != "native")]
POLICY_NAMES = [*POLICIES, "dense, padding masked"]


# Sums over all windows cancel more than those of one.
GRADIENT = {torch.float64: 1e-10, torch.float32: 2e-5}


def widest(kernel):
    """The widest type of maps that a kernel takes."""
    return torch.float32 if kernel == "native" else torch.float64


def in_type(dtype, arguments):
    """The same arguments in another type, with gradients of their own."""
    return [
        one.detach().to(dtype).requires_grad_() if isinstance(one, torch.Tensor) else one for one in arguments
    ]


def policy(name):
    if name in POLICIES:
        return POLICIES[name]
    return replace(POLICIES["dense"], name=name, padding="masked")


def call(shape, version, *, shifted, policy_name="dense", dtype=torch.float64):
    """Arguments of one call that fit each other, all with gradients."""
    images, height, width, heads, size, window = SHAPES[shape]
    plan = window_plan(height, width, window=window, shifted=shifted, policy=policy(policy_name))
    channels = 3 * heads * size
    qkv = torch.randn(images, height, width, channels, dtype=dtype)
    pad = torch.randn(channels, dtype=dtype)
    bias = torch.randn(heads, 2 * plan.window[0] - 1, 2 * plan.window[1] - 1, dtype=dtype)
    scale = size**-0.5 if version == 1 else torch.rand(heads, dtype=torch.float64) * 20
    tensors = [t.requires_grad_() for t in (qkv, pad, bias)]
    if version == 2:
        scale = scale.to(torch.promote_types(dtype, torch.float32)).requires_grad_()
        tensors.append(scale)
    operation = kernels.window_attention if version == 1 else kernels.cosine_window_attention
    return operation, (qkv, pad, bias, plan, scale), tensors


@pytest.mark.parametrize("kernel", EVERY[:-1])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("shifted", [False, True], ids=["plain", "shifted"])
@pytest.mark.parametrize("policy_name", POLICY_NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_and_its_gradients_equal_the_reference(kernel, version, shifted, policy_name, shape):
    operation, arguments, tensors = call(shape, version, shifted=shifted, policy_name=policy_name)
    expected = operation(*arguments, kernel="reference")
    given = in_type(widest(kernel), arguments)
    actual = operation(*given, kernel=kernel)
    assert_close(actual, expected, KERNEL[widest(kernel)])
    cotangent = torch.randn_like(expected)
    expected_gradients = torch.autograd.grad(expected, tensors, cotangent, allow_unused=True)
    own = [one for one in given if isinstance(one, torch.Tensor)]
    gradients = torch.autograd.grad(actual, own, cotangent.to(actual.dtype), allow_unused=True)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        if wanted is None or not wanted.any():
            assert gradient is None or not gradient.any()
        else:
            assert_close(gradient, wanted, GRADIENT[widest(kernel)])


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("grad", [False, True], ids=["inference", "training"])
def test_kernel_is_within_its_types_tolerance_of_double_precision(kernel, version, dtype, grad):
    operation, arguments, _ = call("padded on both axes", version, shifted=True, dtype=dtype)
    qkv, pad, bias, plan, scale = arguments
    with torch.set_grad_enabled(grad):
        actual = operation(*arguments, kernel=kernel)
        wide = scale.double() if version == 2 else scale
        expected = operation(qkv.double(), pad.double(), bias.double(), plan, wide, kernel="reference")
    assert actual.dtype == dtype
    assert_close(actual, expected, KERNEL[dtype])


@pytest.mark.parametrize("target", able_targets())
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_native_goes_back_as_the_reference_does_on_every_instruction_set(target, version, dtype, monkeypatch):
    """In bfloat16 too: what goes in and comes out is rounded, and nothing in between."""
    forced(monkeypatch, target)
    operation, arguments, _ = call("padded on both axes", version, shifted=True)
    given = in_type(dtype, arguments)
    exact = [one.detach().double().requires_grad_() if torch.is_tensor(one) else one for one in given]
    actual, expected = operation(*given, kernel="native"), operation(*exact, kernel="reference")
    cotangent = torch.randn_like(actual)
    for gradient, wanted in zip(
        torch.autograd.grad(actual, [one for one in given if torch.is_tensor(one)], cotangent),
        torch.autograd.grad(expected, [one for one in exact if torch.is_tensor(one)], cotangent.double()),
        strict=True,
    ):
        assert gradient.dtype == dtype
        assert_close(gradient, wanted, 2e-5 if dtype == torch.float32 else 4e-3)


@pytest.mark.parametrize("kernel", [pytest.param("native", marks=needs_library)])
@pytest.mark.parametrize("version", [1, 2])
def test_native_gives_the_same_bits_on_any_number_of_threads(kernel, version):
    operation, arguments, _ = call("padded on both axes", version, shifted=True, dtype=torch.float32)
    cotangent = torch.randn(3, 9, 11, 12)
    found = []
    for threads in (1, 2, 5):
        with on_threads(threads):
            given = in_type(torch.float32, arguments)
            out = operation(*given, kernel=kernel)
            tensors = [one for one in given if torch.is_tensor(one)]
            found.append([out, *torch.autograd.grad(out, tensors, cotangent)])
    for others in found[1:]:
        assert all(map(torch.equal, found[0], others))


@pytest.mark.parametrize("kernel", [pytest.param("native", marks=needs_library), "torch"])
@pytest.mark.parametrize("version", [1, 2])
def test_the_gradient_has_a_gradient(kernel, version):
    operation, arguments, _ = call("padded on both axes", version, shifted=True)
    given = in_type(widest(kernel), arguments)
    seconds = []
    for one, name in ((arguments, "reference"), (given, kernel)):
        own = [part for part in one if torch.is_tensor(part)]
        first = torch.autograd.grad(operation(*one, kernel=name).pow(2).sum(), own, create_graph=True)
        seconds.append(torch.autograd.grad(sum(part.pow(2).sum() for part in first), own))
    for expected, actual in zip(*seconds, strict=True):
        assert_close(actual, expected, 100 * GRADIENT[widest(kernel)])


@pytest.mark.parametrize("version", [1, 2])
def test_the_reference_passes_gradcheck(version):
    operation, (*_, plan, scale), tensors = call("one row", version, shifted=True)
    if version == 1:
        check = torch.autograd.gradcheck(
            lambda q, p, b: operation(q, p, b, plan, scale, kernel="reference"), tensors
        )
    else:
        check = torch.autograd.gradcheck(
            lambda q, p, b, s: operation(q, p, b, plan, s, kernel="reference"), tensors
        )
    assert check


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("version", [1, 2])
def test_unshifted_windows_attend_as_if_each_were_alone(kernel, version):
    operation, (qkv, pad, bias, plan, scale), _ = call(
        "whole windows", version, shifted=False, dtype=widest(kernel)
    )
    whole = operation(qkv, pad, bias, plan, scale, kernel=kernel)
    alone = window_plan(4, 4, window=(4, 4), shifted=False, policy=POLICIES["dense"])
    for top in (0, 4):
        for left in (0, 4, 8):
            piece = qkv[:, top : top + 4, left : left + 4]
            expected = operation(piece, pad, bias, alone, scale, kernel=kernel)
            assert_close(whole[:, top : top + 4, left : left + 4], expected, KERNEL[widest(kernel)])


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("version", [1, 2])
def test_transposed_input_gives_transposed_output(kernel, version):
    operation, (qkv, pad, bias, plan, scale), _ = call(
        "rectangular window", version, shifted=True, dtype=widest(kernel)
    )
    turned = window_plan(7, 10, window=(5, 3), shifted=True, policy=POLICIES["dense"])
    expected = operation(qkv, pad, bias, plan, scale, kernel=kernel).transpose(1, 2)
    actual = operation(qkv.transpose(1, 2), pad, bias.transpose(1, 2), turned, scale, kernel=kernel)
    assert_close(actual, expected, KERNEL[widest(kernel)])


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("height", range(14, 28))
def test_only_rolling_first_lets_opposite_edges_meet(kernel, height):
    """The bottom row is changed: the top row answers under `roll, pad` alone.

    There the two lie next to each other at places height − 4 and height − 3, wherever a map is padded
    and no window ends between them.
    """
    changed = {}
    for name in ("dense", "timm"):
        plan = window_plan(height, 14, window=(7, 7), shifted=True, policy=POLICIES[name])
        qkv = torch.randn(1, height, 14, 12, dtype=widest(kernel))
        bias, pad = torch.zeros(2, 13, 13, dtype=qkv.dtype), torch.zeros(12, dtype=qkv.dtype)
        before = kernels.window_attention(qkv, pad, bias, plan, 1.0, kernel=kernel)
        qkv[:, -1] += 1
        after = kernels.window_attention(qkv, pad, bias, plan, 1.0, kernel=kernel)
        changed[name] = bool((before[:, 0] - after[:, 0]).abs().max() > 1e-6)
    assert changed == {"dense": False, "timm": height % 7 != 0 and (height - 3) % 7 != 0}


@pytest.mark.parametrize("kernel", EVERY)
def test_with_masked_padding_the_output_does_not_depend_on_the_padded_tokens(kernel):
    operation, (qkv, pad, bias, plan, scale), _ = call(
        "padded on both axes",
        2,
        shifted=True,
        policy_name="dense, padding masked",
        dtype=widest(kernel),
    )
    expected = operation(qkv, pad, bias, plan, scale, kernel=kernel)
    assert torch.equal(expected, operation(qkv, pad + 5, bias, plan, scale, kernel=kernel))


@pytest.mark.parametrize("kernel", EVERY)
def test_the_mask_of_v2_is_minus_one_hundred_and_not_infinite(kernel):
    """At the clamp a score reaches 100, so that some weight leaks through, as in the original."""
    plan = window_plan(4, 4, window=(2, 2), shifted=True, policy=POLICIES["dense"])
    qkv = torch.randn(1, 4, 4, 12, dtype=widest(kernel))
    bias, pad = torch.zeros(2, 3, 3, dtype=qkv.dtype), torch.zeros(12, dtype=qkv.dtype)
    scale = torch.full((2,), 100.0, dtype=qkv.dtype)
    outs = {
        value: kernels.cosine_window_attention(
            qkv, pad, bias, plan._replace(mask_value=value), scale, kernel=kernel
        )
        for value in (-100, -200, -(10**9))
    }
    assert (outs[-100] - outs[-(10**9)]).abs().max() > 1e-3
    assert (outs[-200] - outs[-(10**9)]).abs().max() < (outs[-100] - outs[-(10**9)]).abs().max()


def test_a_bias_changed_behind_autograds_back_is_noticed():
    """`.data` moves no version counter; what is kept for inference compares contents."""
    operation, (qkv, pad, bias, plan, scale), _ = call("whole windows", 1, shifted=True)
    with torch.no_grad():
        operation(qkv, pad, bias, plan, scale)
        bias.data.add_(torch.randn_like(bias))
        expected = operation(qkv, pad, bias, plan, scale, kernel="reference")
        assert_close(operation(qkv, pad, bias, plan, scale), expected, 1e-12)


def test_training_works_after_inference_mode_has_filled_the_caches():
    operation, arguments, tensors = call("padded on both axes", 1, shifted=True)
    with torch.inference_mode():
        operation(*arguments)
    operation(*arguments).sum().backward()
    assert all(tensor.grad is not None for tensor in tensors)


def test_arguments_that_do_not_fit_are_all_named():
    operation, (qkv, pad, bias, plan, scale), _ = call("whole windows", 1, shifted=False)
    with pytest.raises(ShapeError, match=r"(?s)map \(8, 12\).*bias is heads, 7, 7.*pad has one entry"):
        operation(qkv[:, 1:], pad[1:], bias[:, 1:], plan, scale)


def test_an_unknown_kernel_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"(?s)'cuda'.*native, torch, reference"), use_kernel("cuda"):
        pass
