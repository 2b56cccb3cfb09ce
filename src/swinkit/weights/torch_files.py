"""Open what `torch.save` wrote, in its zip and its older stream format, and pickles of NumPy arrays.

Only storages that the wanted part of the file refers to are read, each once, after its size was checked
against the file; tensors that share a storage go on sharing it.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.weights.pickles import Global, Parsed, Persistent, parse
from swinkit.weights.rebuild import rebuild

STREAM_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch's stream format (before 1.6)
STREAM_PROTOCOL = 1001
# A compressed entry that grows more than this is a bomb; torch itself never compresses.
MAX_GROWTH = 100
SMALL_BYTES = 64 * 2**20

_STORAGE_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ShortStorage": torch.int16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
    "_UntypedStorage": torch.uint8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpickled:
    """The plain values and tensors of a pickled file, and the names it mentions, none of which was run."""

    value: Any
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _StorageKey:
    """What a torch pickle says of a storage: its key, its type, how many numbers, and which part is meant."""

    key: str
    dtype: torch.dtype
    count: int
    start: int = 0  # of a view into the storage (stream format only), in numbers
    length: int | None = None


def read_zip(path: Path, *, leave_out: Collection[str] = ()) -> Unpickled:
    """Read a file of torch.save (since 1.6): a zip of `data.pkl` and one entry for each storage."""
    with _open_zip(path) as archive:
        entries = _Entries(path, archive)
        parsed = parse(io.BytesIO(entries.read("data.pkl")))
        is_swapped = entries.has("byteorder") and entries.read("byteorder") == b"big"
        storages: dict[str, Tensor] = {}

        def read_storage(reference: Persistent) -> Tensor:
            wanted = _storage_key(reference)
            if wanted.key not in storages:
                storages[wanted.key] = _row_of_bytes(
                    entries.read(f"data/{wanted.key}"), wanted.dtype, is_swapped
                )
            return _numbers(storages[wanted.key], wanted)

        return Unpickled(value=rebuild(parsed.value, read_storage, leave_out=leave_out), names=parsed.names)


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError):
        raise CheckpointError(
            "is cut short: the table at its end is missing", hint="fetch or copy the file again"
        ) from None


class _Entries:
    """The entries of a torch zip by their name without the leading folder."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        infos = archive.infolist()
        self.archive = archive
        self.by_name = {info.filename: info for info in infos}
        self.file_bytes = path.stat().st_size
        if len(self.by_name) != len(infos):
            raise CheckpointError("refused: its zip holds two entries of one name")
        self.folder = _folder(list(self.by_name))
        stored = sum(info.compress_size for info in infos)
        grown = sum(info.file_size for info in infos)
        if stored > self.file_bytes or _is_bomb(grown, self.file_bytes):
            raise CheckpointError(
                f"refused: its zip claims to hold {grown:,} bytes, the file has {self.file_bytes:,}",
                hint="it is damaged, or made to fill the memory",
            )

    def has(self, name: str) -> bool:
        return self.folder + name in self.by_name

    def read(self, name: str) -> bytearray:
        info = self.by_name.get(self.folder + name)
        if info is None:
            raise CheckpointError(
                f"is incomplete: its zip has no entry {name}", hint="fetch or copy the file again"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise CheckpointError(f"its zip entry {name} is encrypted or compressed in an unusual way")
        if _is_bomb(info.file_size, info.compress_size):
            raise CheckpointError(
                f"refused: its zip entry {name} grows from {info.compress_size:,} to {info.file_size:,} bytes"
            )
        content = self._content(info)
        # torch can leave the checksum out; it is 0 then.
        if len(content) != info.file_size or (info.CRC and zlib.crc32(content) != info.CRC):
            raise CheckpointError(f"is damaged: its zip entry {name} does not match its checksum")
        return content

    def _content(self, info: zipfile.ZipInfo) -> bytearray:
        # Read past zipfile's own reader, which insists on the checksum.
        file = self.archive.fp
        assert file is not None
        file.seek(info.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise CheckpointError(f"is damaged: its zip entry {info.filename} is not where the table says")
        name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_bytes + extra_bytes
        if start + info.compress_size > self.file_bytes:
            raise CheckpointError(f"is cut short: its zip entry {info.filename} ends behind the file")
        file.seek(start)
        content = bytearray(info.compress_size)
        file.readinto(content)  # type: ignore[attr-defined]
        if info.compress_type == zipfile.ZIP_DEFLATED:
            content = bytearray(zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, info.file_size or 1))
        return content


def _folder(names: list[str]) -> str:
    """The folder around `data.pkl`, or an error that says what kind of zip this is instead."""
    pickles = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    if any(name.endswith("constants.pkl") for name in names):
        raise CheckpointError(
            "is a TorchScript program, not a checkpoint",
            hint="save the weights with torch.save(model.state_dict(), …)",
        )
    if len(pickles) == 1:
        return pickles[0].removesuffix("data.pkl")
    if names and all(name.endswith(".npy") for name in names):
        raise CheckpointError("is a NumPy archive (.npz), not a checkpoint", hint="save it as .safetensors")
    if any(name.endswith(".weights.h5") for name in names):
        raise CheckpointError(
            "is a Keras model", hint="swinkit reads PyTorch weights: .safetensors, .pth, .pt, .bin"
        )
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    raise CheckpointError(
        f"is a zip archive but no checkpoint (it holds {shown or 'nothing'})",
        hint="unpack it and give a file from inside",
    )


def _is_bomb(grown: int, stored: int) -> bool:
    return grown > SMALL_BYTES and grown > MAX_GROWTH * stored


def read_stream(path: Path, *, leave_out: Collection[str] = ()) -> Unpickled:
    """Read a file that starts with a pickle: torch.save before 1.6, or plain values with NumPy arrays."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        first = parse(content)  # type: ignore[arg-type]
        if first.value == STREAM_MAGIC:
            return _read_torch_stream(content, leave_out)
        return Unpickled(value=rebuild(first.value, _no_storage, leave_out=leave_out), names=first.names)


def _read_torch_stream(content: mmap.mmap, leave_out: Collection[str]) -> Unpickled:
    protocol, system, saved, keys = (parse(content) for _ in range(4))  # type: ignore[arg-type]
    if protocol.value != STREAM_PROTOCOL:
        raise CheckpointError(f"is written in an unknown stream protocol (torch's is {STREAM_PROTOCOL})")
    is_swapped = isinstance(system.value, dict) and system.value.get("little_endian") is False
    places = _storage_places(content, saved, keys.value, "big" if is_swapped else "little")
    storages: dict[str, Tensor] = {}

    def read_storage(reference: Persistent) -> Tensor:
        wanted = _storage_key(reference)
        if wanted.key not in places:
            raise CheckpointError(f"is incomplete: storage {wanted.key} is missing")
        if wanted.key not in storages:
            start, end = places[wanted.key]
            with memoryview(content) as whole:
                storages[wanted.key] = _row_of_bytes(bytearray(whole[start:end]), wanted.dtype, is_swapped)
        return _numbers(storages[wanted.key], wanted)

    return Unpickled(value=rebuild(saved.value, read_storage, leave_out=leave_out), names=saved.names)


def _storage_places(
    content: mmap.mmap, saved: Parsed, keys: Any, byte_order: Literal["little", "big"]
) -> dict[str, tuple[int, int]]:
    """Where each storage lies in the file: behind the pickles, in the order of `keys`, after its count."""
    references = (_storage_key(reference) for reference in saved.persistent)
    item_bytes = {wanted.key: wanted.dtype.itemsize for wanted in references}
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in item_bytes for key in keys):
        raise CheckpointError("is damaged: its list of storages does not fit its tensors")
    places = {}
    start = content.tell()
    for key in keys:
        count = int.from_bytes(content[start : start + 8], byte_order, signed=True)
        end = start + 8 + count * item_bytes[key]
        if count < 0 or end > len(content):
            raise CheckpointError(
                f"is cut short: storage {key} ends at byte {end:,}, the file has {len(content):,}",
                hint="fetch or copy the file again",
            )
        places[key] = (start + 8, end)
        start = end
    return places


def _no_storage(reference: Persistent) -> Tensor:
    raise CheckpointError("its pickle refers to data outside the file")


def _storage_key(reference: Persistent) -> _StorageKey:
    """Check ("storage", type, key, location, count[, view]); the location (a device) is ignored."""
    match reference.key:
        case ("storage", Global(path), str(key), _, int(count), *view) if count >= 0:
            pass
        case _:
            raise CheckpointError("its pickle refers to outside data in an unknown way")
    root, _, kind = path.rpartition(".")
    if not root.startswith("torch") or kind not in _STORAGE_DTYPES:
        raise CheckpointError(f"it holds a storage of type {path}, which swinkit does not read")
    dtype = _STORAGE_DTYPES[kind]
    match view:
        case [] | [None]:
            return _StorageKey(key=key, dtype=dtype, count=count)
        case [(_, int(start), int(length))] if start >= 0 and length >= 0:
            return _StorageKey(key=key, dtype=dtype, count=count, start=start, length=length)
    raise CheckpointError("its pickle describes a part of a storage in an unknown way")


def _row_of_bytes(content: bytearray, dtype: torch.dtype, is_swapped: bool) -> Tensor:
    """A storage as bytes in this machine's order (little-endian, like nearly every file)."""
    if not content:
        return torch.empty(0, dtype=torch.uint8)
    row = torch.frombuffer(content, dtype=torch.uint8)
    if not is_swapped or dtype.itemsize == 1:
        return row
    if dtype.is_complex or len(row) % dtype.itemsize:
        raise CheckpointError("it holds numbers of a big-endian machine that cannot be turned round")
    return row.view(-1, dtype.itemsize).flip(1).reshape(-1)


def _numbers(row: Tensor, wanted: _StorageKey) -> Tensor:
    """The bytes of a storage as numbers of its type, as many as the pickle says."""
    needed = wanted.count * wanted.dtype.itemsize
    if needed > len(row):
        raise CheckpointError(
            f"is damaged: storage {wanted.key} has {len(row):,} bytes, {needed:,} are needed"
        )
    numbers = row[:needed].view(wanted.dtype)
    end = wanted.count if wanted.length is None else wanted.start + wanted.length
    if end > wanted.count:
        raise CheckpointError(f"is damaged: a part of storage {wanted.key} lies outside it")
    return numbers[wanted.start : end]
