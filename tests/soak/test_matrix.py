"""The full matrix: every format into every other, every size of model, every image size, every type."""

import itertools

import pytest
import torch

import swinkit
from swinkit.kernels import use_kernel
from swinkit.models import SIZES
from swinkit.windows import POLICIES
from tests.models.builders import small_swin
from tests.tolerances import KERNEL, assert_close

pytestmark = pytest.mark.soak

CLASSIFIERS = ("swinkit", "microsoft", "timm", "timm_old", "huggingface", "torchvision", "mmpretrain")
BACKBONES = ("swinkit", "swin_det", "swin_seg", "detectron2", "mmdet", "mmseg", "huggingface")
SIZES_SEEN = ((32, 32), (33, 57), (16, 80), (12, 12))


ENDINGS = {"swinkit": ".safetensors", "huggingface": "", "timm": "", "detectron2": ".pkl"}


def place(folder, name):
    """Where a format likes to be written; "" is a folder, which says what the tensors do not."""
    return folder / f"{name}{ENDINGS.get(name, '.pth')}"


def alike(model, other, *, maps: bool):
    """Equal numbers in double precision at several sizes, under one policy."""
    model, other = model.double(), other.double()
    for height, width in SIZES_SEEN:
        x = torch.randn(2, 3, height, width, dtype=torch.float64)
        with torch.no_grad():
            pairs = zip(model.features(x), other.features(x), strict=True) if maps else [(model(x), other(x))]
            for expected, actual in pairs:
                assert_close(actual, expected, 1e-12)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(CLASSIFIERS, 2)))
def test_each_classifier_format_converts_to_each_other(version, source, target, tmp_path):
    model = small_swin(version, patch_size=4, size=64)
    first = swinkit.save(model, place(tmp_path, source), source)
    second = swinkit.convert(first, place(tmp_path, target), target)
    # Old timm saves of v2 no buffer but masks, and none where no image size is known.
    window = 4 if target == "timm_old" and version == 2 else None
    alike(model, swinkit.load(second, policy="microsoft", window=window), maps=False)


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(BACKBONES, 2)))
def test_each_backbone_format_converts_to_each_other(source, target, tmp_path):
    model = small_swin(1, patch_size=4, dense=True, classes=0)
    first = swinkit.save(model, place(tmp_path, source), source)
    second = swinkit.convert(first, place(tmp_path, target), target)
    alike(model, swinkit.load(second, policy="dense"), maps=True)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_runs_at_its_own_and_at_an_odd_image_size(size):
    model = swinkit.create_model(size).eval()
    for height, width in (model.config.image_size, (97, 150)):
        with torch.inference_mode():
            logits = model(torch.randn(1, model.config.in_channels, height, width))
        assert logits.shape == (1, 1000) and torch.isfinite(logits).all()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("policy", POLICIES)
def test_both_kernels_agree_at_every_size_up_to_two_windows_and_more(version, policy):
    model = small_swin(version, policy=policy, depths=(2, 2), num_heads=(2, 4)).double()
    for height, width in itertools.product(range(2, 26), (2, 7, 16, 23)):
        x = torch.randn(1, 3, height, width, dtype=torch.float64)
        with torch.no_grad():
            fast = model(x)
            with use_kernel("reference"):
                assert_close(fast, model(x), 1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_type_follows_double_precision_at_many_sizes(dtype, policy):
    model = small_swin(1, policy=policy)
    exact = small_swin(1, policy=policy).double()
    model = model.to(dtype)
    for size in ((64, 64), (33, 57), (16, 80), (6, 6), (130, 41)):
        x = torch.randn(2, 3, *size)
        with torch.no_grad():
            assert_close(model(x.to(dtype)), exact(x.to(dtype).double()), 4 * KERNEL[dtype])
