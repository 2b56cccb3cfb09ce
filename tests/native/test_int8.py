"""int8: the numbers of its formula on every instruction set, for those who ask, and honest about its loss."""

import pytest
import torch
from PIL import Image

from swinkit.data import digits
from swinkit.errors import ConfigError, KernelRefused
from swinkit.kernels import use_kernel, use_precision
from swinkit.models import Preprocess, create_model
from swinkit.native import for_inference, optimize
from swinkit.verbs.predict import predict
from swinkit.weights import save
from tests.models.builders import small_swin
from tests.native.rounding import in_int8
from tests.native.targets import able_targets, forced, needs_library
from tests.native.test_agreement import CASES

pytestmark = needs_library

WAYS_TO_GO_WRONG = [
    "padded maps, odd merging",
    "rectangular window",
    "head size no multiple of 16",
    "channels no multiple of 16",
    "many hidden units",
]


@pytest.mark.parametrize("target", able_targets("int8"))
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("case", WAYS_TO_GO_WRONG)
def test_answers_are_those_of_the_formula(case, version, target, monkeypatch):
    """The last bit of a norm may round a number to the next step; that is less than all the rounding."""
    forced(monkeypatch, target)
    settings, size = CASES[case]
    model = small_swin(version, **settings)
    x = torch.randn(4, model.config.in_channels, *size)
    formula = in_int8(model, x)
    with torch.inference_mode():
        right, found = model(x), optimize(model, "int8")(x)

    loss = (formula - right).norm()
    assert 0 < (found - formula).norm() < 0.9 * loss
    assert (found - right).norm() < 1.5 * loss


def test_an_infinite_pixel_spoils_its_own_image_only():
    fast, x = optimize(small_swin(window=(3, 5)), "int8"), torch.randn(3, 3, 40, 40)
    with torch.inference_mode():
        right = fast(x)
        for nothing in (torch.nan, torch.inf):
            x[1, 0, 20, 20] = nothing
            spoilt = fast(x)
            assert torch.equal(right[[0, 2]], spoilt[[0, 2]])
            assert spoilt[1].isnan().all()


def test_no_picture_and_a_layer_of_zeros_are_no_trouble():
    model, x = small_swin(), torch.zeros(2, 3, 32, 32)
    with torch.no_grad():
        model.stages[0].blocks[0].mlp.fc1.weight.zero_()
        model.stages[0].blocks[0].mlp.fc1.bias.zero_()
    with torch.inference_mode():
        assert torch.allclose(optimize(model, "int8")(x), model(x), atol=0.05 * float(model(x).abs().max()))


def test_only_who_asks_for_int8_gets_it():
    assert optimize(small_swin()).dtype == "float32"


# ------------------------------------------------------------------------------------ what it says of itself


def prepared(model):
    model.preprocess = Preprocess(image_size=(32, 32))
    return model


def test_agreement_with_float32_is_said_when_it_is_switched_on(capsys):
    fast = optimize(prepared(small_swin()), "int8")

    said = capsys.readouterr().err
    assert said.startswith("int8 is approximate; on 10 pictures: ") and said.count("\n") == 1
    assert str(fast.agreement) in said
    assert fast.agreement.pictures == 10 and fast.agreement.lowest_cosine > 0.99


def test_agreement_is_measured_on_the_pictures_that_are_given():
    model, x = small_swin(), torch.randn(5, 3, 48, 40)
    fast = optimize(model, "int8", sample=x)

    with torch.inference_mode():
        ours, right = fast(x), model(x)
    assert fast.agreement.pictures == 5
    assert fast.agreement.same_answers == (ours.argmax(1) == right.argmax(1)).sum()
    assert fast.agreement.cosine == pytest.approx(float(torch.cosine_similarity(ours, right).mean()))


def test_a_model_that_does_not_say_what_it_sees_asks_for_pictures(capsys):
    model = small_swin()
    model.preprocess = None

    assert optimize(model, "int8").agreement is None
    assert "give images as `sample`" in capsys.readouterr().err


def test_outlier_channels_cost_agreement_and_it_shows(capsys):
    """Channels a hundred times as large as the others, as in large trained models; the same function."""
    model, x = small_swin(), torch.randn(8, 3, 32, 32)
    before = optimize(model, "int8", sample=x).agreement
    plant_outliers(model)

    after = optimize(model, "int8", sample=x).agreement
    assert after.lowest_cosine < before.lowest_cosine
    assert "cosine" in capsys.readouterr().err


def plant_outliers(model, channels=(0, 5), times=100.0):
    """Norms that give a few channels much more, and layers behind them that take as much less. v1 alone."""
    with torch.no_grad():
        for stage in model.stages:
            for block in stage.blocks:
                for norm, layer in ((block.norm1, block.attention.qkv), (block.norm2, block.mlp.fc1)):
                    norm.weight[list(channels)] *= times
                    norm.bias[list(channels)] *= times
                    layer.weight[:, list(channels)] /= times


# ------------------------------------------------------------------------------------ the setting of verbs


def test_precision_chooses_the_type_of_products():
    model = small_swin()
    with use_precision("int8"):
        assert for_inference(model).dtype == "int8"
    with use_precision("fp32"):
        assert for_inference(model).dtype == "float32"
    assert for_inference(model).dtype == "float32"


def test_a_precision_that_cannot_be_had_is_no_silent_float32():
    with use_precision("int8"):
        with use_kernel("torch"), pytest.raises(ConfigError, match="only kernel native answers in"):
            for_inference(small_swin())
        with pytest.raises(KernelRefused, match="float64"):
            for_inference(small_swin().double())
    with pytest.raises(ConfigError, match="no precision 'int4'"), use_precision("int4"):
        pass


@pytest.fixture
def animals(tmp_path):
    """Six pictures, and weights that know six classes."""
    for sample in digits().samples[:6]:
        Image.fromarray(sample.pixels()).save(tmp_path / f"{sample.name}.png")
    model = create_model("swin_pico", classes=("ant", "bee", "cow", "dog", "eel", "fox"), image_size=16)
    return tmp_path, save(model, tmp_path / "animals.safetensors")


def test_predict_in_int8_says_that_it_is_approximate_and_how_far(animals, capsys):
    exact, found = predict(*animals), predict(*animals, precision="int8")

    assert "int8 is approximate; on 6 pictures: 6 answers as in float32" in capsys.readouterr().err
    for one, right in zip(found, exact, strict=True):
        assert one.label == right.label
        assert one.probability != right.probability
        assert one.probability == pytest.approx(right.probability, abs=0.02)


def test_predict_in_int8_by_a_kernel_that_has_none_is_refused(animals):
    with pytest.raises(ConfigError, match="only kernel native answers in precision int8"):
        predict(*animals, precision="int8", kernel="torch")
