"""`list_models` against published counts."""

from __future__ import annotations

import pytest

from swinkit.models import SIZES
from swinkit.verbs.models import ModelRow, list_models
from swinkit.weights.catalogue import CATALOGUE

GIGA = 1e9


@pytest.fixture(scope="module")
def rows() -> dict[str, ModelRow]:
    return {row.name: row for row in list_models()}


def test_all_published_weights_and_all_other_sizes_are_listed_once(rows: dict[str, ModelRow]) -> None:
    listed = list_models()

    assert len(listed) == len(rows)
    assert rows.keys() >= CATALOGUE.keys()
    assert {row.size for row in listed} == SIZES.keys()


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [  # parameters and multiply-adds as published for the original models
        ("swin_tiny_patch4_window7_224.ms_in1k", 28_288_354, 4.4906),
        ("swin_base_patch4_window12_384.ms_in1k", 87_903_584, 47.0831),
        ("swin_s3_small_224.ms_in1k", 49_737_298, 9.4047),
        ("swinv2_tiny_window16_256.ms_in1k", 28_347_154, 6.6005),
        ("swinv2_large_window12to24_192to384.ms_in22k_ft_in1k", 196_739_932, 115.3853),
        ("swin_large_patch4_window7_224.ms_in22k", 228_565_093, 34.5078),
    ],
)
def test_counts_are_the_published_ones(rows, name: str, parameters: int, macs: float) -> None:
    assert rows[name].parameters == parameters
    assert rows[name].macs / GIGA == pytest.approx(macs, abs=5e-5)


def test_a_score_comes_with_who_measured_it_how_and_the_licence(rows: dict[str, ModelRow]) -> None:
    timm = rows["swin_tiny_patch4_window7_224.ms_in1k"].weights
    microsoft = rows["microsoft/swin-tiny-patch4-window7-224"].weights

    assert timm is not None
    assert microsoft is not None
    assert (timm.top1, timm.scored_by) == (81.388, "timm")
    assert (microsoft.top1, microsoft.scored_by) == (81.2, "Microsoft")
    assert timm.protocol == "shorter side 248, centre crop 224 × 224, bicubic"
    assert microsoft.protocol == "shorter side 256, centre crop 224 × 224, bicubic"
    assert timm.licence == "MIT"
    assert timm.source == "hf:timm/swin_tiny_patch4_window7_224.ms_in1k"


def test_filters_narrow_the_list() -> None:
    assert all("base" in row.name for row in list_models(filter="base"))
    assert {row.version for row in list_models(version=2)} == {2}
    assert max(row.parameters for row in list_models(max_parameters=30e6)) <= 30e6
    assert all(row.weights for row in list_models(pretrained=True))
    assert [row.name for row in list_models(filter="swin_nano")] == ["swin_nano"]
    assert list_models(filter="swin_nano", pretrained=True) == []
