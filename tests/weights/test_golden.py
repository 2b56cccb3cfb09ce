"""The originals' weights give the originals' outputs, at every size that they were run at."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.errors import CheckpointError
from swinkit.models import Swin
from swinkit.weights import convert, load
from swinkit.weights.files import read_file
from tests.tolerances import assert_close
from tests.weights.golden_files import SHARE, Case, Golden, read_golden, write_as_on_disk

# name: how swinkit calls the format, and the policy it takes from it
FILES = {
    "ms_v1": ("microsoft", "microsoft"),
    "ms_v1_ape": ("microsoft", "microsoft"),
    "ms_v1_window4": ("microsoft", "microsoft"),
    "ms_v2": ("microsoft", "microsoft"),
    "ms_v2_mask100": ("microsoft", "microsoft"),
    "ms_v2_pretrained_window": ("microsoft", "microsoft"),
    "simmim_v1": ("simmim", "microsoft"),
    "simmim_v2": ("simmim", "microsoft"),
    "timm_v1": ("timm", "timm"),
    "timm_v1_odd": ("timm", "timm"),
    "timm_v2": ("timm", "timm"),
    "timm_s3": ("timm", "timm"),
    "timm_old_v1": ("microsoft", "microsoft"),  # there is nothing in the file that would tell
    "timm_old_v2": ("timm_old", "timm"),
    "hf_v1_classification": ("huggingface", "huggingface"),
    "hf_v1_backbone": ("huggingface", "dense"),
    "hf_v1_mim": ("huggingface", "huggingface"),
    "hf_v2_classification": ("huggingface", "huggingface_v2"),
    "hf_v2_backbone": ("huggingface", "huggingface_v2"),
    "hf_v2_mim": ("huggingface", "huggingface_v2"),
    "torchvision_v1": ("torchvision", "torchvision"),
    "torchvision_v1_window3x5": ("torchvision", "torchvision"),
    "torchvision_v2": ("torchvision", "torchvision"),
    "mmpretrain_v1": ("mmpretrain", "microsoft"),
    "mmpretrain_v2_extranorm": ("mmpretrain", "microsoft"),
    "mmseg_upernet": ("mmseg", "dense"),
    "upernet_swin_fork": ("swin_seg", "dense"),
    "det_backbone": ("swin_det", "dense"),
    "detectron2": ("detectron2", "dense"),
}
# What a file does not say: mmpretrain's `pad_small_map=True`.
SAID = {"mmpretrain_v1": {"policy": "dense"}}


@pytest.mark.parametrize("name", FILES)
def test_the_originals_outputs_come_out(name, golden, tmp_path):
    original = read_golden(golden(name))
    model = load(write_as_on_disk(original, tmp_path), **SAID.get(name, {}))
    model = model.double() if original.is_v2 else model

    compared = [assert_same(model, case, output) for case in original.cases for output in case.outputs]

    assert any(compared)


@pytest.mark.parametrize("name", FILES)
def test_format_and_policy_follow_from_the_file(name, golden, tmp_path):
    model = load(write_as_on_disk(read_golden(golden(name)), tmp_path))

    assert (model.load_report.format, model.config.policy.name) == FILES[name]
    assert not model.load_report.new
    assert model.load_report.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", FILES)
def test_every_parameter_comes_back_bit_by_bit(name, golden, tmp_path):
    """From the format to ours and back to the format."""
    original = read_golden(golden(name))
    (tmp_path / "original").mkdir()
    source = write_as_on_disk(original, tmp_path / "original")
    to = "timm_old" if name.startswith("timm_old") else FILES[name][0]

    ours = convert(source, tmp_path / "ours.safetensors", "swinkit")
    back = convert(ours, tmp_path / ("back" if to in ("huggingface", "timm") else "back.pth"), to)

    returned = {unprefixed(n): t for n, t in read_file(back).tensors.items()}
    for parameter, tensor in original.parameters.items():
        if is_of_the_swin(parameter, original):
            came_back = returned[unprefixed(parameter)]
            assert torch.equal(
                kept_part(parameter, tensor, original), kept_part(parameter, came_back, original)
            )


@pytest.mark.parametrize(
    "name", ["ms_v1_ape", "ms_v1_window4", "ms_v2_mask100", "simmim_v2", "torchvision_v2"]
)
def test_buffers_are_written_as_the_original_saves_them(name, golden, tmp_path):
    original = read_golden(golden(name))
    (tmp_path / "original").mkdir()
    source = write_as_on_disk(original, tmp_path / "original")

    back = convert(source, tmp_path / "back.pth", FILES[name][0])

    returned = read_file(back).tensors
    assert returned.keys() == original.state.keys()
    for parameter, tensor in original.state.items():
        assert torch.equal(
            kept_part(parameter, tensor, original), kept_part(parameter, returned[parameter], original)
        )


def test_monai_is_refused_by_name(golden, tmp_path):
    path = write_as_on_disk(read_golden(golden("monai_swinvit2d")), tmp_path)

    with pytest.raises(CheckpointError, match="MONAI"):
        load(path)


@pytest.mark.parametrize("name", ["timm_v2", "hf_v2_classification", "timm_s3"])
def test_the_keywords_say_what_a_bare_state_dict_does_not(name, golden, tmp_path):
    original = read_golden(golden(name))
    config = original.config
    path = tmp_path / "bare.pth"
    torch.save(original.state, path)

    model = load(
        path,
        window=config["window_size"],
        image_size=config.get("img_size") or config["image_size"],
        pretrained_window=config.get("pretrained_window_sizes"),
    )

    model = model.double() if original.is_v2 else model
    assert assert_same(model, original.cases[0], "logits")


# Comparisons ----------------------------------------------------------------------------------------------


def assert_same(model: Swin, case: Case, output: str) -> bool:
    """Compare one output; False for those that are not a Swin's (a segmentation head's, say)."""
    actual = computed(model, case, output)
    if actual is None:
        return False
    assert_close(actual.float(), case.outputs[output], SHARE)
    return True


@torch.no_grad()
def computed(model: Swin, case: Case, output: str) -> Tensor | None:
    x = case.image.to(model.patch_embed.proj.weight.dtype)
    kind, _, number = output.partition(".")
    if kind == "logits" and model.config.classes:
        return model(x)
    if kind == "features":
        return model.features(x)[int(number.removeprefix("p"))]
    if kind == "reshaped_hidden_states":
        return hidden_state(model, x, int(number))
    if kind == "norm":
        return model.encode(x).permute(0, 3, 1, 2)
    if kind in ("encoder", "reconstruction", "loss") and case.mask is not None:
        rows, columns = (s // p for s, p in zip(x.shape[2:], model.config.patch_size, strict=True))
        mask = case.mask.reshape(len(x), rows, columns)
        if kind == "encoder":
            return model.encode(x, mask).permute(0, 3, 1, 2)
        reconstruction = model.reconstruct(x, mask)
        return reconstruction if kind == "reconstruction" else masked_loss(model, x, reconstruction, mask)
    return None


def hidden_state(model: Swin, x: Tensor, number: int) -> Tensor:
    """transformers' states lie behind the merging, and the first is the patch embedding."""
    if number == 0:
        return model._tokens(x).permute(0, 3, 1, 2)
    tokens = model.features(x)[number - 1].permute(0, 2, 3, 1)
    merged = tokens if number == len(model.stages) else model.stages[number].merge(tokens)
    return merged.permute(0, 3, 1, 2)


def masked_loss(model: Swin, x: Tensor, reconstruction: Tensor, mask: Tensor) -> Tensor:
    """SimMIM's: the mean of what is masked; simmim_v2 normalises its target by local statistics."""
    rows, columns = model.config.patch_size
    pixels = mask.repeat_interleave(rows, 1).repeat_interleave(columns, 2)[:, None].to(x.dtype)
    target = (
        locally_normalised(x, 47) if model.config.version == 2 and model.load_report.format == "simmim" else x
    )
    error = (F.l1_loss(target, reconstruction, reduction="none") * pixels).sum()
    return (error / (pixels.sum() + 1e-5) / x.shape[1])[None]


def locally_normalised(x: Tensor, side: int) -> Tensor:
    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, side, stride=1, padding=side // 2, count_include_pad=False)

    count = (
        F.avg_pool2d(torch.ones_like(x), side, stride=1, padding=side // 2, count_include_pad=True) * side**2
    )
    variance = (mean(x * x) - mean(x) ** 2) * (count / (count - 1))
    return (x - mean(x)) / (variance.clamp(min=0) + 1e-6).sqrt()


def unprefixed(name: str) -> str:
    """Without what stands in front of a backbone, which a bare one does not have."""
    return name.removeprefix("backbone.").removeprefix("bottom_up.")


def is_of_the_swin(parameter: str, original: Golden) -> bool:
    """Neither a segmentation head nor the norm that a backbone of transformers saves and does not use."""
    is_head = parameter.startswith(("decode_head.", "auxiliary_head."))
    return not is_head and not (original.name == "hf_v1_backbone" and parameter.startswith("swin.layernorm."))


def kept_part(parameter: str, tensor: Tensor, original: Golden) -> Tensor:
    """torchvision's v2 saves a bias of k that it never uses."""
    if not (original.name == "torchvision_v2" and parameter.endswith("attn.qkv.bias")):
        return tensor
    q, _, v = tensor.chunk(3)
    return torch.cat((q, v))
