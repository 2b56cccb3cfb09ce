"""`optimize`: it follows the model, refuses what it would not compute, and is a module like any other."""

import copy
import pickle
import threading

import pytest
import torch
from torch import nn

import swinkit
from swinkit.errors import ConfigError, KernelRefused, ShapeError
from swinkit.kernels import kernel_report, use_kernel
from swinkit.kernels.library import chosen_target
from swinkit.models import Preprocess
from swinkit.native import for_inference, optimize
from swinkit.native.network import PackedSwin
from tests.models.builders import small_swin
from tests.native.targets import able_targets, needs_library
from tests.tolerances import assert_close

pytestmark = needs_library
ROUNDING = 1e-4  # two computations in float32, of a network that may amplify rounding a hundredfold


@pytest.fixture
def model():
    return small_swin()


@pytest.fixture
def x():
    return torch.randn(2, 3, 32, 32)


def agrees(fast, x):
    with torch.inference_mode():
        assert_close(fast(x), fast.model(x), ROUNDING)


# ------------------------------------------------------------------------------------ changed weights


def step(model):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    model(torch.randn(2, 3, 32, 32)).square().mean().backward()
    optimiser.step()


def edit_in_place(model):
    with torch.no_grad():
        model.stages[1].blocks[0].mlp.fc1.bias.add_(1)


def write_through_data(model):
    model.stages[0].blocks[1].attention.proj.weight.data.mul_(3)


def replace_a_parameter(model):
    model.head.weight = nn.Parameter(torch.randn_like(model.head.weight))


def replace_a_module(model):
    model.head = nn.Linear(model.head.in_features, 7)


def load_a_state(model):
    model.load_state_dict({name: value + 0.1 for name, value in model.state_dict().items()})


@pytest.mark.parametrize(
    "change",
    [step, edit_in_place, write_through_data, replace_a_parameter, replace_a_module, load_a_state],
    ids=lambda change: change.__name__,
)
def test_packed_weights_follow_the_model(change, model, x):
    fast = optimize(model)
    agrees(fast, x)
    before = model(x)
    change(model)
    assert not torch.allclose(before, model(x))
    agrees(fast, x)


def test_refresh_packs_what_no_sample_shows(model, x):
    fast = optimize(model)
    agrees(fast, x)
    model.stages[1].blocks[0].mlp.fc2.weight.data[3, 5] += 30
    fast.refresh()
    agrees(fast, x)


# ------------------------------------------------------------------------------------ refusals


def spoilt(model, how):
    if how == "a foreign module":
        model.stages[0].blocks[0].mlp = nn.Sequential(nn.Linear(16, 16))
    elif how == "hooks":
        model.stages[0].register_forward_hook(lambda *_: None)
    elif how == "another forward":
        model.norm.forward = lambda x: x
    elif how == "double precision":
        model.double()
    elif how == "a parametrization":
        torch.nn.utils.parametrizations.weight_norm(model.head)
    return model


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("a foreign module", "stages.0.blocks.0.mlp is a Sequential"),
        ("hooks", "stages.0 carries hooks"),
        ("another forward", "forward of norm was replaced"),
        ("double precision", "float64"),
        ("a parametrization", "head is a Parametrized"),
    ],
)
def test_what_is_not_exactly_ours_is_refused_by_name(how, said, model):
    with pytest.raises(KernelRefused, match=said):
        optimize(spoilt(model, how))


def test_another_model_is_refused():
    with pytest.raises(KernelRefused, match="it is a Linear"):
        optimize(nn.Linear(3, 3))


def test_a_hook_that_comes_later_is_noticed(model, x):
    fast = optimize(model)
    agrees(fast, x)
    model.stages[1].blocks[0].register_forward_pre_hook(lambda *_: None)
    with pytest.raises(KernelRefused, match=r"stages\.1\.blocks\.0 carries hooks"), torch.no_grad():
        fast(x)


def test_gradients_are_refused_and_frozen_weights_need_no_context(model, x):
    fast = optimize(model)
    with pytest.raises(KernelRefused, match="no gradients"):
        fast(x)
    model.requires_grad_(False)
    assert not fast(x).requires_grad
    with pytest.raises(KernelRefused, match="no gradients"):
        fast(x.requires_grad_())


def test_training_mode_with_stochastic_depth_is_refused(x):
    fast = optimize(small_swin(drop_path=0.2).train())
    with pytest.raises(KernelRefused, match="stochastic depth"), torch.no_grad():
        fast(x)
    agrees(fast.eval(), x)


def test_wrong_words_and_wrong_images_are_named(model):
    with pytest.raises(ConfigError, match="no dtype 'float8'"):
        optimize(model, "float8")
    with pytest.raises(ConfigError, match="threads is a count"):
        optimize(model, threads=0)
    with pytest.raises(ShapeError, match="add a batch axis"):
        optimize(model)(torch.randn(3, 32, 32))


def test_an_instruction_set_that_does_not_exist_is_named(model, monkeypatch):
    monkeypatch.setenv("SWINKIT_ISA", "mmx")
    with pytest.raises(ConfigError, match="'mmx'"):
        optimize(model)


# ------------------------------------------------------------------------------------ a module like any other


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda fast: pickle.loads(pickle.dumps(fast))])
def test_a_copy_computes_by_itself(copied, model, x):
    fast = optimize(model)
    agrees(fast, x)
    other = copied(fast)
    assert other.memory.packed == 0
    edit_in_place(model)
    agrees(other, x)
    agrees(fast, x)
    assert not torch.equal(other.model.head(other.model.embed(x)), model(x))


def test_a_model_that_was_moved_is_refused_until_it_is_back(model, x):
    fast = optimize(model)
    agrees(fast, x)
    with pytest.raises(KernelRefused, match="float64"), torch.no_grad():
        fast.to(torch.float64)(x.double())
    agrees(fast.to(torch.float32), x)


def test_it_knows_what_its_model_knows(model):
    fast = optimize(model)
    assert model.config == fast.config
    assert model.preprocess == fast.preprocess
    assert (model.labels, model.channels, model.strides) == (fast.labels, fast.channels, fast.strides)
    assert list(model.state_dict()) == [name.removeprefix("model.") for name in fast.state_dict()]
    assert fast.target == able_targets()[0]


def test_calls_from_several_threads_at_once_do_not_meet(model):
    fast = optimize(model, threads=2)
    inputs = [torch.randn(1, 3, 24 + 8 * i, 40) for i in range(4)]
    with torch.inference_mode():
        right = [fast(one) for one in inputs]
    wrong = []

    def call(i):
        with torch.inference_mode():
            wrong.extend(i for _ in range(20) if not torch.equal(right[i], fast(inputs[i])))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_forked_process_computes_too(model, x):
    import multiprocessing

    fast = optimize(model, threads=2)
    with torch.inference_mode():
        right = fast(x)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        there = pool.apply(_call, (fast, x))
    assert torch.equal(right, torch.tensor(there))


def _call(fast, x):
    with torch.inference_mode():
        return fast(x).tolist()


# ------------------------------------------------------------------------------------ uint8 images


@pytest.fixture
def pictures():
    return torch.randint(256, (3, 3, 34, 41), dtype=torch.uint8)


@pytest.mark.parametrize("target", able_targets())
def test_uint8_images_are_normalised_as_preprocess_does(target, model, pictures, monkeypatch):
    monkeypatch.setenv("SWINKIT_ISA", target)
    model.preprocess = Preprocess(image_size=(34, 41), mean=(0.5, 0.3, 0.1), std=(0.2, 0.3, 0.4))
    fast = optimize(model)
    prepared = torch.stack([model.preprocess(one.permute(1, 2, 0).numpy()) for one in pictures])
    with torch.inference_mode():
        assert_close(fast(pictures), fast(prepared), ROUNDING)
        assert_close(fast.embed(pictures), fast.embed(prepared), ROUNDING)
        assert torch.equal(fast(pictures), fast(pictures.contiguous(memory_format=torch.channels_last)))


def test_uint8_images_of_a_model_without_preprocess_are_refused(model, pictures):
    model.preprocess = None
    with pytest.raises(ShapeError, match="does not say how they are normalised"):
        optimize(model)(pictures)


def test_other_integers_and_wrong_shapes_of_uint8_are_named(model, pictures):
    fast = optimize(model)
    with pytest.raises(ShapeError, match="int64"):
        fast(pictures.long())
    with pytest.raises(ShapeError, match="add a batch axis"):
        fast(pictures[0])


# ------------------------------------------------------------------------------------ compile and export


def test_a_compiled_graph_holds_one_node_for_the_network(model, x):
    fast, graphs = optimize(model), []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    with torch.no_grad():
        compiled = torch.compile(lambda images: fast(images).softmax(-1), backend=backend, fullgraph=True)
        assert torch.equal(fast(x).softmax(-1), compiled(x))
    called = [str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"]
    assert ["swinkit.run_network"] == [name for name in called if "swinkit" in name]
    assert len(called) < 5


def test_the_operator_is_registered_as_torch_asks(model, x):
    fast = optimize(model.requires_grad_(False))
    fast(x)
    for wanted, stages in (("logits", []), ("embedding", []), ("encoded", []), ("maps", [0, 2])):
        torch.library.opcheck(torch.ops.swinkit.run_network.default, (x, fast._number, wanted, stages))


def test_an_export_takes_the_portable_path(model, x):
    with torch.no_grad():
        program = torch.export.export(optimize(model), (x,))
        assert "run_network" not in program.graph_module.code
        assert_close(program.module()(x), model(x), ROUNDING)


def test_an_export_for_uint8_images_normalises_them(model, pictures):
    model.preprocess = Preprocess(image_size=(34, 41))
    fast = optimize(model)
    with torch.no_grad():
        program = torch.export.export(fast, (pictures,))
        assert_close(program.module()(pictures), fast(pictures), ROUNDING)


# ------------------------------------------------------------------------------------ who uses it


def test_inference_takes_it_unless_another_kernel_is_forced(model):
    assert isinstance(for_inference(model), swinkit.native.OptimizedSwin)
    with use_kernel("torch"):
        assert model is for_inference(model)
    with use_kernel("native"), pytest.raises(KernelRefused, match="carries hooks"):
        for_inference(spoilt(model, "hooks"))
    assert model is for_inference(model)


def test_doctor_says_what_runs():
    native = kernel_report()[0]
    assert native.name == "native" and native.runs
    assert all(name in native.why for name in able_targets())
    with use_kernel("native"):
        assert kernel_report()[0].why.startswith("forced")
    with use_kernel("reference"):
        assert ["reference"] == [row.name for row in kernel_report() if row.runs]


# ---------------------------------------------------------------------- what torch takes for granted


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_pixels_of_another_type_under_autocast_are_read_as_what_they_are(model, x, dtype):
    fast, x = optimize(model), x.to(dtype)
    with torch.inference_mode():
        right = fast(x.float())
        with torch.autocast("cpu", torch.bfloat16):
            found = fast(x)

    assert torch.equal(right, found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_another_default_type_changes_nothing(model, x, dtype):
    model.preprocess = Preprocess(image_size=(32, 32), mean=(0.5,) * 3, std=(0.2,) * 3)
    fast, pictures = optimize(model), torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)

    def answers():
        with torch.inference_mode():
            found = [fast(x), fast(pictures)]
        leaf = x.clone().requires_grad_()
        model.train()
        model(leaf).square().sum().backward()
        model.eval()
        return [*found, leaf.grad]

    right = answers()
    fast.refresh()
    torch.set_default_dtype(dtype)
    try:
        found = answers()
    finally:
        torch.set_default_dtype(torch.float32)

    assert all(one.dtype == torch.float32 for one in found)
    assert all(map(torch.equal, right, found))


def test_another_default_device_changes_nothing(model, x):
    fast = optimize(model)
    with torch.inference_mode():
        right = fast(x)
        fast.refresh()
        with torch.device("meta"):
            found = optimize(model)(x)

    assert torch.equal(right, found)


def test_a_network_keeps_what_it_points_to_when_others_are_forgotten(x):
    """Of many image sizes some are forgotten, perhaps while another thread runs one of them."""
    model = small_swin(position=True)
    packed = PackedSwin(model, chosen_target("float32"))
    network = packed.network((32, 32))
    where = network.position

    for side in range(1, 80):
        packed.network((side, 8))

    assert network.kept is not None and network.kept.data_ptr() == where
