"""Give a parsed pickle its meaning: tensors and arrays as torch tensors, everything else as plain values.

`_MEANINGS` is the closed list of names that mean something here; none of them is imported, each is carried
out by a few lines below that check what they are given. Objects of any other class become what they hold: a
yacs CfgNode or an mmengine ConfigDict a dict, an argparse.Namespace the dict of its attributes, an enum its
value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sized
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.weights.pickles import Global, Persistent, Record, plain_key

MAX_DEPTH = 100
MAX_VALUES = 20_000_000
MAX_COPIED_AGAIN = 4_000_000  # entries and bytes
# An expanded tensor repeats few stored numbers; beyond this size we take it for a bomb.
MAX_EXPANDED_BYTES = 64 * 2**20
MAX_TENSOR_RANK = 32

ReadStorage = Callable[[Persistent], Tensor]  # the stored numbers as one row of the right type


def rebuild(node: Any, read_storage: ReadStorage, *, leave_out: Collection[str] = ()) -> Any:
    """Turn a parsed pickle into dicts, lists, tuples, scalars and tensors.

    Entries of the outermost dict named in `leave_out` are not rebuilt (their storages are never read) and
    come back as None. Shared parts stay shared; a part that contains itself ends in None.
    Raises CheckpointError for sparse and quantised tensors, views outside their storage, and nesting bombs.
    """
    rebuilder = _Rebuilder(read_storage)
    try:
        if leave_out and isinstance(node, dict | Record):
            _leave_out(node, leave_out)
        value = rebuilder.value(node, 0)
        size = _expanded_size(value, {})
    except CheckpointError:
        raise
    except (
        ValueError,
        LookupError,
        TypeError,
        OverflowError,
        RuntimeError,
        MemoryError,
        AttributeError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"its pickle describes something impossible ({reason})") from None
    if size > MAX_VALUES:
        raise CheckpointError(f"refused: its values repeat one another {size:,} times over")
    return value


def known_names() -> frozenset[str]:
    """The names this module carries out; all others in a file stay unrun."""
    return frozenset(_MEANINGS)


class _Rebuilder:
    def __init__(self, read_storage: ReadStorage) -> None:
        self.read_storage = read_storage
        self.made: dict[int, Any] = {}  # by id of the node; the tree keeps the nodes alive
        self.open: set[int] = set()
        self.copied: set[int] = set()
        self.copied_again = 0

    def value(self, node: Any, depth: int) -> Any:
        if isinstance(node, Global):
            return node.path
        if not isinstance(node, dict | list | tuple | Record | Persistent):
            return node
        if depth > MAX_DEPTH:
            raise CheckpointError(f"refused: its values are nested deeper than {MAX_DEPTH} levels")
        if id(node) in self.open:
            return None
        if id(node) not in self.made:
            self.open.add(id(node))
            self.made[id(node)] = self.build(node, depth + 1)
            self.open.discard(id(node))
        return self.made[id(node)]

    def copying(self, part: Sized) -> None:
        """Refuse large parts that many objects share, where each object would get a copy of its own."""
        if id(part) in self.copied:
            self.copied_again += len(part)
        self.copied.add(id(part))
        if self.copied_again > MAX_COPIED_AGAIN:
            raise CheckpointError("refused: it builds one value from copies of the same large one")

    def build(self, node: Any, depth: int) -> Any:
        if isinstance(node, dict):
            return {key: self.value(value, depth) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return type(node)(self.value(value, depth) for value in node)
        if isinstance(node, Persistent):
            return self.read_storage(node)
        meaning = _MEANINGS.get(node.function.path, _contents)
        return meaning(self, node, depth)


def _contents(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """What an object of an unknown class holds: its items, elements, attributes or arguments."""
    if record.items:
        return {key: rebuilder.value(value, depth) for key, value in record.items}
    if record.elements:
        return [rebuilder.value(value, depth) for value in record.elements]
    if record.state is not None:
        return _attributes(rebuilder, rebuilder.value(record.state, depth))
    if not record.args:
        return {}
    args = [rebuilder.value(value, depth) for value in record.args]
    return args[0] if len(args) == 1 else args


def _attributes(rebuilder: _Rebuilder, state: Any) -> Any:
    """The attributes in an object's state; names like `__immutable__` are a class's own book-keeping."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # with __slots__
        rebuilder.copying(state[0] or {})
        rebuilder.copying(state[1])
        state = {**(state[0] or {}), **state[1]}
    if not isinstance(state, dict):
        return state
    rebuilder.copying(state)
    return {
        name: value
        for name, value in state.items()
        if not (str(name).startswith("__") and str(name)[-2:] == "__")
    }


def _mapping(rebuilder: _Rebuilder, record: Record, depth: int) -> dict[Any, Any]:
    """OrderedDict, Counter, dict: entries given one by one, or (Python 2) as pairs in the first argument."""
    first = rebuilder.value(record.args[0], depth) if record.args else {}
    rebuilder.copying(first)
    pairs = first.items() if isinstance(first, dict) else first
    entries = {key: rebuilder.value(value, depth) for key, value in record.items}
    return {plain_key(key): value for key, value in pairs} | entries


def _default_mapping(rebuilder: _Rebuilder, record: Record, depth: int) -> dict[Any, Any]:
    return {key: rebuilder.value(value, depth) for key, value in record.items}


def _reconstructed(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """copyreg._reconstructor(class, base, contents): objects of protocols 0 and 1."""
    _, _, contents = record.args
    if record.state is None or contents:
        return rebuilder.value(contents, depth)
    return _contents(rebuilder, record, depth)


def _new_object(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """copyreg.__newobj__(class, *arguments): an object, whose class is of no interest."""
    return _contents(rebuilder, replace(record, args=record.args[1:]), depth)


def _encoded(rebuilder: _Rebuilder, record: Record, depth: int) -> bytes:
    """_codecs.encode(text, "latin1"): how protocols 0 to 2 write bytes."""
    if not record.args:
        return b""
    text = rebuilder.value(record.args[0], depth)
    if isinstance(text, bytes | bytearray):
        return bytes(text)
    rebuilder.copying(text)
    if not isinstance(text, str):
        raise CheckpointError("its pickle holds bytes that are no text")
    return text.encode("latin1")


def _tensor(rebuilder: _Rebuilder, record: Record, depth: int) -> Tensor:
    """torch._utils._rebuild_tensor and _v2: (storage, offset, size, stride, …)."""
    return _view(_storage(rebuilder, record), *record.args[1:4])


def _tensor_of_dtype(rebuilder: _Rebuilder, record: Record, depth: int) -> Tensor:
    """torch._utils._rebuild_tensor_v3: an untyped storage, and the type as seventh argument."""
    dtype = record.args[6]
    if not isinstance(dtype, Global) or dtype.path not in _DTYPES:
        raise CheckpointError("its pickle gives a tensor no known type")
    return _view(_storage(rebuilder, record).view(_DTYPES[dtype.path]), *record.args[1:4])


def _storage(rebuilder: _Rebuilder, record: Record) -> Tensor:
    storage = record.args[0]
    if not isinstance(storage, Persistent):
        raise CheckpointError(
            "it holds torch tensors written by pickle.dump",
            hint="write it again with torch.save(model.state_dict(), …)",
        )
    if len(record.args) > 5 and isinstance(record.args[-1], dict) and record.args[-1]:
        raise CheckpointError("it holds a conjugated or negated tensor, which no Swin file needs")
    value = rebuilder.value(storage, 0)
    assert isinstance(value, Tensor)
    return value


def _view(storage: Tensor, offset: Any, size: Any, stride: Any) -> Tensor:
    """The tensor of this size and stride over `storage`, refused where it would reach outside."""
    size, stride = _integers(size), _integers(stride)
    (offset,) = _integers((offset,))
    if len(size) != len(stride):
        raise CheckpointError(f"its pickle gives a tensor size {size} and stride {stride}")
    count = math.prod(size)
    if count == 0:
        return torch.empty(size, dtype=storage.dtype)
    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    if last >= storage.numel():
        raise CheckpointError(
            f"refused: a tensor of size {size} reaches number {last + 1:,} in a storage of {len(storage):,}"
        )
    if count > storage.numel() and count * storage.element_size() > MAX_EXPANDED_BYTES:
        raise CheckpointError(
            f"refused: a tensor of size {size} is expanded from {storage.numel():,} stored numbers"
        )
    return storage.as_strided(size, stride, storage.storage_offset() + offset)


def _integers(values: Any) -> tuple[int, ...]:
    if isinstance(values, Record) and values.function.path == "torch.Size" and len(values.args) == 1:
        (values,) = values.args
    if not isinstance(values, tuple | list) or len(values) > MAX_TENSOR_RANK:
        raise CheckpointError(
            f"its pickle gives a tensor a size that is no row of up to {MAX_TENSOR_RANK} counts"
        )
    if not all(type(value) is int and value >= 0 for value in values):
        raise CheckpointError("its pickle gives a tensor a size that is no row of counts")
    return tuple(values)


def _parameter(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """torch.nn.Parameter in its three spellings: the tensor is the first argument."""
    return rebuilder.value(record.args[0], depth)


def _typed_tensor(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """torch._tensor._rebuild_from_type_v2(function, class, arguments, state): a subclass or attributes."""
    function, _, args, _ = record.args
    if not (isinstance(function, Global) and isinstance(args, tuple)):
        raise CheckpointError("its pickle describes a tensor subclass in an unknown way")
    return rebuilder.build(Record(function, args), depth)


def _refused(kind: str) -> Callable[[_Rebuilder, Record, int], Any]:
    def refuse(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
        raise CheckpointError(
            f"it holds a {kind} tensor, which swinkit does not read", hint="save ordinary dense tensors"
        )

    return refuse


def _array(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """numpy…_reconstruct, filled by its state: (version, shape, dtype, column-major, bytes)."""
    shape, dtype, is_column_major, content = record.state[-4:]
    return _array_of(rebuilder, content, dtype, shape, "F" if is_column_major else "C", depth)


def _array_of_buffer(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """numpy…_frombuffer(buffer, dtype, shape, order): arrays in protocol 5."""
    content, dtype, shape, order = record.args
    return _array_of(rebuilder, content, dtype, shape, "F" if order == "F" else "C", depth)


def _array_of(rebuilder: _Rebuilder, content: Any, dtype: Any, shape: Any, order: str, depth: int) -> Any:
    numeric = _numeric_dtype(dtype)
    if numeric is None:  # texts, objects: only their plain content, if any
        return rebuilder.value(content, depth) if isinstance(content, list) else None
    array = np.frombuffer(_raw(rebuilder, content), dtype=numeric)
    if array.size != math.prod(_integers(shape)):
        raise CheckpointError(f"an array of shape {shape} comes with {array.size:,} numbers")
    array = array.reshape(shape, order="F" if order == "F" else "C")
    return torch.from_numpy(array.astype(numeric.newbyteorder("="), order="C"))


def _number(rebuilder: _Rebuilder, record: Record, depth: int) -> Any:
    """numpy…scalar(dtype, bytes): a plain Python number."""
    dtype, content = record.args
    numeric = _numeric_dtype(dtype)
    return (
        None if numeric is None else np.frombuffer(_raw(rebuilder, content), dtype=numeric, count=1)[0].item()
    )


def _numeric_dtype(dtype: Any) -> np.dtype[Any] | None:
    """The dtype meant by a recorded numpy.dtype("f4", …), in its byte order; None if it is not numeric."""
    if not (isinstance(dtype, Record) and dtype.function.path == "numpy.dtype"):
        raise CheckpointError("its pickle gives an array no type")
    code = dtype.args[0]
    if not (isinstance(code, str) and re.fullmatch(r"[<>=|]?([fiu][1248]|b1|\?)", code)):
        return None
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else "="
    numeric = np.dtype(code)
    return numeric.newbyteorder(">") if order == ">" else numeric


def _raw(rebuilder: _Rebuilder, content: Any) -> bytes | bytearray:
    if isinstance(content, Record) and content.function.path in _BYTES:
        content = content.args[0] if content.args else b""
    rebuilder.copying(content)
    if isinstance(content, str):  # Python 2 strings, and the text of _codecs.encode
        return content.encode("latin1")
    if not isinstance(content, bytes | bytearray):
        raise CheckpointError("its pickle gives an array no bytes")
    return content


def _leave_out(node: dict[Any, Any] | Record, names: Collection[str]) -> None:
    if isinstance(node, dict):
        node.update({name: None for name, value in node.items() if name in names and not _is_tensor(value)})
    else:
        node.items[:] = [
            (name, None if name in names and not _is_tensor(value) else value) for name, value in node.items
        ]


def _is_tensor(node: Any) -> bool:
    return isinstance(node, Record) and node.function.path.startswith(("torch._utils.", "torch._tensor."))


def _expanded_size(value: Any, known: dict[int, int]) -> int:
    """How many values a reader would meet who does not notice that parts are shared."""
    if isinstance(value, str | bytes | bytearray):
        return 1 + len(value) // 64
    if not isinstance(value, dict | list | tuple):
        return 1
    if id(value) not in known:
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_expanded_size(part, known) for part in parts)
    return known[id(value)]


_DTYPE_WORDS = """
float32 float64 float16 bfloat16 uint8 int8 int16 int32 int64 bool uint16 uint32 uint64 complex64 complex128
float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz
"""
_DTYPES = {f"torch.{name}": getattr(torch, name) for name in _DTYPE_WORDS.split() if hasattr(torch, name)}

_BYTES = frozenset(["_codecs.encode", "builtins.bytes", "builtins.bytearray"])

_MEANINGS: dict[str, Callable[[_Rebuilder, Record, int], Any]] = {
    "collections.OrderedDict": _mapping,
    "collections.Counter": _mapping,
    "collections.defaultdict": _default_mapping,
    "builtins.dict": _mapping,
    "copyreg._reconstructor": _reconstructed,
    "copyreg.__newobj__": _new_object,
    "copyreg.__newobj_ex__": _new_object,
    **{name: _encoded for name in _BYTES},
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch._tensor._rebuild_from_type_v2": _typed_tensor,
    "torch._utils._rebuild_sparse_tensor": _refused("sparse"),
    "torch._utils._rebuild_sparse_csr_tensor": _refused("sparse"),
    "torch._utils._rebuild_qtensor": _refused("quantised"),
    "torch._utils._rebuild_nested_tensor": _refused("nested"),
    "torch._utils._rebuild_meta_tensor_no_storage": _refused("meta (empty)"),
    "torch._utils._rebuild_wrapper_subclass": _refused("wrapped"),
    **{
        f"numpy.{core}.{name}": meaning
        for core in ("core", "_core")
        for name, meaning in {
            "multiarray._reconstruct": _array,
            "multiarray.scalar": _number,
            "numeric._frombuffer": _array_of_buffer,
        }.items()
    },
}
