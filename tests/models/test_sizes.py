"""Named sizes have the published numbers of parameters (counted without allocating any)."""

import pytest
import torch

from swinkit.models import ALIASES, SIZES, create_model

# Microsoft's model cards and timm; 1,000 classes, and 21,841 for the 22K heads
PUBLISHED = {
    "swin_tiny_patch4_window7_224": (28_288_354, 44_315_083),
    "swin_small_patch4_window7_224": (49_606_258, 65_632_987),
    "swin_base_patch4_window7_224": (87_768_224, 109_130_249),
    "swin_base_patch4_window12_384": (87_903_584, 109_265_609),
    "swin_large_patch4_window7_224": (196_532_476, 228_565_093),
    "swin_large_patch4_window12_384": (196_735_516, 228_768_133),
    "swin_s3_tiny_224": (28_328_674, None),
    "swin_s3_small_224": (49_737_298, None),
    "swin_s3_base_224": (71_125_762, None),
    "swinv2_tiny_window8_256": (28_347_154, None),
    "swinv2_tiny_window16_256": (28_347_154, None),
    "swinv2_small_window8_256": (49_728_418, None),
    "swinv2_small_window16_256": (49_728_418, None),
    "swinv2_base_window8_256": (87_918_816, None),
    "swinv2_base_window16_256": (87_918_816, None),
    "swinv2_base_window12_192": (87_918_816, 109_280_841),
    "swinv2_base_window12to16_192to256": (87_918_816, 109_280_841),
    "swinv2_base_window12to24_192to384": (87_918_816, 109_280_841),
    "swinv2_large_window12_192": (196_739_932, 228_772_549),
    "swinv2_large_window12to16_192to256": (196_739_932, 228_772_549),
    "swinv2_large_window12to24_192to384": (196_739_932, 228_772_549),
}


def parameters(size: str, **settings) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in create_model(size, **settings).parameters())


@pytest.mark.parametrize("size", PUBLISHED)
def test_parameters_are_as_published(size):
    thousand, many = PUBLISHED[size]
    assert parameters(size) == thousand
    if many is not None:
        assert parameters(size, classes=21_841) == many


def test_every_published_size_is_counted():
    ours = {"swin_pico", "swin_nano", "swin_micro"}
    minis = {"swin_mini_patch2_window4_32", "swin_mini_patch4_window4_64"}
    assert set(PUBLISHED) == set(SIZES) - ours - minis


@pytest.mark.parametrize(
    ("size", "classes", "expected"),
    [("swin_mini_patch2_window4_32", 100, 7.1e6), ("swin_mini_patch4_window4_64", 200, 7.1e6)],
)
def test_a_mini_has_the_published_number_of_parameters(size, classes, expected):
    """Published to two places (Lee et al. 2021, README)."""
    assert expected == pytest.approx(parameters(size, classes=classes), rel=0.01)


def test_a_dense_tiny_has_four_norms_and_no_head():
    assert parameters("swin_tiny", dense=True) == 27_520_698


def test_aliases_name_sizes():
    assert set(ALIASES.values()) <= set(SIZES)
    assert create_model("swinv2_tiny_patch4_window8_256", classes=0).config.version == 2


def test_names_of_classes_make_a_head_with_labels():
    model = create_model("swin_pico", classes=["cat", "dog"])
    assert model.labels == ("cat", "dog")
    assert model.head.out_features == 2
