"""Which parameters decay and in which layer they count, by name."""

import pytest
import torch

from swinkit.errors import ConfigError
from swinkit.models import create_model
from swinkit.models.parameters import decays, layer_number
from tests.models.builders import small_swin


@pytest.mark.parametrize("version", [1, 2])
def test_only_the_matrices_of_layers_decay(version):
    model = small_swin(version, position=True, masked_modelling=True)
    kinds = {
        ".".join(part for part in name.split(".") if not part.isdigit())
        for name, parameter in model.named_parameters()
        if decays(name, parameter)
    }
    assert kinds == {
        "patch_embed.proj.weight",
        "stages.blocks.attention.qkv.weight",
        "stages.blocks.attention.proj.weight",
        "stages.blocks.mlp.fc1.weight",
        "stages.blocks.mlp.fc2.weight",
        "stages.merge.reduction.weight",
        "head.weight",
        "decoder.weight",
    }


def test_layers_count_through_all_blocks():
    """Depths 2-2-6-2 make 14 layers, 0 to 13; a merging belongs to the block before it."""
    depths = (2, 2, 6, 2)
    expected = {
        "patch_embed.proj.weight": 0,
        "mask_token": 0,
        "stages.0.blocks.0.mlp.fc1.weight": 1,
        "stages.0.blocks.1.mlp.fc1.weight": 2,
        "stages.1.merge.norm.weight": 2,
        "stages.1.blocks.0.norm1.bias": 3,
        "stages.2.merge.reduction.weight": 4,
        "stages.2.blocks.5.norm1.bias": 10,
        "stages.3.merge.reduction.weight": 10,
        "stages.3.blocks.1.attention.bias_table": 12,
        "norm.weight": 13,
        "norms.2.bias": 13,
        "head.weight": 13,
    }
    assert {name: layer_number(name, depths) for name in expected} == expected


def test_groups_hold_every_learning_parameter_once():
    model = create_model("swin_pico").freeze(1)
    groups = model.parameter_groups(0.05, layer_decay=0.8)
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    by_name = {group["name"]: group for group in groups}
    assert by_name["layer 5, decay"]["lr_scale"] == 1.0
    assert by_name["layer 4, decay"]["lr_scale"] == pytest.approx(0.8)
    assert by_name["layer 4, no decay"]["weight_decay"] == 0.0
    torch.optim.AdamW(groups, lr=1e-3)


def test_a_layer_decay_above_one_is_refused():
    with pytest.raises(ConfigError, match=r"1\.5"):
        create_model("swin_pico").parameter_groups(0.05, layer_decay=1.5)
