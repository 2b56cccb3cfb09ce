"""A weights file understood: recognised, translated, its architecture inferred, no tensor unaccounted for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Preprocess, Swin, SwinConfig
from swinkit.weights.described import described, other_network
from swinkit.weights.files import RawCheckpoint
from swinkit.weights.formats import FORMATS, Format, recognise
from swinkit.weights.geometry import Asked
from swinkit.weights.infer import infer
from swinkit.weights.names import Translation

MAX_PROBLEMS = 12  # kinds of problems shown in one error


@dataclass(frozen=True, kw_only=True)
class Native:
    """What a file holds, in our names and as it stands: nothing resized, nothing added, no type changed.

    config: the architecture of the file. tensors: all its learnt tensors, stages that no wanted map needs
        included. labels, preprocess: where the file states them. dropped, left_out: the file's names, and
        why.
    extra: what else our own files say.
    """

    format: str
    config: SwinConfig
    tensors: dict[str, Tensor]
    labels: tuple[str, ...] | None = None
    preprocess: Preprocess | None = None
    dropped: dict[str, str]
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def understand(raw: RawCheckpoint, asked: Asked = Asked()) -> Native:  # noqa: B008  it is frozen
    """Raises CheckpointError, listing every problem, unless the file is one whole Swin of a known format."""
    try:
        _refuse_other_networks(raw)
        name = recognise(raw.tensors)
        form = FORMATS[name]
        facts = described(raw.extra)
        found = form.to_native(raw.tensors)
        _set_aside_mask_token(found)
        inferred = infer(found, form, facts, asked)
        _refuse_misfits(name, form, found, inferred.config, inferred.tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{raw.path}: {error.message}", hint=error.hint) from None
    config, labels = inferred.config, facts.labels
    return Native(
        format=name,
        config=config,
        tensors=inferred.tensors,
        labels=labels if labels is not None and len(labels) == config.classes else None,
        preprocess=facts.preprocess,
        dropped=found.dropped,
        left_out=found.left_out,
        notes=(*raw.notes, *_heads_left_out(raw), *inferred.notes, *_UNSAID.get(name, ())),
        extra=facts.extra,
    )


def _refuse_other_networks(raw: RawCheckpoint) -> None:
    other = other_network(raw.extra)
    if other is not None:
        raise CheckpointError(
            f"holds {other}, which is no Swin",
            hint="train, predict, evaluate and compare take it as it is",
        )


# What the files of a format do not say although it matters.
_UNSAID = {
    "mmpretrain": (
        "a model that mmpretrain built with pad_small_map=True needs policy='dense'; files do not say",
    ),
}
# The last layer of a task's head, what the head is, and how many of its rows are no class.
_TASK_HEADS = (
    ("decode_head.conv_seg.weight", "segmentation head", 0),
    ("roi_head.bbox_head.fc_cls.weight", "detection head", 1),
    ("roi_head.bbox_head.0.fc_cls.weight", "cascade of detection heads", 1),
    ("roi_heads.box_predictor.cls_score.weight", "detection head", 1),
)


def _heads_left_out(raw: RawCheckpoint) -> Iterator[str]:
    for name, what, extra_rows in _TASK_HEADS:
        if name in raw.tensors:
            classes = raw.tensors[name].shape[0] - extra_rows
            yield f"a {what} for {classes} classes was left out; its backbone was taken"


def _set_aside_mask_token(found: Translation) -> None:
    if "mask_token" in found.tensors and "decoder.weight" not in found.tensors:
        del found.tensors["mask_token"]
        name = found.theirs.pop("mask_token", "mask_token")
        found.left_out[name] = "a mask token without a decoder serves nothing"


# Strictness -------------------------------------------------------------------------------------------------


def _refuse_misfits(
    name: str, form: Format, found: Translation, config: SwinConfig, tensors: dict[str, Tensor]
) -> None:
    expected, optional = expected_shapes(config)
    problems = _Problems()
    missing = _names_there(form, found, config, {n: s for n, s in expected.items() if n not in tensors})
    strangers = found.unknown | {
        found.theirs.get(n, n): tuple(t.shape) for n, t in tensors.items() if n not in expected | optional
    }
    for theirs, shape in missing.items():
        problems.add("missing", theirs, f"expected {shape}")
    for theirs, shape in strangers.items():
        near = difflib.get_close_matches(theirs, missing, n=1, cutoff=0.8)
        problems.add("unexpected", theirs, f"{shape}" + (f"; is it {near[0]}?" if near else ""))
    for ours, tensor in tensors.items():
        wanted = (expected | optional).get(ours, tuple(tensor.shape))
        if tuple(tensor.shape) != wanted:
            problems.add(
                "of another shape", found.theirs.get(ours, ours), f"{tuple(tensor.shape)}, expected {wanted}"
            )
        if not tensor.is_floating_point():
            problems.add("of another type", found.theirs.get(ours, ours), f"{tensor.dtype}, expected floats")
    if problems.count:
        raise CheckpointError(
            f"looks like {name}, but {problems.count} tensors do not fit the Swin v{config.version} that the "
            f"others make (embed_dim {config.embed_dim}, depths {config.depths}, windows {_sides(config)}):\n"
            f"{problems}",
            hint="the file is incomplete, or was changed by hand; swinkit loads all of a file or nothing",
        )


def expected_shapes(config: SwinConfig) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Names and shapes that a model of this config must have, and those of stages that it does not build."""
    try:
        with torch.device("meta"):
            built = Swin(config).state_dict()
            is_whole = config.built_stages == len(config.depths)
            whole = built if is_whole else Swin(replace(config, dense=None)).state_dict()
    except ConfigError as error:
        raise CheckpointError(error.message, hint=error.hint) from None
    needed = {name: tuple(tensor.shape) for name, tensor in built.items()}
    others = {n: tuple(t.shape) for n, t in whole.items() if n.startswith("stages.") and n not in needed}
    return needed, others


def _names_there(
    form: Format, found: Translation, config: SwinConfig, missing: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Missing tensors by the file's names, where its format has one for each; ours otherwise."""
    result: dict[str, tuple[int, ...]] = {}
    for name, shape in missing.items():
        try:
            theirs = form.from_native({name: torch.zeros(shape)}, config)
            buffers = form.from_native({}, config)
        except (CheckpointError, ValueError):
            theirs, buffers = {}, {}
        present = set(found.theirs.values())
        lacking = {n: tuple(t.shape) for n, t in theirs.items() if n not in buffers and n not in present}
        result |= lacking or {name: shape}
    return result


class _Problems:
    """Misfits by kind: the first of each kind in full, the number of the rest."""

    def __init__(self) -> None:
        self.count = 0
        self._kinds: dict[tuple[str, str], list[str]] = {}

    def add(self, what: str, name: str, how: str) -> None:
        self.count += 1
        kind = re.sub(r"\d+", "#", name)
        self._kinds.setdefault((what, kind), []).append(f"{what}: {name} {how}")

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for alike in list(self._kinds.values())[:MAX_PROBLEMS]:
            more = f" (and {len(alike) - 1} more of this kind)" if len(alike) > 1 else ""
            yield f"  {alike[0]}{more}"
        if len(self._kinds) > MAX_PROBLEMS:
            yield f"  and {len(self._kinds) - MAX_PROBLEMS} more kinds"


def _sides(config: SwinConfig) -> Any:
    return tuple(rows if rows == columns else (rows, columns) for rows, columns in config.window)
