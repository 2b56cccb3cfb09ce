"""Any container becomes the same named tensors; everything else becomes one clear sentence."""

from __future__ import annotations

import argparse
import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from swinkit.errors import CheckpointError
from swinkit.weights.files import read_file
from swinkit.weights.torch_files import read_zip

FORMATS = pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])


def small_model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))


def assert_same(expected: dict[str, torch.Tensor], came: dict[str, torch.Tensor]) -> None:
    assert list(expected) == list(came)
    for name, tensor in expected.items():
        assert tensor.dtype == came[name].dtype, name
        assert torch.equal(tensor, came[name]), name


# Files of torch.save --------------------------------------------------------------------------------


@FORMATS
def test_state_dict_is_read_as_torch_reads_it(is_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    torch.save(small_model().state_dict(), path, _use_new_zipfile_serialization=is_zip)

    raw = read_file(path)

    assert_same(torch.load(path, weights_only=True), raw.tensors)
    assert raw.path == path
    assert raw.extra == {}
    assert raw.notes == ()


@FORMATS
@pytest.mark.parametrize(
    "dtype",
    [
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bool,
        torch.complex64,
        torch.uint16,
        torch.float8_e4m3fn,
    ],
    ids=str,
)
def test_every_type_of_number_is_read(dtype: torch.dtype, is_zip: bool, tmp_path: Path) -> None:
    tensor = torch.tensor([0, 1, 1, 0, 1]).to(dtype)
    path = tmp_path / "swin.pth"
    torch.save({"w": tensor}, path, _use_new_zipfile_serialization=is_zip)

    came = read_file(path).tensors["w"]

    assert came.dtype == dtype
    assert came.float().tolist() == [0, 1, 1, 0, 1] if not dtype.is_complex else torch.equal(came, tensor)


@st.composite
def views(draw: st.DrawFn) -> torch.Tensor:
    """A transposed, sliced or expanded piece of a larger tensor."""
    sides = draw(st.lists(st.integers(0, 4), min_size=0, max_size=4))
    tensor = torch.arange(int(np.prod([side + 2 for side in sides])) or 1, dtype=torch.float32)
    tensor = tensor.reshape([side + 2 for side in sides])
    for axis, side in enumerate(sides):
        start = draw(st.integers(0, 2))
        tensor = tensor.narrow(axis, start, side)
    if draw(st.booleans()) and sides:
        tensor = tensor.unsqueeze(0).expand(3, *tensor.shape)
    return tensor.permute(draw(st.permutations(range(tensor.ndim))))


@given(tensor=views(), is_zip=st.booleans())
def test_views_are_read_as_torch_reads_them(
    tensor: torch.Tensor, is_zip: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("views") / "swin.pth"
    torch.save({"w": tensor, "first": tensor.flatten()[:1]}, path, _use_new_zipfile_serialization=is_zip)

    came = read_file(path).tensors["w"]

    assert torch.equal(tensor, came)
    assert came.stride() == torch.load(path, weights_only=True)["w"].stride() or came.numel() == 0


@FORMATS
def test_tensors_that_share_numbers_go_on_sharing_them(is_zip: bool, tmp_path: Path) -> None:
    table = torch.arange(6.0)
    path = tmp_path / "swin.pth"
    torch.save(
        {"whole": table, "half": table[3:], "again": table}, path, _use_new_zipfile_serialization=is_zip
    )

    came = read_file(path).tensors
    came["whole"][4] = -1

    assert came["half"].tolist() == [3, -1, 5]
    assert came["again"][4] == -1


@FORMATS
def test_parameters_and_tensors_with_attributes_are_tensors(is_zip: bool, tmp_path: Path) -> None:
    marked = torch.nn.Parameter(torch.ones(2))
    marked.note = "kept by nobody"  # type: ignore[attr-defined]
    tensor = torch.zeros(2)
    tensor.note = "kept by nobody"  # type: ignore[attr-defined]
    path = tmp_path / "swin.pth"
    checkpoint = collections.OrderedDict(a=torch.nn.Parameter(torch.ones(1)), b=marked, c=tensor)
    torch.save(checkpoint, path, _use_new_zipfile_serialization=is_zip)

    came = read_file(path).tensors

    assert {name: tensor.tolist() for name, tensor in came.items()} == {"a": [1], "b": [1, 1], "c": [0, 0]}
    assert not any(tensor.requires_grad for tensor in came.values())


@FORMATS
def test_training_checkpoint_gives_weights_and_plain_extras(is_zip: bool, tmp_path: Path) -> None:
    model = small_model()
    optimiser = torch.optim.AdamW(model.parameters())
    sum(parameter.sum() for parameter in model.parameters()).backward()  # type: ignore[union-attr]
    optimiser.step()
    path = tmp_path / "ckpt_epoch_7.pth"
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimiser.state_dict(),
        "lr_scheduler": {"base_lrs": [0.1]},
        "scaler": {},
        "epoch": 7,
        "max_accuracy": torch.tensor(81.25),
        "best": np.float64(0.5),
        "args": argparse.Namespace(lr=1e-3, tags=["a"]),
        "queue": [torch.ones(3)],
    }
    torch.save(checkpoint, path, _use_new_zipfile_serialization=is_zip)

    raw = read_file(path)

    assert_same(dict(model.state_dict()), raw.tensors)
    assert raw.extra == {"epoch": 7, "max_accuracy": 81.25, "best": 0.5, "args": {"lr": 1e-3, "tags": ["a"]}}
    assert raw.notes[0] == "left out: optimizer, lr_scheduler, scaler, queue"
    assert "argparse.Namespace" in raw.notes[1]


def test_storages_of_what_is_left_out_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    torch.save({"model": {"w": torch.ones(2)}, "optimizer": {"m": torch.full((1000,), 7.0)}}, path)
    damaged = path.read_bytes().replace(struct.pack("<f", 7.0) * 1000, b"\xff" * 4000)
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)

    assert read_file(path).tensors["w"].tolist() == [1, 1]


def test_config_of_a_class_that_is_not_installed_is_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CfgNode(dict):  # type: ignore[type-arg]
        pass

    CfgNode.__module__, CfgNode.__qualname__ = "yacs.config", "CfgNode"
    config = types.ModuleType("yacs.config")
    config.CfgNode = CfgNode  # type: ignore[attr-defined]
    path = tmp_path / "swin.pth"
    with monkeypatch.context() as while_saving:
        while_saving.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
        while_saving.setitem(sys.modules, "yacs.config", config)
        node = CfgNode(MODEL=CfgNode(SWIN=CfgNode(WINDOW_SIZE=7)))
        torch.save({"model": {"w": torch.ones(1)}, "config": node}, path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)

    raw = read_file(path)

    assert raw.extra["config"] == {"MODEL": {"SWIN": {"WINDOW_SIZE": 7}}}
    assert raw.notes == (
        "classes named in the file were not run, their values were kept: yacs.config.CfgNode",
    )


class Elsewhere(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = small_model()
        self.register_buffer("index", torch.arange(3))
        self.register_buffer("passing", torch.arange(2), persistent=False)


@FORMATS
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch cannot always find the source of a class
def test_whole_pickled_model_gives_its_state_dict(is_zip: bool, tmp_path: Path) -> None:
    model = Elsewhere()
    path = tmp_path / "model.pt"
    torch.save({"epoch": 1, "model": model}, path, _use_new_zipfile_serialization=is_zip)

    raw = read_file(path)

    expected = model.state_dict()
    assert expected.keys() == raw.tensors.keys()
    assert all(torch.equal(expected[name], raw.tensors[name]) for name in expected)
    assert raw.extra == {"epoch": 1}
    assert raw.notes[0].startswith("a whole pickled model")


def test_file_without_checksums_is_read(tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"w": torch.ones(2)}, path)
    finally:
        torch.serialization.set_crc32_options(before)

    assert read_file(path).tensors["w"].tolist() == [1, 1]


def test_ending_of_the_name_does_not_matter(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "swin.safetensors")
    save_file({"w": torch.ones(2)}, tmp_path / "swin.pth")

    assert read_file(tmp_path / "swin.safetensors").tensors["w"].tolist() == [1, 1]
    assert read_file(tmp_path / "swin.pth").tensors["w"].tolist() == [1, 1]


# Files made by hand: other byte orders, compression, lies -------------------------------------------


class Storage:
    """Stands for a storage in a pickle made by hand."""

    def __init__(self, kind: str, count: int, key: str = "0") -> None:
        self.kind, self.count, self.key = kind, count, key


class Tensor:
    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any) -> None:
        self.args = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, self.args


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Storage):
            return "storage", getattr(torch, value.kind), value.key, "cpu", value.count
        return None


def pickled(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue()


def zip_by_hand(
    path: Path,
    value: Any,
    storages: dict[str, bytes],
    *,
    byteorder: str = "little",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled(value))
        archive.writestr("archive/byteorder", byteorder)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
    return path


def test_numbers_of_a_big_endian_machine_are_turned_round_in_a_zip(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 3), 0, (3,), (1,))}
    content = np.array([1, 2, 3], dtype=">f4").tobytes()

    raw = read_file(zip_by_hand(tmp_path / "swin.pth", value, {"0": content}, byteorder="big"))

    assert raw.tensors["w"].tolist() == [1, 2, 3]


def test_numbers_of_a_big_endian_machine_are_turned_round_in_a_stream(tmp_path: Path) -> None:
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": False}]
    value = {"w": Tensor(Storage("ShortStorage", 3), 0, (3,), (1,))}
    body = b"".join(pickle.dumps(part, 2) for part in parts) + pickled_stream(value) + pickle.dumps(["0"], 2)
    path = tmp_path / "swin.pth"
    path.write_bytes(body + struct.pack(">q", 3) + np.array([1, 2, 3], dtype=">i2").tobytes())

    assert read_file(path).tensors["w"].tolist() == [1, 2, 3]


class _StreamPickler(pickle.Pickler):
    view: Any = None

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Storage):
            return "storage", getattr(torch, value.kind), value.key, "cpu", value.count, self.view
        return None


def pickled_stream(value: Any, view: Any = None) -> bytes:
    buffer = io.BytesIO()
    pickler = _StreamPickler(buffer, protocol=2)
    pickler.view = view
    pickler.dump(value)
    return buffer.getvalue()


def stream_by_hand(path: Path, value: Any, content: bytes, count: int, view: Any = None) -> Path:
    parts: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    body = (
        b"".join(pickle.dumps(part, 2) for part in parts)
        + pickled_stream(value, view)
        + pickle.dumps(["0"], 2)
    )
    path.write_bytes(body + struct.pack("<q", count) + content)
    return path


def test_view_into_a_storage_of_an_early_torch_is_read(tmp_path: Path) -> None:
    content = np.arange(6, dtype="<f4").tobytes()
    value = {"w": Tensor(Storage("FloatStorage", 6), 1, (2,), (1,))}

    raw = read_file(stream_by_hand(tmp_path / "swin.pth", value, content, 6, view=("1", 2, 4)))

    assert raw.tensors["w"].tolist() == [3, 4]


def test_view_outside_a_storage_of_an_early_torch_is_refused(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 2), 0, (2,), (1,))}
    path = stream_by_hand(tmp_path / "swin.pth", value, bytes(8), 2, view=("1", 2, 4))

    with pytest.raises(CheckpointError, match="lies outside it"):
        read_file(path)


def test_stream_that_counts_more_numbers_than_it_has_is_cut_short(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 2), 0, (2,), (1,))}
    path = stream_by_hand(tmp_path / "swin.pth", value, bytes(8), 2**60)

    with pytest.raises(CheckpointError, match="is cut short"):
        read_file(path)


@pytest.mark.parametrize(
    ("offset", "size", "stride", "sentence"),
    [
        (0, (5,), (1,), "reaches number 5 in a storage of 4"),
        (4, (1,), (1,), "reaches number 5"),
        (0, (2, 2), (3, 1), "reaches number 5"),
        (2**62, (2,), (1,), "reaches number"),
        (-1, (1,), (1,), "no row of counts"),
        (0, (2,), (-1,), "no row of counts"),
        (0, (-2,), (1,), "no row of counts"),
        (0, ("2",), (1,), "no row of counts"),
        (0, (2, 2), (1,), "size"),
        (0, (10_000, 10_000), (0, 0), "is expanded from 4 stored numbers"),
        (0, (1,) * 40, (1,) * 40, "size"),
    ],
)
def test_tensor_outside_its_storage_is_refused(
    offset: Any, size: Any, stride: Any, sentence: str, tmp_path: Path
) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 4), offset, size, stride)}
    path = zip_by_hand(tmp_path / "swin.pth", value, {"0": bytes(16)})

    with pytest.raises(CheckpointError, match=sentence):
        read_file(path)


def test_storage_shorter_than_the_pickle_says_is_refused(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 400), 0, (400,), (1,))}

    with pytest.raises(CheckpointError, match="has 16 bytes, 1,600 are needed"):
        read_file(zip_by_hand(tmp_path / "swin.pth", value, {"0": bytes(16)}))


def test_storage_that_is_missing_is_named(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 4), 0, (4,), (1,))}

    with pytest.raises(CheckpointError, match="no entry data/0"):
        read_file(zip_by_hand(tmp_path / "swin.pth", value, {}))


def test_compressed_entries_are_read(tmp_path: Path) -> None:
    value = {"w": Tensor(Storage("FloatStorage", 3), 0, (3,), (1,))}
    content = np.array([1, 2, 3], dtype="<f4").tobytes()

    raw = read_file(
        zip_by_hand(tmp_path / "swin.pth", value, {"0": content}, compression=zipfile.ZIP_DEFLATED)
    )

    assert raw.tensors["w"].tolist() == [1, 2, 3]


def test_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    count = 2**25  # 128 MiB of zeros in 130 kB
    value = {"w": Tensor(Storage("FloatStorage", count), 0, (count,), (1,))}
    path = zip_by_hand(
        tmp_path / "swin.pth", value, {"0": bytes(4 * count)}, compression=zipfile.ZIP_DEFLATED
    )
    assert path.stat().st_size < 200_000

    with pytest.raises(CheckpointError, match="refused: its zip claims to hold"):
        read_file(path)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a/data.pkl", pickled({}))
        archive.writestr("a/data.pkl", pickled({}))

    with pytest.raises(CheckpointError, match="two entries of one name"):
        read_file(path)


def test_entry_that_does_not_match_its_checksum_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    torch.save({"w": torch.full((100,), 7.0)}, path)
    path.write_bytes(path.read_bytes().replace(struct.pack("<f", 7.0) * 100, b"\x01" * 400))

    with pytest.raises(CheckpointError, match="does not match its checksum"):
        read_file(path)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.eye(2).to_sparse(), "sparse"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantised"),
        (lambda: torch.empty(2, device="meta"), "meta"),
    ],
    ids=["sparse", "quantised", "meta"],
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_tensor_that_is_not_dense_is_refused_in_words(
    make: Callable[[], torch.Tensor], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "swin.pth"
    torch.save({"w": make()}, path)

    with pytest.raises(CheckpointError, match=f"holds a {kind}"):
        read_file(path)


def test_tensors_of_plain_pickle_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "swin.pkl"
    path.write_bytes(pickle.dumps({"w": torch.ones(2)}))

    with pytest.raises(CheckpointError, match=r"written by pickle\.dump") as caught:
        read_file(path)

    assert "torch.save" in caught.value.hint


def write_zip(path: Path) -> None:
    torch.save({"model": {"w": torch.arange(8.0)}, "epoch": 3}, path)


def write_stream(path: Path) -> None:
    torch.save({"model": {"w": torch.arange(8.0)}, "epoch": 3}, path, _use_new_zipfile_serialization=False)


def write_safetensors(path: Path) -> None:
    save_file({"w": torch.arange(8.0)}, path, metadata={"format": "pt"})


def write_numpy_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"model": {"w": np.arange(8.0)}, "epoch": 3}, protocol=2))


WRITERS = pytest.mark.parametrize("write", [write_zip, write_stream, write_safetensors, write_numpy_pickle])


@WRITERS
def test_file_cut_anywhere_is_an_error(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert read_file(tmp_path / "whole").tensors["w"].tolist() == list(range(8))

    readable = []
    for length in range(0, len(whole), 3 if len(whole) > 600 else 1):
        (tmp_path / "cut").write_bytes(whole[:length])
        try:
            read_file(tmp_path / "cut")
            readable.append(length)
        except CheckpointError as error:
            assert str(error).startswith(str(tmp_path / "cut"))

    assert readable == []


@WRITERS
@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_give_tensors_or_an_error_of_ours(
    write: Callable[[Path], None], seed: int, tmp_path: Path
) -> None:
    random = np.random.default_rng(seed)
    write(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()

    for _ in range(100):
        changed = bytearray(whole)
        for _ in range(1 + seed):
            changed[random.integers(len(changed))] = random.integers(256)
        (tmp_path / "changed").write_bytes(changed)
        try:
            tensors = read_file(tmp_path / "changed").tensors
        except CheckpointError:
            continue
        assert all(torch.isfinite(tensor.double()).numel() == tensor.numel() for tensor in tensors.values())


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (write_zip, "is cut short: the table at its end is missing"),
        (write_stream, "is cut short: storage"),
        (write_safetensors, r"is cut short: it should have \d+ bytes, it has \d+"),
        (write_numpy_pickle, "damaged or cut short"),
    ],
)
def test_cut_file_says_so(write: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "swin.pth"
    write(path)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_file(path)

    assert caught.value.hint == "fetch or copy the file again"


def saved(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state", "model_state_dict", "module", "net"])
def test_weights_are_found_under_the_keys_programs_use(key: str, tmp_path: Path) -> None:
    raw = read_file(saved(tmp_path / "a.pth", {key: {"w": torch.ones(1)}, "epoch": 2}))

    assert list(raw.tensors) == ["w"]
    assert raw.extra == {"epoch": 2}


def test_wrappers_in_wrappers_are_opened(tmp_path: Path) -> None:
    value = {"model": {"state_dict": {"module.w": torch.ones(1)}, "arch": "swin"}, "epoch": 2}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert list(raw.tensors) == ["w"]
    assert raw.extra == {"epoch": 2, "arch": "swin"}


def test_configuration_called_model_is_not_taken_for_weights(tmp_path: Path) -> None:
    value = {"model": {"type": "swin"}, "weights": {"w": torch.ones(1)}}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert list(raw.tensors) == ["w"]
    assert raw.extra == {"model": {"type": "swin"}}


def test_parameter_called_like_a_wrapper_or_like_the_optimiser_stays_a_parameter(tmp_path: Path) -> None:
    value = {"model": torch.ones(1), "scaler": torch.ones(2), "norm.weight": torch.ones(3)}

    assert list(read_file(saved(tmp_path / "a.pth", value)).tensors) == ["model", "scaler", "norm.weight"]


@pytest.mark.parametrize("key", ["model_ema", "state_dict_ema", "ema_state_dict", "ema"])
def test_averaged_weights_are_taken_and_that_is_said(key: str, tmp_path: Path) -> None:
    value = {"model": {"w": torch.zeros(1)}, key: {"w": torch.ones(1)}}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert raw.tensors["w"].item() == 1
    assert raw.notes == (f"the averaged (EMA) weights in {key} were taken, not the raw ones in model",)


def test_averaged_weights_of_torch_come_with_a_counter_and_a_prefix(tmp_path: Path) -> None:
    model = small_model()
    average = torch.optim.swa_utils.AveragedModel(model)
    average.update_parameters(model)
    value = {"model": model.state_dict(), "model_ema": average.state_dict()}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert list(raw.tensors) == list(model.state_dict())
    assert "were taken" in raw.notes[0]


def test_tensors_without_an_average_come_from_the_raw_weights(tmp_path: Path) -> None:
    value = {"model": {"w": torch.zeros(1), "index": torch.arange(2)}, "ema": {"w": torch.ones(1)}}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert raw.tensors["w"].item() == 1
    assert raw.tensors["index"].tolist() == [0, 1]
    assert raw.notes[0].endswith("1 tensors that are not averaged come from model")


@pytest.mark.parametrize("average", [{"other": torch.ones(1)}, {"w": torch.ones(9)}], ids=["name", "shape"])
def test_average_of_another_model_is_not_taken(average: dict[str, torch.Tensor], tmp_path: Path) -> None:
    raw = read_file(saved(tmp_path / "a.pth", {"model": {"w": torch.zeros(1)}, "ema": average}))

    assert raw.tensors["w"].item() == 0
    assert raw.notes == ("model was taken; the averaged weights in ema are of another model",)


def test_mmengine_keeps_the_average_in_state_dict(tmp_path: Path) -> None:
    value = {
        "meta": {"mmengine_version": "0.10.1"},
        "state_dict": {"w": torch.ones(1)},
        "ema_state_dict": {"module.w": torch.zeros(1), "steps": torch.tensor(5)},
    }

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert raw.tensors["w"].item() == 1
    assert "mmengine" in raw.notes[0]


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefix_of_all_names_is_cut(prefix: str, tmp_path: Path) -> None:
    value = {f"{prefix}a": torch.ones(1), f"{prefix}module.b": torch.ones(1)}

    assert list(read_file(saved(tmp_path / "a.pth", value)).tensors) == ["a", "module.b"]


def test_prefix_of_some_names_stays(tmp_path: Path) -> None:
    value = {"module.a": torch.ones(1), "b.module.c": torch.ones(1)}

    assert list(read_file(saved(tmp_path / "a.pth", value)).tensors) == ["module.a", "b.module.c"]


def test_prefix_is_cut_in_safetensors_too(tmp_path: Path) -> None:
    save_file({"module.a": torch.ones(1)}, tmp_path / "a.safetensors")

    assert list(read_file(tmp_path / "a.safetensors").tensors) == ["a"]


def test_several_sets_of_weights_keep_their_names_in_front(tmp_path: Path) -> None:
    value = {"student": {"w": torch.ones(1)}, "teacher": {"w": torch.ones(2)}, "epoch": 1}

    raw = read_file(saved(tmp_path / "a.pth", value))

    assert list(raw.tensors) == ["student.w", "teacher.w"]
    assert raw.extra == {"epoch": 1}


def test_numpy_pickle_of_detectron2_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model_final.pkl"
    content = {
        "model": {"backbone.bottom_up.norm0.weight": np.ones(3, dtype="f4")},
        "__author__": "Caffe2",
        "matching_heuristics": True,
    }
    path.write_bytes(pickle.dumps(content))

    raw = read_file(path)

    assert raw.tensors["backbone.bottom_up.norm0.weight"].tolist() == [1, 1, 1]
    assert raw.extra == {"__author__": "Caffe2", "matching_heuristics": True}


def test_metadata_of_safetensors_is_kept(tmp_path: Path) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "a.safetensors", metadata={"format": "pt", "swinkit": "{}"})

    assert read_file(tmp_path / "a.safetensors").extra == {"metadata": {"format": "pt", "swinkit": "{}"}}


def test_golden_file_is_read(golden: Callable[[str], Path]) -> None:
    raw = read_file(golden("ms_v1"))

    assert len(raw.tensors) > 100
    assert "metadata" in raw.extra


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_saved_model_comes_with_its_config_files(name: str, tmp_path: Path) -> None:
    write_safetensors(tmp_path / name) if name.endswith("tensors") else write_zip(tmp_path / name)
    (tmp_path / "config.json").write_text('{"window_size": 7}')
    (tmp_path / "preprocessor_config.json").write_text('{"resample": 3}')

    from_folder, from_file = read_file(tmp_path), read_file(tmp_path / name)

    assert from_folder.path == tmp_path / name
    for raw in (from_folder, from_file):
        assert list(raw.tensors) == ["w"]
        assert raw.extra["config.json"] == {"window_size": 7}
        assert raw.extra["preprocessor_config.json"] == {"resample": 3}


def test_file_of_another_name_does_not_take_the_config_beside_it(tmp_path: Path) -> None:
    write_zip(tmp_path / "mine.pth")
    (tmp_path / "config.json").write_text('{"of": "something else"}')

    assert "config.json" not in read_file(tmp_path / "mine.pth").extra


@pytest.fixture
def in_parts(tmp_path: Path) -> Path:
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    for name, file in parts.items():
        save_file({name: torch.ones(2), "unlisted": torch.ones(1)}, tmp_path / file)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_model_in_parts_is_put_together(in_parts: Path) -> None:
    raw = read_file(in_parts)

    assert list(raw.tensors) == ["a", "b"]
    assert raw.path == in_parts / "model.safetensors.index.json"
    assert raw.extra == {"config.json": {}}


def test_pickled_model_in_parts_is_put_together(tmp_path: Path) -> None:
    torch.save({"model.a": torch.ones(1)}, tmp_path / "pytorch_model-00001-of-00002.bin")
    torch.save({"model.b": torch.ones(1)}, tmp_path / "pytorch_model-00002-of-00002.bin")
    weight_map = {f"model.{name}": f"pytorch_model-0000{n}-of-00002.bin" for name, n in (("a", 1), ("b", 2))}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))

    assert list(read_file(tmp_path).tensors) == ["model.a", "model.b"]


def test_part_without_tensors_is_an_error(in_parts: Path) -> None:
    (in_parts / "model-00002-of-00002.safetensors").write_bytes(pickle.dumps(3))

    with pytest.raises(CheckpointError, match="promises b in model-00002"):
        read_file(in_parts)


def test_missing_part_is_named(in_parts: Path) -> None:
    (in_parts / "model-00002-of-00002.safetensors").unlink()

    with pytest.raises(
        CheckpointError, match=r"names 2 parts, but model-00002-of-00002\.safetensors is missing"
    ):
        read_file(in_parts)


def test_part_without_what_the_index_promises_is_an_error(in_parts: Path) -> None:
    save_file({"c": torch.ones(2)}, in_parts / "model-00002-of-00002.safetensors")

    with pytest.raises(CheckpointError, match="promises b in model-00002"):
        read_file(in_parts)


@pytest.mark.parametrize("part", ["../secret.safetensors", "/etc/passwd", "..", "a\\b", ""])
def test_index_that_leads_out_of_its_folder_is_refused(part: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": part}}))

    with pytest.raises(CheckpointError, match="no index of a model in parts"):
        read_file(tmp_path)


def test_best_weights_of_a_run_are_taken(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "best.safetensors")
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "last").mkdir()

    assert read_file(tmp_path).path.name == "best.safetensors"


def test_only_weights_file_of_a_folder_is_taken(tmp_path: Path) -> None:
    write_zip(tmp_path / "swin.pth")
    (tmp_path / "notes.txt").write_text("x")

    assert read_file(tmp_path).path.name == "swin.pth"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "a folder without weights (it holds nothing)"),
        (["a.txt"], "a folder without weights (it holds a.txt)"),
        (["a.pth", "b.pth"], "a folder with 2 weights files: a.pth, b.pth"),
        (["flax_model.msgpack", "config.json"], "a Flax model (flax_model.msgpack) and no PyTorch weights"),
        (["tf_model.h5"], "a Keras or TensorFlow model (tf_model.h5) and no PyTorch weights"),
    ],
)
def test_folder_without_one_set_of_weights_says_what_it_holds(
    names: list[str], sentence: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_text("x")

    with pytest.raises(CheckpointError) as caught:
        read_file(tmp_path)

    assert sentence in str(caught.value)


def test_config_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{")

    with pytest.raises(CheckpointError, match=r"config\.json is no valid JSON"):
        read_file(tmp_path)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 113000000\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"\n <HTML>", "is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is a web page"),
        (LFS_POINTER, "is a Git LFS pointer"),
        (b"Not Found", "is a text file, not weights (it begins with 'Not')"),
        (b"lr: 0.1\nmodel: swin\n", "is a text file"),
        (b'{"error": "Invalid username or password."}', "is a text file"),
        (b" \n", "is a blank text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "is a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "is a JPEG image"),
        (b"\x89HDF\r\n\x1a\n" + bytes(30), "is a Keras or TensorFlow model"),
        (b"\x1f\x8b\x08" + bytes(30), "is compressed with gzip"),
        (b"\x93NUMPY\x01\x00" + bytes(30), "is a single NumPy array"),
        (b"\x08\x09\x12\x07pytorch\x1a\x052.13.0", "is an ONNX model"),
        (bytes(257) + b"ustar" + bytes(100), "is a tar archive"),
        (zipped(), "is a zip archive but no checkpoint (it holds nothing)"),
        (zipped("a.txt", "b.txt"), "is a zip archive but no checkpoint (it holds a.txt, b.txt)"),
        (zipped("w.npy"), "is a NumPy archive (.npz)"),
        (zipped("metadata.json", "model.weights.h5"), "is a Keras model"),
        (zipped("m/data.pkl", "m/constants.pkl", "m/code/__torch__.py"), "is a TorchScript program"),
        (bytes(range(128, 228)), "is no weights file that swinkit knows (it begins with the bytes 80 81"),
        (zlib.compress(b"x" * 100), "is no weights file that swinkit knows"),
        (
            pickle.dumps({"epoch": 3, "lr": 0.1}),
            "holds no weights: the keys epoch, lr instead of named tensors",
        ),
        (pickle.dumps([np.ones(2)]), "holds no weights: a value of type list instead of named tensors"),
        (pickle.dumps(3), "holds no weights: a value of type int instead of"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_file_that_is_no_checkpoint_is_named_for_what_it_is(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "swin_tiny.pth"
    path.write_bytes(content)

    with pytest.raises(CheckpointError) as caught:
        read_file(path)

    assert caught.value.message.startswith(f"{path}: ")
    assert sentence in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("swin.onnx", "is an ONNX model"),
        ("flax_model.msgpack", "is a Flax model"),
        ("saved_model.pb", "is a TensorFlow model"),
        ("tf_model.h5", "is a Keras or TensorFlow model"),
    ],
)
def test_model_of_another_framework_is_known_by_its_ending_too(
    name: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"\x0a\x0b\x0c" * 10)

    with pytest.raises(CheckpointError, match=sentence):
        read_file(tmp_path / name)


def test_torchscript_program_of_torch_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "swin.pt"
    with pytest.warns(DeprecationWarning):
        torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(str(path))

    with pytest.raises(CheckpointError, match="is a TorchScript program"):
        read_file(path)


def test_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    write_zip(tmp_path / "swin_tiny.pth")

    with pytest.raises(CheckpointError, match="does not exist") as caught:
        read_file(tmp_path / "swin_tinny.pth")

    assert caught.value.hint == f"did you mean {tmp_path / 'swin_tiny.pth'}?"


def test_missing_folder_says_how_far_the_path_goes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist") as caught:
        read_file(tmp_path / "runs" / "night" / "best.safetensors")

    assert caught.value.hint.endswith(f"the nearest that exists is {tmp_path}")


def test_zip_is_read_only_as_far_as_needed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"model": {"w": torch.ones(1)}, "optimizer": torch.ones(1)})

    value = read_zip(path, leave_out={"model"}).value

    assert value["model"] is None
    assert value["optimizer"].tolist() == [1]
