"""Pickles are read as data: nothing they name is imported or called, whatever they try."""

from __future__ import annotations

import argparse
import builtins
import collections
import contextlib
import enum
import io
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from swinkit.errors import CheckpointError
from swinkit.weights import pickles
from swinkit.weights.pickles import Global, Record, parse
from swinkit.weights.rebuild import rebuild
from swinkit.weights.torch_files import read_stream, read_zip


class Call:
    """Pickles as a call of `function` with `args`: how a hostile file is made."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.args


def read(pickled: bytes) -> Any:
    def no_storage(reference: pickles.Persistent) -> torch.Tensor:
        raise AssertionError("no storage is meant here")

    return rebuild(parse(io.BytesIO(pickled)).value, no_storage)


def named(module: str, name: str) -> bytes:
    """A pickle (protocol 4) whose value is the thing of that name."""
    text = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
    return b"\x80\x04" + text + b"\x93."


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file that a hostile pickle would leave behind."""
    return tmp_path / "trace"


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "os.system": lambda trace: Call(os.system, f"touch {trace}"),
    "subprocess.Popen": lambda trace: Call(subprocess.Popen, ["touch", str(trace)]),
    "subprocess.check_output": lambda trace: Call(subprocess.check_output, ["touch", str(trace)]),
    "builtins.exec": lambda trace: Call(builtins.exec, f"open({str(trace)!r}, 'w').close()"),
    "builtins.eval": lambda trace: Call(builtins.eval, f"open({str(trace)!r}, 'w').close()"),
    "io.open": lambda trace: Call(builtins.open, str(trace), "w"),
    "builtins.getattr": lambda trace: Call(builtins.getattr, Call(builtins.__import__, "os"), "system"),
    "os.mkdir": lambda trace: Call(os.mkdir, str(trace)),
    "torch.serialization.save": lambda trace: Call(torch.save, {"a": 1}, str(trace)),
}


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"builtins.getattr", "subprocess.Popen", "io.open"}))
def test_python_itself_would_run_the_hostile_pickle(name: str, trace: Path) -> None:
    """Guards the tests below: their pickles are real ones."""
    pickle.loads(pickle.dumps(HOSTILE[name](trace)))

    assert trace.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickle_is_refused_by_name_and_leaves_no_trace(name: str, protocol: int, trace: Path) -> None:
    pickled = pickle.dumps({"weights": [1, 2], "config": HOSTILE[name](trace)}, protocol=protocol)

    with pytest.raises(CheckpointError, match=f"refused: the file wants to run {name}"):
        read(pickled)

    assert not trace.exists()


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_object_beside_tensors_is_refused(
    name: str, is_zip: bool, tmp_path: Path, trace: Path
) -> None:
    path = tmp_path / "swin.pth"
    checkpoint = {"model": {"norm.weight": torch.ones(3)}, "optimizer": [HOSTILE[name](trace)]}
    torch.save(checkpoint, path, _use_new_zipfile_serialization=is_zip)

    with pytest.raises(CheckpointError, match=f"refused: the file wants to run {name}"):
        (read_zip if is_zip else read_stream)(path, leave_out={"optimizer"})

    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("posix", "system"),
        ("nt", "system"),
        ("__builtin__", "eval"),
        ("__builtin__", "apply"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("sys", "modules"),
        ("runpy", "run_path"),
        ("importlib", "import_module"),
        ("importlib._bootstrap", "_load"),
        ("ctypes", "CDLL"),
        ("socket", "create_connection"),
        ("shutil", "rmtree"),
        ("pty", "spawn"),
        ("code", "InteractiveInterpreter"),
        ("webbrowser", "open"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
        ("_operator", "methodcaller"),
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("cloudpickle", "loads"),
        ("dill", "loads"),
        ("copyreg", "add_extension"),
        ("torch", "load"),
        ("torch", "hub.load"),
        ("torch.hub", "load"),
        ("torch", "os.system"),
        ("torch.serialization", "os.system"),
        ("torch.utils.cpp_extension", "load_inline"),
        ("numpy", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("types", "CodeType"),
        ("functools", "reduce"),
    ],
)
def test_name_that_can_run_things_is_refused_before_anything_else(module: str, name: str) -> None:
    with pytest.raises(CheckpointError, match="refused: the file wants to run "):
        parse(io.BytesIO(named(module, name)))


def test_refusal_spells_the_platform_module_as_people_know_it() -> None:
    with pytest.raises(CheckpointError, match=r"refused: the file wants to run os\.system\n") as caught:
        parse(io.BytesIO(named("posix", "system")))

    assert "do not trust this file" in caught.value.hint


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(b"(S'touch %s'\nios\nsystem\n.", id="INST"),
        pytest.param(b"ccommands\ngetoutput\n(S'touch'\ntR.", id="a name of Python 2"),
        pytest.param(b"ccopy_reg\npickle\n(tR.", id="copy_reg"),
        pytest.param(b"(cos\nsystem\nS'touch %s'\no.", id="OBJ"),
        pytest.param(b"\x80\x02cos\nsystem\nX\x05\x00\x00\x00touch\x85\x81.", id="NEWOBJ"),
        pytest.param(b"\x80\x04cos\nsystem\nX\x05\x00\x00\x00touch\x85}\x92.", id="NEWOBJ_EX"),
        pytest.param(
            b"cbuiltins\ngetattr\n(cos\n__dict__\nS'get'\ntR(S'system'\ntR(S'touch'\ntR.", id="getattr chain"
        ),
        pytest.param(
            b"cmine\nThing\n)\x81}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsbX\x05\x00\x00\x00touchb.",
            id="BUILD puts in a __setstate__",
        ),
    ],
)
def test_every_way_of_calling_is_refused(pickled: bytes, trace: Path) -> None:
    with pytest.raises(CheckpointError, match="refused: the file wants to run "):
        read(pickled)


def test_calling_what_a_pickle_has_built_itself_is_refused() -> None:
    # functools.partial(mine.run)("x"): the partial alone is data, calling it is not
    pickled = b"cfunctools\npartial\n(cmine\nrun\ntR(S'x'\ntR."

    with pytest.raises(CheckpointError, match=r"call something it has built itself \(functools\.partial\)"):
        read(pickled)


def test_partial_that_is_not_called_is_kept_as_its_parts() -> None:
    import functools

    assert read(pickle.dumps(functools.partial(torch.nn.LayerNorm, eps=1e-6)))[0] == (
        "torch.nn.modules.normalization.LayerNorm"
    )


@pytest.mark.parametrize(
    "opcode", [b"\x82\x01", b"Psomething\n", b"\x97"], ids=["EXT1", "PERSID", "NEXT_BUFFER"]
)
def test_opcode_that_no_checkpoint_needs_is_refused(opcode: bytes) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint needs"):
        read(b"\x80\x05" + opcode + b".")


def test_unknown_function_of_an_imported_module_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("somebodys_package")
    calls: list[Any] = []
    module.run = calls.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys_package", module)

    value = read(b"csomebodys_package\nrun\n(S'argument'\ntR.")

    assert calls == []
    assert value == "argument"


def test_unknown_module_is_not_imported(tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somebodys_module.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    read(b"csomebodys_module\nThing\n)\x81.")

    assert not trace.exists()
    assert "somebodys_module" not in sys.modules


@pytest.fixture
def cfg_node(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles as yacs.config.CfgNode does; gone before the file is read."""

    class CfgNode(dict):  # type: ignore[type-arg]
        def __init__(self, values: dict[str, Any]) -> None:
            nodes = {name: CfgNode(part) if isinstance(part, dict) else part for name, part in values.items()}
            super().__init__(nodes)
            self.__dict__["__immutable__"] = False
            self.__dict__["__deprecated_keys__"] = set()

    return _as_if_in_module(CfgNode, "yacs.config", monkeypatch)


def _as_if_in_module(kind: type, module: str, monkeypatch: pytest.MonkeyPatch) -> type:
    kind.__module__, kind.__qualname__ = module, kind.__name__
    home = types.ModuleType(module)
    setattr(home, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], types.ModuleType("package"))
    monkeypatch.setitem(sys.modules, module, home)
    return kind


@pytest.mark.parametrize("protocol", range(6))
def test_yacs_config_becomes_a_nested_dict(
    cfg_node: Any, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"MODEL": {"SWIN": {"EMBED_DIM": 96, "DEPTHS": [2, 2, 6, 2]}, "NAME": "swin"}, "AUG": {}}
    pickled = pickle.dumps(cfg_node(settings), protocol=protocol)
    monkeypatch.delitem(sys.modules, "yacs.config")

    assert read(pickled) == settings


@pytest.mark.parametrize("protocol", range(6))
def test_namespace_becomes_the_dict_of_its_attributes(protocol: int) -> None:
    arguments = argparse.Namespace(lr=0.1, opt=["adamw"], inner=argparse.Namespace(a=None))

    assert read(pickle.dumps(arguments, protocol=protocol)) == {
        "lr": 0.1,
        "opt": ["adamw"],
        "inner": {"a": None},
    }


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (collections.OrderedDict(b=1, a=[2]), {"b": 1, "a": [2]}),
        (collections.OrderedDict(), {}),
        (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        ({1, 2}, [1, 2]),
        (frozenset([3]), [3]),
        (b"\x00\xff", b"\x00\xff"),
        (b"", b""),
        (bytearray(b"ab"), b"ab"),
        ("é\n☃", "é\n☃"),
        ((1, (2.5, None), True), (1, (2.5, None), True)),
        ({("a", 1): -5, None: 2**70}, {("a", 1): -5, None: 2**70}),
        (torch.Size([1, 2]), (1, 2)),
        (torch.float16, "torch.float16"),
        (torch.device("cpu"), "cpu"),
        (torch.nn.GELU, "torch.nn.modules.activation.GELU"),
        (Path("a"), "a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_everyday_values_come_back_plain(value: Any, expected: Any, protocol: int) -> None:
    came = read(pickle.dumps(value, protocol=protocol))

    assert expected == came
    assert type(came) in (dict, list, tuple, str, bytes, bytearray)


@pytest.mark.parametrize("protocol", range(6))
def test_enumeration_becomes_its_value(protocol: int) -> None:
    came = read(pickle.dumps(Colour.RED, protocol=protocol))

    assert came == "red"


def test_shared_values_stay_shared_and_cycles_end() -> None:
    shared = [1]
    ring: list[Any] = []
    ring.append(ring)

    came = read(pickle.dumps({"a": shared, "b": shared, "ring": ring}))

    assert came["a"] is came["b"]
    assert came["ring"] == [None]


def test_names_in_a_pickle_are_reported() -> None:
    assert parse(io.BytesIO(pickle.dumps(argparse.Namespace()))).names == {"argparse.Namespace"}


def test_record_tells_what_would_be_called() -> None:
    value = parse(io.BytesIO(pickle.dumps(Call(Colour, "red")))).value

    assert isinstance(value, Record)
    assert value.function == Global(f"{Colour.__module__}.Colour")
    assert value.args == ("red",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="f4").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3)),
        np.arange(4, dtype=">i4"),
        np.array([1.5, -2], dtype="f2"),
        np.array([True, False]),
        np.array(7, dtype="u1"),
        np.zeros((0, 3), dtype="i8"),
        np.arange(10, dtype="i2")[::3],
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}",
)
def test_numpy_array_becomes_an_equal_tensor(array: Any, protocol: int) -> None:
    tensor = read(pickle.dumps(array, protocol=protocol))

    assert isinstance(tensor, torch.Tensor)
    assert tensor.shape == array.shape
    np.testing.assert_array_equal(array, tensor.numpy())
    assert tensor.numpy().dtype == array.dtype.newbyteorder("=")


def test_array_of_older_numpy_is_read_under_its_old_module() -> None:
    pickled = pickle.dumps(np.arange(3.0), protocol=2)
    assert b"numpy._core.multiarray" in pickled

    assert read(pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")).tolist() == [0, 1, 2]


def test_array_and_text_of_python_2_are_read() -> None:
    # {'w': array([1., 2.], dtype=float32)} as Python 2.7 with NumPy 1.16 wrote it (protocol 2)
    raw = np.array([1, 2], dtype="<f4").tobytes()
    pickled = (
        b"\x80\x02}q\x00U\x01wq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04"
        b"U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tU\x02f4q\nK\x00K\x01\x87q\x0bRq\x0c(K\x03"
        b"U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89U\x08" + raw + b"q\x0ftq\x10bs."
    )

    assert read(pickled)["w"].tolist() == [1, 2]


@pytest.mark.parametrize("number", [np.float64(0.25), np.int32(-3), np.bool_(True)], ids=repr)
def test_numpy_number_becomes_a_python_number(number: Any) -> None:
    came = read(pickle.dumps(number))

    assert came == number.item()
    assert type(came) is type(number.item())


def test_array_without_numbers_does_not_stop_the_rest() -> None:
    came = read(pickle.dumps({"names": np.array(["a", "b"]), "w": np.ones(2)}))

    assert came["names"] is None
    assert came["w"].tolist() == [1, 1]


def test_array_with_too_few_bytes_is_an_error() -> None:
    pickled = pickle.dumps(np.arange(4, dtype="u1"), protocol=2)
    assert b"K\x04\x85" in pickled, "the shape as the pickle writes it"

    with pytest.raises(CheckpointError, match="comes with 4 numbers"):
        read(pickled.replace(b"K\x04\x85", b"K\x09\x85"))


def test_pickle_cut_anywhere_is_an_error() -> None:
    whole = pickle.dumps({"a": [1.5, "text", b"bytes", (None, {"b": argparse.Namespace(x=1)})]}, protocol=2)

    readable = []
    for length in range(len(whole)):
        try:
            read(whole[:length])
            readable.append(length)
        except CheckpointError:
            pass

    assert readable == []


@pytest.mark.parametrize("seed", range(8))
def test_changed_bytes_give_a_value_or_an_error_of_ours(seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = pickle.dumps(
        {"a": [1.5, "text"], "w": np.ones(3), "n": argparse.Namespace(x=1)}, protocol=seed % 6
    )

    for _ in range(300):
        changed = bytearray(whole)
        changed[random.integers(len(changed))] = random.integers(256)
        with contextlib.suppress(CheckpointError):
            read(bytes(changed))


def test_nesting_that_would_fill_the_memory_is_refused() -> None:
    value: Any = ["lol"]
    for _ in range(60):
        value = [value] * 10

    with pytest.raises(CheckpointError, match="repeat one another"):
        read(pickle.dumps(value))


def test_key_that_would_take_years_to_hash_does_no_harm() -> None:
    key: Any = (1, 1)
    pickled = b"}" + pickle.dumps(key, protocol=0)[:-1]
    pickled += b"2\x86" * 60  # DUP, TUPLE2: a tuple of itself twice, sixty times
    pickled += b"Nsq\x00."

    assert list(read(pickled).values()) == [None]


def test_pair_whose_key_would_take_years_to_hash_does_no_harm() -> None:
    pickled = b"ccollections\nOrderedDict\n(((K\x01" + b"2\x86" * 60 + b"K\x02tttR."

    assert list(read(b"\x80\x02" + pickled).values()) == [2]


SHARED = b"}(" + b"".join(b"M" + number.to_bytes(2, "little") + b"N" for number in range(50_000)) + b"uq\x00"


@pytest.mark.parametrize(
    ("shared", "use"),
    [
        (SHARED, b"h\x01)\x81h\x00b"),
        (SHARED, b"h\x01)h\x00\x92"),
        (SHARED, b"ccollections\nOrderedDict\nh\x00\x85R"),
        (b"X\x40\x42\x0f\x00" + b"x" * 1_000_000 + b"q\x00", b"c_codecs\nencode\nh\x00\x85R"),
    ],
    ids=["state", "named arguments", "entries", "bytes"],
)
def test_large_part_that_thousands_of_objects_would_copy_is_refused(shared: bytes, use: bytes) -> None:
    pickled = b"\x80\x04(" + shared + b"csomewhere\nThing\nq\x01" + use * 1000 + b"l."

    with pytest.raises(CheckpointError, match="copies of the same large one"):
        read(pickled)


@pytest.mark.parametrize("depth", [102, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    with pytest.raises(CheckpointError, match="nested deeper than 100"):
        read(b"]" * depth + b"a" * (depth - 1) + b".")


def test_distant_memo_number_takes_no_memory() -> None:
    assert read(b"\x80\x02]r\xff\xff\xff\xff.") == []


def test_text_of_a_length_the_file_does_not_have_is_an_error() -> None:
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        read(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x00ab.")


def test_number_of_endless_digits_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"a number of 79,99\d bits"):
        read(b"\x80\x02\x8b\x10\x27\x00\x00" + b"\x7f" * 10_000 + b".")


def test_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_STEPS", 1000)

    with pytest.raises(CheckpointError, match="more than 1,000 steps"):
        read(b"(" + b"N" * 2000 + b"t.")
