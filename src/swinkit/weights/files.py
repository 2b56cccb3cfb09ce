"""Read the tensors of any weights file or folder, whatever its ending says, without running anything in it.

`read_file` is the one door. It looks at the first bytes, opens safetensors files, torch files (zip and stream
format), NumPy pickles and `save_pretrained` folders, and has one clear sentence for everything else.
"""

from __future__ import annotations

import difflib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.weights.foreign_files import FOREIGN_ENDINGS, NOT_OURS, refuse_foreign, what_it_is
from swinkit.weights.rebuild import known_names
from swinkit.weights.torch_files import Unpickled, read_stream, read_zip
from swinkit.weights.unwrap import TRAINING_KEYS, unwrap, without_prefix

# What a folder may keep its weights in, in order of preference: our runs first, then `save_pretrained`.
WEIGHTS_NAMES = (
    "best.safetensors",
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
COMPANION_NAMES = ("config.json", "preprocessor_config.json")  # read along with them
WEIGHTS_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".pkl", ".ckpt")
MAX_JSON_BYTES = 64 * 2**20
MAX_SAFETENSORS_HEADER = 100 * 2**20

_Result = TypeVar("_Result")
_OWN_WORDS = ("torch", "numpy", "builtins", "collections", "copyreg", "_codecs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCheckpoint:
    """What a weights file holds, before any format is recognised.

    tensors: by the names in the file, without `module.` and `_orig_mod.` in front of all of them.
    extra: plain values beside them: a pickled `config`, `epoch`, `meta`, …; `metadata` of a safetensors file;
        `config.json` and `preprocessor_config.json` (under these names) of a folder.
    path: the file that was read, or the index file of one in several parts.
    notes: sentences about what was chosen, left out, or found beside it.
    """

    tensors: dict[str, Tensor]
    extra: dict[str, Any] = field(default_factory=dict)
    path: Path
    notes: tuple[str, ...] = ()


def read_file(source: str | Path) -> RawCheckpoint:
    """Read a weights file of any container, a `save_pretrained` folder, or a run folder.

    Raises CheckpointError with one sentence when the path is missing, is no checkpoint, is damaged, or is
    refused because it wants to run something.
    """
    return _opened(Path(source), _read)


def glance_at(source: str | Path) -> None:
    """Raises what `read_file` would, as far as names and first bytes tell; no tensor is read."""
    _opened(Path(source), _glance)


def _opened(path: Path, use: Callable[[Path], _Result]) -> _Result:
    """What is made of a file, or of the one in a folder that holds its weights."""
    try:
        if not path.exists():
            raise CheckpointError("does not exist", hint=_nearest(path))
        if path.is_dir():
            path = _weights_in(path)
        return use(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error.message}", hint=error.hint) from None
    except (OSError, ValueError, MemoryError, struct.error, zlib.error, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: cannot be read ({reason})") from None


def _weights_in(folder: Path) -> Path:
    for name in WEIGHTS_NAMES:
        if (folder / name).is_file():
            return folder / name
    names = sorted(entry.name for entry in folder.iterdir())
    candidates = [name for name in names if name.endswith(WEIGHTS_ENDINGS)]
    if len(candidates) == 1:
        return folder / candidates[0]
    if candidates:
        raise CheckpointError(
            f"is a folder with {len(candidates)} weights files: {_listed(candidates)}",
            hint="give one of them",
        )
    foreign = [name for name in names if Path(name).suffix in FOREIGN_ENDINGS]
    if foreign:
        kind = FOREIGN_ENDINGS[Path(foreign[0]).suffix].removeprefix("is ")
        raise CheckpointError(f"is a folder with {kind} ({foreign[0]}) and no PyTorch weights", hint=NOT_OURS)
    raise CheckpointError(
        f"is a folder without weights (it holds {_listed(names) or 'nothing'})",
        hint="expected a run, a save_pretrained folder, or one .safetensors or .pth file",
    )


def _read(path: Path) -> RawCheckpoint:
    return _with_companions(path) if path.name in WEIGHTS_NAMES else _read_container(path)


def _glance(path: Path) -> None:
    if path.name in WEIGHTS_NAMES and path.name.endswith(".index.json"):
        _parts_named_in(path)
        return
    head = _head(path)
    if _is_safetensors(head):
        with _safetensors(path):
            pass  # the header is whole, and the file as long as it says


def _with_companions(path: Path) -> RawCheckpoint:
    raw = _read_sharded(path) if path.name.endswith(".index.json") else _read_container(path)
    companions = {
        name: _read_json(path.with_name(name)) for name in COMPANION_NAMES if path.with_name(name).is_file()
    }
    return RawCheckpoint(tensors=raw.tensors, extra=raw.extra | companions, path=path, notes=raw.notes)


def _read_sharded(index: Path) -> RawCheckpoint:
    """The parts that an index file names; each tensor comes from the part that the index gives it."""
    weight_map = _parts_named_in(index)
    tensors: dict[str, Tensor] = {}
    for part in sorted(set(weight_map.values())):
        held = _read_container(index.with_name(part), is_part=True).tensors
        wanted = [name for name, where in weight_map.items() if where == part]
        lacking = [name for name in wanted if name not in held]
        if lacking:
            raise CheckpointError(f"promises {_listed(lacking)} in {part}, which does not hold it")
        tensors |= {name: held[name] for name in wanted}
    return RawCheckpoint(tensors=without_prefix(tensors), path=index)


def _parts_named_in(index: Path) -> dict[str, str]:
    """The file, beside the index, of each tensor. Raises CheckpointError where one is missing."""
    weight_map = _read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(_is_plain_name(part) for part in weight_map.values()):
        raise CheckpointError('is no index of a model in parts: no "weight_map" of file names')
    parts = sorted(set(weight_map.values()))
    missing = [part for part in parts if not index.with_name(part).is_file()]
    if missing:
        raise CheckpointError(
            f"names {len(parts)} parts, but {_listed(missing)} is missing beside it",
            hint="fetch all parts into one folder",
        )
    return weight_map


def _is_plain_name(part: Any) -> bool:
    return (
        isinstance(part, str) and part not in ("", ".", "..") and not any(sign in part for sign in "/\\:\0")
    )


def _read_json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise CheckpointError(f"is of no use: {path.name} beside it is too long to be a description")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot be understood: {path.name} is no valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise CheckpointError(
            f"cannot be understood: {path.name} holds a {type(value).__name__}, not an object"
        )
    return value


def _read_container(path: Path, *, is_part: bool = False) -> RawCheckpoint:
    """Open one file by its first bytes. A part of a model keeps the names exactly as they are."""
    head = _head(path)
    if _is_safetensors(head):
        return _read_safetensors(path, is_part=is_part)
    if head.startswith(b"PK"):
        return _from_pickle(path, read_zip(path, leave_out=TRAINING_KEYS), is_part=is_part)
    try:
        return _from_pickle(path, read_stream(path, leave_out=TRAINING_KEYS), is_part=is_part)
    except CheckpointError as error:
        if "its pickle is damaged" in error.message and head[:1] != b"\x80":
            raise CheckpointError(what_it_is(head), hint=NOT_OURS) from None
        raise


def _head(path: Path) -> bytes:
    """The first bytes. Raises CheckpointError where they are those of no kind of weights file."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise CheckpointError("is empty", hint="fetch or copy the file again")
    refuse_foreign(path, head)
    if not (_is_safetensors(head) or head.startswith(b"PK") or _may_be_pickle(head)):
        raise CheckpointError(what_it_is(head), hint=NOT_OURS)
    return head


def _from_pickle(path: Path, unpickled: Unpickled, *, is_part: bool) -> RawCheckpoint:
    if is_part:
        held = unpickled.value if isinstance(unpickled.value, dict) else {}
        return RawCheckpoint(
            tensors={name: part for name, part in held.items() if isinstance(part, Tensor)}, path=path
        )
    found = unwrap(unpickled.value)
    unknown = sorted(unpickled.names - known_names())
    foreign = [name for name in unknown if name.partition(".")[0] not in _OWN_WORDS]
    if foreign:
        found.notes.append(
            f"classes named in the file were not run, their values were kept: {_listed(foreign)}"
        )
    return RawCheckpoint(tensors=found.tensors, extra=found.extra, path=path, notes=tuple(found.notes))


def _read_safetensors(path: Path, *, is_part: bool) -> RawCheckpoint:
    with _safetensors(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        metadata = file.metadata() or {}
    if not tensors:
        raise CheckpointError("holds no weights: a safetensors file without tensors")
    extra = {"metadata": metadata} if metadata else {}
    return RawCheckpoint(tensors=tensors if is_part else without_prefix(tensors), extra=extra, path=path)


@contextmanager
def _safetensors(path: Path) -> Iterator[safe_open]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise CheckpointError(
            _what_is_cut(path) or f"is a damaged safetensors file ({error})",
            hint="fetch or copy the file again",
        ) from None


def _what_is_cut(path: Path) -> str:
    """The sentence for a safetensors file shorter than its header says, or nothing."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if 8 + header_bytes > size:
            return f"is cut short: its header alone takes {header_bytes:,} bytes, the file has {size:,}"
        try:
            header = json.loads(file.read(header_bytes))
            end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return ""
    expected = 8 + header_bytes + end
    return f"is cut short: it should have {expected:,} bytes, it has {size:,}" if expected > size else ""


def _is_safetensors(head: bytes) -> bool:
    header_bytes = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and 2 <= header_bytes <= MAX_SAFETENSORS_HEADER


def _may_be_pickle(head: bytes) -> bool:
    if head[0] == 0x80:
        return len(head) > 1 and 2 <= head[1] <= 5
    return head[:1] in b"(]}cl)dI"  # protocols 0 and 1 have no signature


def _nearest(path: Path) -> str:
    """Which existing name comes closest, or how far the path goes."""
    parent = path.parent
    if not parent.is_dir():
        existing = next((folder for folder in parent.parents if folder.is_dir()), Path("."))
        return f"there is no folder {parent}; the nearest that exists is {existing}"
    close = difflib.get_close_matches(path.name, [entry.name for entry in parent.iterdir()], n=1, cutoff=0.5)
    return (
        f"did you mean {parent / close[0]}?" if close else f"nothing in {parent.resolve()} has a similar name"
    )


def _listed(names: list[str], at_most: int = 6) -> str:
    return ", ".join(names[:at_most]) + (f" and {len(names) - at_most} more" if len(names) > at_most else "")
