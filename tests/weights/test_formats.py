"""Each format: recognised by it alone, both ways bit by bit, and never half."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import SwinConfig
from swinkit.weights.files import RawCheckpoint
from swinkit.weights.formats import FORMATS, arrange, recognise
from swinkit.weights.geometry import Asked
from swinkit.weights.names import NameTable
from swinkit.weights.native import Native, understand
from swinkit.windows import relative_index
from tests.weights.small_files import in_format, swin, weights_of

CLASSIFIERS = ("swinkit", "microsoft", "timm", "timm_old", "huggingface", "torchvision", "mmpretrain")
BACKBONES = ("swinkit", "swin_det", "swin_seg", "detectron2", "mmdet", "mmseg", "huggingface")
# Files that hold nothing of their own are those of the first: a decoder's names tell a segmenter's.
SAME_NAMES = {"swin_seg": "swin_det", "mmseg": "mmdet"}


def read_back(tensors: dict[str, Tensor], config: SwinConfig, tmp_path) -> Native:
    """With the facts that a bare state dict may not hold."""
    asked = Asked(
        window=config.window, image_size=config.image_size, pretrained_window=config.pretrained_window
    )
    return understand(RawCheckpoint(tensors=dict(tensors), path=tmp_path / "file"), asked)


# Recognition ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2], ids=["v1", "v2"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_is_recognised_by_its_format_alone(name, version):
    shapes = {key: tuple(tensor.shape) for key, tensor in in_format(name, swin(version)).items()}

    hits = [other for other, form in FORMATS.items() if form.recognise(shapes)]

    same = "microsoft" if name == "timm_old" and version == 1 else name
    assert hits == [same]


@pytest.mark.parametrize("name", [name for name in BACKBONES if name not in SAME_NAMES])
def test_a_backbone_is_recognised_by_its_format_alone(name):
    config = swin(dense=(0, 1, 2), classes=0)
    shapes = {key: tuple(tensor.shape) for key, tensor in in_format(name, config).items()}

    assert [other for other, form in FORMATS.items() if form.recognise(shapes)] == [name]


@pytest.mark.parametrize("name", SAME_NAMES)
def test_a_segmentation_head_tells_a_segmenter(name):
    tensors = in_format(name, swin(dense=(0, 1, 2), classes=0))

    assert recognise(tensors) == SAME_NAMES[name]
    assert recognise(tensors | {"decode_head.conv_seg.weight": torch.zeros(7, 4, 1, 1)}) == name


@pytest.mark.parametrize("version", [1, 2], ids=["v1", "v2"])
@pytest.mark.parametrize("name", ["simmim", "huggingface", "mmpretrain", "swinkit"])
def test_masked_modelling_is_recognised(name, version):
    config = swin(version, classes=0, masked_modelling=True)
    shapes = {key: tuple(tensor.shape) for key, tensor in in_format(name, config).items()}

    assert [other for other, form in FORMATS.items() if form.recognise(shapes)] == [name]


@pytest.mark.parametrize("stages", [1, 2])
def test_timm_is_told_from_microsoft_where_there_are_few_mergings(stages, tmp_path):
    config = swin(depths=(2,) * stages, num_heads=(1, 2)[:stages], window=((4, 4),) * stages)

    for name in ("timm", "microsoft"):
        assert read_back(in_format(name, config), config, tmp_path).format == name


def test_a_timm_file_without_a_head_is_no_microsoft_file(tmp_path):
    config = swin(classes=0)
    native = read_back(in_format("timm", config), config, tmp_path)

    assert native.format == "timm"
    assert torch.equal(
        native.tensors["stages.1.merge.reduction.weight"],
        weights_of(config)["stages.1.merge.reduction.weight"],
    )


RELATIVES = {
    "MONAI": {"swinViT.layers1.0.blocks.0.attn.qkv.weight": (12, 4)},
    "swinv2_cr": {"stages.0.blocks.0.attn.meta_mlp.fc1.weight": (384, 2)},
    "Swin-MLP": {"layers.0.blocks.0.spatial_mlp.weight": (49, 49, 1)},
    "Swin-MoE": {"layers.0.blocks.1.mlp._moe_layer.gates.0.wg.weight": (8, 4)},
    "dense baseline": {"layers.0.blocks.0.attn.cpb_mlp.0.weight": (512, 2)},
    "volumes": {"patch_embed.proj.weight": (96, 3, 2, 4, 4)},
}


@pytest.mark.parametrize("shapes", RELATIVES.values(), ids=RELATIVES)
def test_a_relative_of_swin_is_refused_by_name(shapes, request):
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}

    with pytest.raises(CheckpointError, match=request.node.callspec.id):
        recognise(tensors)


def test_anything_else_is_refused_with_the_commonest_names():
    tensors = {f"resnet.layer{i}.conv.weight": torch.zeros(1) for i in range(3)} | {
        "fc.weight": torch.zeros(1)
    }

    with pytest.raises(CheckpointError, match=r"resnet\. \(3\), fc\. \(1\)"):
        recognise(tensors)


# Both ways ------------------------------------------------------------------------------------------------

VERSIONS = st.sampled_from([1, 2])


@st.composite
def configs(draw, *, dense: bool = False) -> SwinConfig:
    """Small Swins of all kinds that every library can hold."""
    version = 1 if dense else draw(VERSIONS)
    stages = draw(st.integers(2, 4))
    window = (draw(st.integers(2, 5)),) * 2
    heads = draw(st.sampled_from([1, 2]))
    return SwinConfig(
        version=version,
        embed_dim=heads * draw(st.sampled_from([2, 3, 4])),
        depths=tuple(draw(st.lists(st.integers(1, 3), min_size=stages, max_size=stages))),
        num_heads=(heads,) * stages,
        window=(window,) * stages,
        patch_size=(draw(st.sampled_from([2, 4])),) * 2,
        mlp_ratio=draw(st.sampled_from([1.0, 2.5, 4.0])),
        classes=0 if dense else draw(st.integers(1, 4)),
        dense=tuple(range(stages)) if dense else None,
        image_size=None,
    )


ROUND_TRIP = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", CLASSIFIERS)
@ROUND_TRIP
@given(config=configs(), seed=st.integers(0, 99))
def test_a_classifier_goes_there_and_back_bit_by_bit(name, tmp_path, config, seed):
    there = in_format(name, config, seed)
    native = read_back(there, config, tmp_path)

    assert comparable(native.config) == comparable(config)
    assert_same_tensors(native.tensors, weights_of(config, seed))
    assert_same_tensors(FORMATS[name].from_native(native.tensors, native.config), there)


@pytest.mark.parametrize("name", BACKBONES)
@ROUND_TRIP
@given(config=configs(dense=True), seed=st.integers(0, 99))
def test_a_backbone_goes_there_and_back_bit_by_bit(name, tmp_path, config, seed):
    there = in_format(name, config, seed)
    native = read_back(there, config, tmp_path)

    assert comparable(native.config) == comparable(config)
    assert_same_tensors(native.tensors, weights_of(config, seed))
    assert_same_tensors(FORMATS[name].from_native(native.tensors, native.config), there)


SPECIAL = {
    "simmim": swin(classes=0, masked_modelling=True),
    "simmim v2": swin(2, classes=0, masked_modelling=True),
    "huggingface mim": swin(classes=0, masked_modelling=True),
    "mmpretrain mim": swin(2, classes=0, masked_modelling=True),
    "mmpretrain extra norms": swin(2, depths=(3, 4, 6), extra_norm_every=3),
    "mmpretrain maps and head": None,
    "microsoft position": swin(position=(16, 16)),
    "microsoft no biases": swin(2, qkv_bias=False, patch_norm=False),
    "microsoft headless": swin(classes=0),
    "huggingface position": swin(position=(16, 16)),
    "swin_det position": swin(position=(16, 16), dense=(0, 1, 2), classes=0),
    "swin_det some stages": swin(dense=(1, 2), classes=0),
    "timm windows": swin(window=((4, 4), (3, 5), (8, 8))),
    "timm pretrained": swin(2, pretrained_window=((3, 3), None, (2, 2))),
    "torchvision oblong": swin(window=((3, 5),) * 3, patch_size=(2, 4), image_size=None),
    "swinkit everything": swin(2, position=(9, 7), extra_norm_every=2, dense=(0, 2), window=((2, 3),) * 3),
}


@pytest.mark.parametrize("case", [case for case, config in SPECIAL.items() if config])
def test_special_parts_go_there_and_back_bit_by_bit(case, tmp_path):
    name, config = case.partition(" ")[0], SPECIAL[case]
    there = in_format(name, config)
    native = read_back(there, config, tmp_path)

    assert comparable(native.config) == comparable(config)
    assert_same_tensors(native.tensors, weights_of(config))
    assert_same_tensors(FORMATS[name].from_native(native.tensors, native.config), there)


def test_mmpretrains_last_norm_is_the_norm_of_the_last_map_and_of_the_head(tmp_path):
    config = swin(dense=(0, 1, 2))
    weights = weights_of(config)
    for leaf in ("weight", "bias"):
        weights[f"norm.{leaf}"] = weights[f"norms.2.{leaf}"]

    there = FORMATS["mmpretrain"].from_native(weights, config)
    native = read_back(there, config, tmp_path)

    assert "backbone.norm2.weight" in there
    assert native.config.dense == (0, 1, 2)
    assert_same_tensors(native.tensors, weights)


def test_mmpretrain_refuses_two_norms_for_the_last_map():
    config = swin(dense=(0, 1, 2))

    with pytest.raises(CheckpointError, match="one norm"):
        in_format("mmpretrain", config)


def comparable(config: SwinConfig) -> SwinConfig:
    """Without what tensors do not hold: policy, drop path, the size of the picture, a library's rounding."""
    return replace(
        config, policy=SwinConfig().policy, image_size=None, drop_path=0.0, rounded_logit_limit=False
    )


def assert_same_tensors(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(actual[name], tensor), name


# Rearrangements -------------------------------------------------------------------------------------------


def test_unfold_orders_neighbours_by_channel_and_columns_first():
    """Against `nn.Unfold` itself: merging gives the same from either order."""
    channels, picture = 3, torch.randn(1, 3, 4, 6)
    reduction = torch.randn(5, 4 * channels)
    unfolded = torch.nn.Unfold(kernel_size=2, stride=2)(picture).transpose(1, 2)  # 1, windows, C·4
    corners = [picture[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]  # rows fastest
    by_neighbour = torch.cat(corners, dim=1).flatten(2).transpose(1, 2)  # 1, windows, 4·C

    name = "stages.1.merge.reduction.weight"
    theirs = arrange.merging_to_unfold({name: reduction}, norm=True)[name]

    torch.testing.assert_close(unfolded @ theirs.T, by_neighbour @ reduction.T)
    assert torch.equal(arrange.merging_from_unfold({name: theirs}, norm=True)[name], reduction)


def test_the_norm_after_the_reduction_is_not_permuted():
    norm = {"stages.1.merge.norm.weight": torch.arange(8.0)}

    assert torch.equal(
        arrange.merging_from_unfold(norm, norm=False)["stages.1.merge.norm.weight"], torch.arange(8.0)
    )
    assert not torch.equal(
        arrange.merging_from_unfold(norm, norm=True)["stages.1.merge.norm.weight"], torch.arange(8.0)
    )


def test_a_table_row_is_the_offset_that_the_index_says():
    window = (3, 5)
    table = torch.randn(2, 5, 9)  # heads, 2Mh−1, 2Mw−1

    rows = arrange.row_tables({"a.bias_table": table})["a.bias_table"]

    query, key = 2 * 5 + 1, 0 * 5 + 4  # (2, 1) and (0, 4): two rows below, three columns left
    assert torch.equal(rows[relative_index(window)[query, key]], table[:, 2 + 2, 4 - 3])


def test_k_has_no_bias_in_v2_and_torchvision_is_given_zeros():
    there = in_format("torchvision", swin(2))

    q, k, v = there["features.1.0.attn.qkv.bias"].chunk(3)

    assert not k.any()
    assert q.all()
    assert v.all()


def test_a_name_is_matched_as_a_whole():
    """`cpb_mlp.0` contains `mlp.0`, torchvision's name of fc1."""
    names = NameTable(FORMATS["torchvision"].PAIRS)  # type: ignore[attr-defined]

    assert names.ours("features.3.1.attn.cpb_mlp.0.weight") == "stages.1.blocks.1.attention.cpb.0.weight"
    assert names.ours("features.3.1.mlp.0.weight") == "stages.1.blocks.1.mlp.fc1.weight"
    assert names.ours("features.4.1.mlp.0.weight") is None
    assert names.ours("xfeatures.3.1.mlp.0.weight") is None


@pytest.mark.parametrize("name", ["simmim", "microsoft"])
def test_old_files_of_v2_may_call_the_bias_network_rpe(name, tmp_path):
    config = swin(2, classes=0, masked_modelling=name == "simmim")
    there = {key.replace("cpb_mlp", "rpe_mlp"): tensor for key, tensor in in_format(name, config).items()}

    assert_same_tensors(read_back(there, config, tmp_path).tensors, weights_of(config))


def test_an_index_that_transformers_4_saved_is_dropped_and_tells_the_window(tmp_path):
    config = swin(window=((4, 4),) * 3)
    tensors = in_format("huggingface", config)
    for name in [name for name in tensors if name.endswith("relative_position_bias_table")]:
        tensors[name.replace("bias_table", "index")] = relative_index((4, 4))

    native = understand(RawCheckpoint(tensors=tensors, path=tmp_path / "file"))

    assert native.config.window == config.window
    assert len(native.dropped) == 5
    assert_same_tensors(native.tensors, weights_of(config))


# Strictness -----------------------------------------------------------------------------------------------

TARGETS = {
    **{name: swin() for name in CLASSIFIERS},
    **{f"{name} v2": swin(2) for name in CLASSIFIERS},
    **{name: swin(dense=(0, 1, 2), classes=0) for name in ("swin_det", "detectron2", "mmdet")},
    "simmim": swin(classes=0, masked_modelling=True),
}


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_lacks_a_tensor_never_loads(target, tmp_path, data):
    config = TARGETS[target]
    tensors = in_format(target.partition(" ")[0], config)
    learnt = [name for name in tensors if not is_buffer(name) and not is_optional(name)]
    name = data.draw(st.sampled_from(sorted(learnt)))
    del tensors[name]

    with pytest.raises(CheckpointError) as error:
        read_back(tensors, config, tmp_path)
    assert error.value.message


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_a_renamed_tensor_never_loads_and_the_error_names_it(target, tmp_path, data):
    config = TARGETS[target]
    tensors = in_format(target.partition(" ")[0], config)
    candidates = [
        name for name in tensors if (".blocks.0." in name and "norm2" in name) or "layernorm_after" in name
    ]
    name = data.draw(st.sampled_from(sorted(candidates or [n for n in tensors if "norm2" in n])))
    renamed = name.replace("norm2", "norm_2").replace("layernorm_after", "layer_norm_after")
    tensors[renamed] = tensors.pop(name)

    with pytest.raises(CheckpointError) as error:
        read_back(tensors, config, tmp_path)
    assert f"missing: {name} expected" in error.value.message
    assert f"unexpected: {renamed}" in error.value.message


@pytest.mark.parametrize("target", TARGETS)
def test_a_tensor_of_another_shape_is_named_with_the_shape_that_was_expected(target, tmp_path):
    config = TARGETS[target]
    tensors = in_format(target.partition(" ")[0], config)
    name = next(name for name in tensors if tensors[name].shape == (16,) and "norm" in name)
    tensors[name] = torch.zeros(5)

    with pytest.raises(CheckpointError, match=r"\(5,\), expected \(16,\)") as error:
        read_back(tensors, config, tmp_path)
    assert name in error.value.message


def test_alike_problems_are_told_once(tmp_path):
    tensors = in_format("microsoft", swin())
    for name in [name for name in tensors if name.endswith("norm1.bias")]:
        del tensors[name]

    with pytest.raises(
        CheckpointError, match=r"layers\.0\.blocks\.0\.norm1\.bias .*\(and 4 more of this kind\)"
    ):
        read_back(tensors, swin(), tmp_path)


def test_whole_numbers_are_no_weights(tmp_path):
    tensors = in_format("timm", swin())
    tensors["norm.bias"] = torch.zeros(16, dtype=torch.int8)

    with pytest.raises(CheckpointError, match=r"norm\.bias torch\.int8, expected floats"):
        read_back(tensors, swin(), tmp_path)


@pytest.mark.parametrize("prefix", ["model.", "backbone.", "student.encoder."])
def test_a_swin_is_found_behind_any_prefix(prefix, tmp_path):
    tensors = {f"{prefix}{name}": tensor for name, tensor in in_format("timm", swin()).items()}

    native = read_back(tensors | {"projector.0.weight": torch.zeros(2)}, swin(), tmp_path)

    assert_same_tensors(native.tensors, weights_of(swin()))
    assert list(native.left_out) == ["projector.0.weight"]


def test_of_mobys_two_encoders_the_trained_one_is_taken(tmp_path):
    trained, averaged = in_format("microsoft", swin(), seed=0), in_format("microsoft", swin(), seed=1)
    tensors = {f"encoder.{name}": tensor for name, tensor in trained.items()}
    tensors |= {f"encoder_k.{name}": tensor for name, tensor in averaged.items()}

    native = read_back(tensors, swin(), tmp_path)

    assert_same_tensors(native.tensors, weights_of(swin(), seed=0))
    assert all(name.startswith("encoder_k.") for name in native.left_out)


def test_of_two_swins_neither_is_guessed(tmp_path):
    tensors = {
        f"{who}.{n}": t for who in ("student", "teacher") for n, t in in_format("timm", swin()).items()
    }

    with pytest.raises(CheckpointError, match=r"2 Swins, under student\., teacher\."):
        read_back(tensors, swin(), tmp_path)


def test_mmpretrain_files_do_not_say_whether_small_maps_are_padded(tmp_path):
    native = read_back(in_format("mmpretrain", swin()), swin(), tmp_path)

    assert any("pad_small_map=True needs policy='dense'" in note for note in native.notes)


def test_a_split_projection_that_is_incomplete_names_the_missing_part(tmp_path):
    tensors = in_format("huggingface", swin())
    del tensors["swin.encoder.layers.1.blocks.0.attention.self.key.weight"]

    with pytest.raises(
        CheckpointError, match=r"missing: swin.encoder.layers.1.blocks.0.attention.self.key.weight"
    ):
        read_back(tensors, swin(), tmp_path)


def is_buffer(name: str) -> bool:
    return name.endswith(("relative_position_index", "relative_coords_table", "attn_mask"))


def is_optional(name: str) -> bool:
    """Without its mask token a SimMIM file is an encoder beside something left out."""
    return name.endswith("mask_token")
