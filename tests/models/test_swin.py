"""What a model promises: pure, at any size, in any type, with errors that help."""

import copy
import pickle

import pytest
import torch

from swinkit.errors import ConfigError, ShapeError
from swinkit.kernels import use_kernel
from swinkit.models import create_model
from swinkit.windows import POLICIES
from tests.models.builders import scrambled, small_swin
from tests.tolerances import KERNEL, assert_close

SIZES = [(64, 64), (1, 1), (2, 3), (31, 32), (33, 64), (64, 65), (57, 57), (130, 40), (97, 150)]


def image(height, width, *, batch=2, dtype=torch.float32):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randn(batch, 3, height, width, generator=generator).to(dtype)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_gives_finite_logits_that_both_kernels_agree_on(version, policy, size):
    model = small_swin(version, policy=policy).double()
    x = image(*size, dtype=torch.float64)
    if POLICIES[policy].edge == "crop" and min(size) < 2:
        with pytest.raises(ShapeError, match="pad or resize"):
            model(x)
        return
    with torch.no_grad():
        fast = model(x)
        with use_kernel("reference"):
            assert_close(fast, model(x), 1e-10)
    assert fast.shape == (2, 7)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_image_gives_the_same_bits_whatever_came_before(version, policy):
    model = small_swin(version, policy=policy)
    before = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    with torch.no_grad():
        first = model(image(64, 64))
        for size in ((128, 96), (16, 16), (30, 50), (8, 8)):
            model(image(*size))
        assert torch.equal(first, model(image(64, 64)))
        assert torch.equal(first, copy.deepcopy(model)(image(64, 64)))
        assert torch.equal(first, pickle.loads(pickle.dumps(model))(image(64, 64)))
    assert before == {name: value for name, value in vars(model).items() if not name.startswith("_")}


@pytest.mark.parametrize("version", [1, 2])
def test_the_state_holds_learnt_tensors_only(version):
    model = small_swin(version)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("version", [1, 2])
def test_an_image_of_a_batch_does_not_see_the_others(version):
    model = small_swin(version).double()
    x = image(40, 52, batch=3, dtype=torch.float64)
    with torch.no_grad():
        assert_close(model(x)[1:2], model(x[1:2]), 1e-12)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_forward_and_backward_in_every_type(version, dtype):
    model = small_swin(version).to(dtype)
    logits = model(image(40, 52, dtype=dtype))
    assert logits.dtype == dtype
    logits.float().square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    expected = small_swin(version).double()(image(40, 52, dtype=torch.float64))
    if version == 1:
        assert_close(logits, expected, {**KERNEL, torch.float16: 1e-2, torch.bfloat16: 0.1}[dtype])


@pytest.mark.parametrize("version", [1, 2])
def test_autocast_runs_forward_and_backward(version):
    model = small_swin(version)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(image(40, 52))
    logits.float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    if version == 1:
        assert_close(logits, model(image(40, 52)), 0.1)


def test_activations_a_hundred_times_larger_stay_finite_in_half_precision():
    for dtype in (torch.float16, torch.bfloat16):
        for version in (1, 2):
            logits = small_swin(version).to(dtype)(image(32, 32, dtype=dtype) * 100)
            assert torch.isfinite(logits).all()


@pytest.mark.parametrize("version", [1, 2])
def test_transposed_image_gives_transposed_maps(version):
    """Rectangular patch and window, turned together with every table."""
    settings = {"patch_size": (2, 4), "window": (3, 4)}
    model = small_swin(version, dense=True, **settings).double()
    turned = small_swin(version, dense=True, patch_size=(4, 2), window=(4, 3)).double()
    state = {}
    for name, tensor in model.state_dict().items():
        if name == "patch_embed.proj.weight":
            tensor = tensor.transpose(2, 3)
        elif name.endswith("bias_table"):
            tensor = tensor.transpose(1, 2)
        elif name.endswith("cpb.0.weight"):
            tensor = tensor.flip(1)
        elif name.endswith("merge.reduction.weight") or (version == 1 and ".merge.norm." in name):
            parts = tensor.unflatten(-1, (4, -1))[..., [0, 2, 1, 3], :]  # swap row and column parity
            tensor = parts.flatten(-2)
        state[name] = tensor
    turned.load_state_dict(state)
    x = image(37, 90, dtype=torch.float64)
    for a, b in zip(model.features(x), turned.features(x.transpose(2, 3)), strict=True):
        assert_close(b.transpose(2, 3), a, 1e-11)


def test_features_leave_at_the_published_strides_and_channels():
    model = create_model("swin_tiny", dense=True)
    assert model.strides == (4, 8, 16, 32)
    assert model.channels == (96, 192, 384, 768)
    small = small_swin(dense=True)
    maps = small.features(image(61, 90))
    assert [tuple(m.shape[1:]) for m in maps] == [(16, 31, 45), (32, 16, 23), (64, 8, 12)]
    assert all(m.is_contiguous() for m in maps)


@pytest.mark.parametrize("stages", [(0,), (1,), (0, 2), (2,), (0, 1, 2)], ids=str)
def test_a_dense_model_has_no_parameter_that_it_does_not_use(stages):
    model = small_swin(dense=stages, classes=0)
    maps = model.features(image(40, 40))
    assert [m.shape[1] for m in maps] == [16 * 2**s for s in stages]
    torch.cat([m.flatten() for m in maps]).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert len(model.stages) == stages[-1] + 1


def test_norms_and_a_head_stand_in_one_model():
    model = small_swin(classes=3, dense=(0, 2))
    assert model(image(40, 40)).shape == (2, 3)
    assert len(model.features(image(40, 40))) == 2


def test_a_stage_that_was_not_asked_for_is_refused():
    with pytest.raises(ConfigError, match=r"stages \(0, 2\)"):
        small_swin(dense=(0, 2)).features(image(40, 40), stages=(1,))


def test_without_a_head_the_model_gives_the_pooled_vector():
    model = small_swin(classes=0)
    x = image(40, 40)
    assert torch.equal(model(x), model.embed(x))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("policy", ["microsoft", "dense", "timm"])
def test_traced_attention_explains_the_next_map(version, policy):
    """Rows sum to 1 and each token's weights lie in its own window, in image coordinates."""
    model = small_swin(version, policy=policy)
    x = image(36, 50)
    trace = model.trace(x)
    assert sorted(trace.blocks) == [(i, j) for i in range(3) for j in range(2)]
    for block in trace.blocks.values():
        assert_close(block.attention.sum(-1), torch.ones(block.attention.shape[:-1]), 1e-5)
        height, width = block.plan.map
        seen = block.attention_of(height - 1, 0)
        assert seen.shape[1:] == (height, width)
        assert seen[:, height - 1, 0].min() > 0
    with torch.no_grad():
        assert_close(trace.last, next(m for m in [*model._maps(x)][-1:]), 1e-5)


def test_tracing_one_block_gives_that_block():
    trace = small_swin().trace(image(32, 32), blocks=[(1, 1)])
    assert list(trace.blocks) == [(1, 1)]
    with pytest.raises(ConfigError, match=r"\(1, 2\)"):
        small_swin().trace(image(32, 32), blocks=[(1, 2)])


@pytest.mark.parametrize("version", [1, 2])
def test_checkpointed_stages_give_the_same_gradients(version):
    model = small_swin(version, drop_path=0.3).train()
    gradients = []
    for stages in ((), (0, 2)):
        model.checkpoint_stages = stages
        torch.manual_seed(3)
        model.zero_grad()
        model(image(32, 32, batch=4)).square().sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_drop_path_grows_linearly_over_all_blocks_and_drops_whole_images():
    model = create_model("swin_tiny", drop_path=0.2, window=7)
    rates = [getattr(b.drop_path, "rate", 0.0) for stage in model.stages for b in stage.blocks]
    assert rates == pytest.approx([0.2 * k / 11 for k in range(12)])
    drop = model.stages[3].blocks[1].drop_path.train()
    out = drop(torch.ones(400, 3, 3, 2))
    kept = out[:, 0, 0, 0] > 0
    assert torch.equal(out, kept[:, None, None, None] / 0.8 * torch.ones(400, 3, 3, 2))
    assert 0.7 < kept.float().mean() < 0.9


def test_a_fresh_v2_block_is_the_identity():
    model = create_model("swin_pico", version=2, window=4)
    x = torch.randn(1, 8, 8, 16)
    block = model.stages[0].blocks[1]
    assert torch.equal(block(x, model.stages[0].plan(x, 1)), x)


@pytest.mark.parametrize("channels", [1, 2, 13])
def test_other_channel_counts_and_patch_sizes_are_built(channels):
    model = small_swin(in_channels=channels, patch_size=3)
    assert model(torch.randn(1, channels, 31, 40)).shape == (1, 7)


def test_an_absolute_position_is_resized_to_the_map():
    model = small_swin(position=True)
    assert model.position.shape == (1, 32, 32, 16)
    assert model(image(40, 90)).shape == (2, 7)


def test_freezing_stops_the_first_stages_from_learning():
    model = small_swin().freeze(2)
    learning = {
        name.split(".")[0] + name.split(".")[1] for name, p in model.named_parameters() if p.requires_grad
    }
    assert learning == {"stages2", "normweight", "normbias", "headweight", "headbias"}
    assert all(p.requires_grad for p in model.freeze(0).parameters())


def test_what_is_frozen_drops_no_paths_in_training():
    model = small_swin(drop_path=0.9).freeze(2).train()
    x = image(32, 32, batch=2)

    assert [False, False, True] == [stage.training for stage in model.stages]
    assert torch.equal(model.features(x, stages=[1])[0], model.eval().features(x, stages=[1])[0])
    assert all(module.training for module in model.freeze(0).train().modules())


BAD_INPUTS = {
    "no tensor": ([[1.0]], ShapeError, "got list"),
    "no batch": (torch.zeros(3, 8, 8), ShapeError, r"x\[None\]"),
    "channels last": (torch.zeros(1, 8, 8, 3), ShapeError, r"permute\(0, 3, 1, 2\)"),
    "one channel": (torch.zeros(1, 1, 8, 8), ShapeError, "in_channels=1"),
    "integers": (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), ShapeError, "preprocess"),
    "other type": (
        torch.zeros(1, 3, 8, 8, dtype=torch.float64),
        ShapeError,
        "float64, the model torch.float32",
    ),
    "no pixels": (torch.zeros(1, 3, 0, 8), ShapeError, "at least one pixel"),
    "no images": (torch.zeros(0, 3, 8, 8), ShapeError, "at least one pixel"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_the_impossible_says_what_came_and_what_to_do(case):
    given, error, words = BAD_INPUTS[case]
    with pytest.raises(error, match=words) as caught:
        small_swin()(given)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"depths": (2, 2), "num_heads": (2,)}, "num_heads has 1 entries"),
        ({"embed_dim": 15}, "do not divide by"),
        ({"drop_path": 1.5}, "drop_path"),
        ({"classes": -1}, "counts"),
        ({"dense": (2, 1)}, "ascending"),
        ({"dense": (7,)}, "stage 7"),
        ({"window": (1, 2, 3)}, "window takes"),
        ({"wndow": 7}, "wndow"),
        ({"policy": "mmdet"}, "mmdet"),
    ],
)
def test_a_swin_that_cannot_be_built_says_why(settings, words):
    with pytest.raises(ConfigError, match=words):
        create_model("swin_pico", **settings)


def test_an_unknown_size_is_answered_with_near_ones():
    with pytest.raises(ConfigError, match="swin_tiny"):
        create_model("swin_tinny")


@pytest.mark.parametrize("version", [1, 2])
def test_another_window_is_a_new_model_and_another_size_keeps_the_window(version):
    model = small_swin(version)
    larger = model.resize(image_size=96)
    assert larger.config.window == model.config.window
    assert all(torch.equal(a, b) for a, b in zip(larger.parameters(), model.parameters(), strict=True))
    wider = model.resize(window=6)
    assert wider.config.window == ((6, 6),) * 3
    assert model.config.window == ((4, 4),) * 3
    assert wider(image(48, 48)).shape == (2, 7)
    if version == 2:
        assert wider.config.pretrained_window == ((4, 4),) * 3
        again = wider.resize(window=4)
        x = image(32, 32)
        assert torch.equal(again(x), model(x))


def test_masked_modelling_reconstructs_an_image_of_the_same_size():
    model = scrambled(create_model("swin_pico", masked_modelling=True, classes=0, window=4))
    x = image(32, 32)
    mask = (torch.rand(2, 16, 16) < 0.6).float()
    assert model.reconstruct(x, mask).shape == x.shape
    hidden_changed = x + 9 * torch.nn.functional.interpolate(mask[:, None], scale_factor=2)
    assert_close(model.reconstruct(hidden_changed, mask), model.reconstruct(x, mask), 1e-6)
    with pytest.raises(ShapeError, match="over patches"):
        model.reconstruct(x, mask[:, 1:])
    with pytest.raises(ConfigError, match="masked_modelling"):
        small_swin().reconstruct(x, mask)
