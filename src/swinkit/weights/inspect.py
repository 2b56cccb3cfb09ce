"""What a weights file holds, and whether it loads, without building a model."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from swinkit.errors import CheckpointError
from swinkit.models import SIZES, Preprocess, SwinConfig
from swinkit.weights.described import OtherNetwork, other_network
from swinkit.weights.files import RawCheckpoint, read_file
from swinkit.weights.formats import recognise
from swinkit.weights.infer import Asked
from swinkit.weights.load import locate, published_asked, published_native
from swinkit.weights.native import Native, understand
from swinkit.windows import Pair

# What a size does not fix: any of its models may have another.
_FREE = {"image_size", "policy", "classes", "in_channels", "dense", "norms", "drop_path", "masked_modelling"}
_ANY_WINDOW = 8
_OF_SIZE = [field.name for field in fields(SwinConfig) if field.name not in _FREE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What there is to know about a weights file."""

    path: Path
    loads: bool
    because: str
    """Why it loads or does not, in a sentence."""
    hint: str
    """What to do where it does not."""
    format: str | None
    """None where it is no format that swinkit knows."""
    size: str | None
    """The name in `models.SIZES`, where the architecture is one of them; timm:NAME of one of timm's."""
    task: str | None
    """`classification`, `backbone`, `masked modelling` or `features` (pooled, without a head)."""
    config: SwinConfig | None
    """The architecture; its window counts for nothing where `window` is None."""
    window: tuple[Pair, ...] | None
    """Tokens per stage; None where nothing in the file tells them."""
    parameters: int | None
    matched: int
    """Tensors of the file that a model takes."""
    dropped: dict[str, str]
    """Tensors of the file that its format computes anew, and why."""
    left_out: dict[str, str]
    """Tensors of the file that are no part of a Swin, and why."""
    averaged: bool
    """Whether averaged (EMA) weights were found; they are the ones that load."""
    labels: tuple[str, ...] | None
    preprocess: Preprocess | None
    extra: dict[str, Any]
    """What else our own files say: task, scores, licence, how trained."""
    notes: tuple[str, ...]


def inspect(source: str | Path) -> Inspection:
    """Read and understand a weights file, a folder or published weights; see `verbs.inspect`.

    Raises CheckpointError only where there is nothing to read.
    """
    path, entry = locate(source)
    raw = read_file(path)
    other = other_network(raw.extra)
    if other is not None:
        return _of_another_library(raw, other)
    asked = published_asked(Asked(), entry)
    try:
        return _understood(raw, published_native(understand(raw, asked), entry))
    except CheckpointError as error:
        refused = _refused(raw, error)
    try:  # no tensor of v2 depends on its window: with any at all, the rest is known
        known = _understood(raw, understand(raw, replace(asked, window=_ANY_WINDOW)))
    except CheckpointError:
        return refused
    return replace(known, loads=False, because=refused.because, hint=refused.hint, size=None, window=None)


def _understood(raw: RawCheckpoint, native: Native) -> Inspection:
    parameters = sum(tensor.numel() for tensor in native.tensors.values())
    return Inspection(
        path=raw.path,
        loads=True,
        because=f"each of its {len(native.tensors)} tensors has its place",
        hint="",
        format=native.format,
        size=size_of(native.config),
        task=str(native.extra.get("task") or task_of(native.config)),
        config=native.config,
        window=native.config.window,
        parameters=parameters,
        matched=len(native.tensors),
        dropped=native.dropped,
        left_out=native.left_out,
        averaged=_averaged(native.notes),
        labels=native.labels,
        preprocess=native.preprocess,
        extra=dict(native.extra),
        notes=native.notes,
    )


def _of_another_library(raw: RawCheckpoint, said: OtherNetwork) -> Inspection:
    return Inspection(
        path=raw.path,
        loads=True,
        because=f"{said.library} builds it, in train, predict, evaluate and compare; it is no Swin",
        hint="",
        format="swinkit",
        size=str(said),
        task=str(said.extra.get("task") or "classification"),
        config=None,
        window=None,
        parameters=sum(tensor.numel() for tensor in raw.tensors.values()),
        matched=len(raw.tensors),
        dropped={},
        left_out={},
        averaged=False,
        labels=said.labels,
        preprocess=said.preprocess,
        extra=dict(said.extra),
        notes=(*raw.notes, f"written with {said.library} {said.config.get('version')}"),
    )


def _refused(raw: RawCheckpoint, error: CheckpointError) -> Inspection:
    return Inspection(
        path=raw.path,
        loads=False,
        because=error.message.removeprefix(f"{raw.path}: "),
        hint=error.hint,
        format=_format(raw),
        size=None,
        task=None,
        config=None,
        window=None,
        parameters=None,
        matched=0,
        dropped={},
        left_out={},
        averaged=_averaged(raw.notes),
        labels=None,
        preprocess=None,
        extra={},
        notes=raw.notes,
    )


def size_of(config: SwinConfig) -> str | None:
    """The name in `SIZES` of the same architecture: same blocks, windows and patches."""
    for name, size in SIZES.items():
        if all(getattr(size, field) == getattr(config, field) for field in _OF_SIZE):
            return name
    return None


def task_of(config: SwinConfig) -> str:
    """What a model of this architecture gives."""
    if config.masked_modelling:
        return "masked modelling"
    if config.classes:
        return "classification"
    return "features" if config.dense is None else "backbone"


def _format(raw: RawCheckpoint) -> str | None:
    try:
        return recognise(raw.tensors)
    except CheckpointError:
        return None


def _averaged(notes: tuple[str, ...]) -> bool:
    return any("averaged (EMA) weights" in note for note in notes)
