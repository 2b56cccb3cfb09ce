from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from swinkit.models import create_model
from swinkit.recipes.fresh import fresh_model
from tests.engine.small_runs import SETTINGS


def test_fresh_weights_depend_on_the_seed_alone() -> None:
    one = fresh_model(SETTINGS, "ab").state_dict()
    torch.rand(3)  # whatever happened before
    again = fresh_model(SETTINGS, "ab").state_dict()
    other = fresh_model(replace(SETTINGS, seed=1), "ab").state_dict()

    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_fresh_model_knows_its_classes_and_how_pictures_are_prepared() -> None:
    model = fresh_model(replace(SETTINGS, resize_to=(18, 18)), ("ant", "bee"))

    assert ("ant", "bee") == model.labels
    assert model.preprocess is not None
    assert ((16, 16), (18, 18)) == (model.preprocess.image_size, model.preprocess.resize_to)


def test_a_narrow_model_keeps_the_variance_of_what_goes_through_its_layers() -> None:
    narrow = fresh_model(replace(SETTINGS, model="swin_nano", image_size=(32, 32)), "ab")

    for name, module in narrow.named_modules():
        if isinstance(module, nn.Linear) and name != "head":
            through = module(torch.randn(500, module.in_features)).var().item()
            assert 1.0 == pytest.approx(through, rel=0.15), name


def test_a_model_of_published_width_begins_as_published() -> None:
    config = replace(SETTINGS, model="swin_tiny", image_size=(224, 224), drop_path=0.0)
    torch.manual_seed(config.seed)
    published = create_model("swin_tiny", classes=("a", "b"), image_size=224).state_dict()

    found = fresh_model(config, ("a", "b")).state_dict()

    assert all(torch.equal(published[name], found[name]) for name in published)
