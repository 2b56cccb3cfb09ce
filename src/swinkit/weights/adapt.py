"""From what a file holds to what was asked for: task, head, channels, sizes. Each step says what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.models import Preprocess, SwinConfig
from swinkit.models.position import Resampling
from swinkit.models.resize import resized_config, resized_tensors, window_per_stage
from swinkit.models.sizes import default_preprocess
from swinkit.weights.geometry import PretrainedWindow, Window, pretrained_per_stage
from swinkit.weights.labels import imagenet_1k, rows_22k_to_1k
from swinkit.windows import Pair, pair

_ROWS_22K = 21841


@dataclass(slots=True, kw_only=True)
class Draft:
    """A model on its way: the architecture, its tensors, and the story for the report."""

    config: SwinConfig
    tensors: dict[str, Tensor]
    labels: tuple[str, ...] | None
    preprocess: Preprocess | None
    new: dict[str, str] = field(default_factory=dict)
    resized: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, beginning: str, why: str) -> None:
        """Remove the tensors whose names begin so."""
        for name in [name for name in self.tensors if name.startswith(beginning)]:
            del self.tensors[name]
            self.left_out[name] = why

    def begin_norm(self, name: str, channels: int, why: str) -> None:
        """Add a fresh LayerNorm unless there is one."""
        if f"{name}.weight" not in self.tensors:
            self.tensors |= {f"{name}.weight": torch.ones(channels), f"{name}.bias": torch.zeros(channels)}
            self.new |= dict.fromkeys((f"{name}.weight", f"{name}.bias"), why)


# Task: a classifier, a backbone with a norm for each stage, or both -----------------------------------------


def to_task(
    draft: Draft, *, classes: int | Sequence[str] | None, dense: bool | Sequence[int] | None, norms: bool
) -> None:
    """Build what was asked for, or what the file holds; parts that then serve nothing are left out."""
    config = draft.config
    if config.masked_modelling and (classes is not None or dense):
        for part in ("mask_token", "decoder."):
            draft.leave_out(part, "serves pre-training alone")
        config = replace(config, masked_modelling=False)
    if dense is None:
        stages, with_norms = config.dense, config.norms and norms
    else:
        stages = None if dense is False else tuple(range(len(config.depths)) if dense is True else dense)
        with_norms = norms
    if dense and classes is None and config.classes:
        draft.leave_out("head.", "maps were asked for, and no classes")
        draft.labels = None
        config = replace(config, classes=0)
    count = config.classes if classes is None else _count(classes)
    wanted = replace(config, dense=stages, norms=with_norms if stages is not None else True, classes=count)
    _fit_norms(draft, wanted)
    for stage in range(wanted.built_stages, len(wanted.depths)):
        draft.leave_out(f"stages.{stage}.", "serves no map that was asked for")
    draft.config = replace(wanted, classes=config.classes)  # the head follows


def _fit_norms(draft: Draft, wanted: SwinConfig) -> None:
    held = {int(name.split(".")[1]) for name in draft.tensors if name.startswith("norms.")}
    needed = set(wanted.dense or ()) if wanted.norms else set()
    for stage in sorted(held - needed):
        draft.leave_out(f"norms.{stage}.", "no norm of this stage was asked for")
    for stage in sorted(needed):
        draft.begin_norm(
            f"norms.{stage}", wanted.channels[stage], "the file has no norm for this stage: 1 and 0"
        )
    if not wanted.has_final_norm:
        draft.leave_out("norm.", "a backbone has no final norm")
    else:
        draft.begin_norm("norm", wanted.channels[-1], "the file has no final norm: 1 and 0")


# Head -------------------------------------------------------------------------------------------------------


def to_classes(draft: Draft, classes: int | Sequence[str] | None) -> None:
    """A head for these classes: rows are kept by name where names match, or all where only names are told."""
    if classes is None:
        return
    names = None if isinstance(classes, int) else tuple(classes)
    count, before = _count(classes), draft.config.classes
    if names is not None and len(set(names)) != count:
        raise CheckpointError(
            "class names must be different from each other", hint="remove the second of each"
        )
    if count == 0:
        draft.leave_out("head.", "no head was asked for")
        draft.labels = None
    elif before == _ROWS_22K and (names == imagenet_1k() or (names is None and count == 1000)):
        _take_rows(draft, rows_22k_to_1k(), "the rows of ImageNet-1K's classes, by Microsoft's 22K-to-1K map")
        draft.labels = imagenet_1k()
    elif names is not None and draft.labels is not None:
        _take_named_rows(draft, draft.labels, names)
        draft.labels = names
    elif before == count:
        if names is not None:
            draft.notes.append(f"the {count} classes of the head are named as told; the file has no names")
        draft.labels = names or draft.labels
    else:
        _fresh_head(
            draft, count, f"head {before} → {count} classes" if before else f"a head for {count} classes"
        )
        draft.labels = names
    draft.config = replace(draft.config, classes=count)


def _count(classes: int | Sequence[str]) -> int:
    if isinstance(classes, str):
        raise CheckpointError(f"classes takes a count or a list of names; got {classes!r}")
    count = classes if isinstance(classes, int) else len(classes)
    if count < 0:
        raise CheckpointError(f"classes takes a count or a list of names; got {classes!r}")
    return count


def _fresh_head(draft: Draft, count: int, why: str) -> None:
    channels = draft.config.channels[-1]
    draft.tensors |= {"head.weight": torch.zeros(count, channels), "head.bias": torch.zeros(count)}
    draft.new |= dict.fromkeys(("head.weight", "head.bias"), f"{why}: zero-initialised")


def _take_rows(draft: Draft, rows: Sequence[int], how: str) -> None:
    for name in ("head.weight", "head.bias"):
        draft.tensors[name] = draft.tensors[name][torch.tensor(rows)]
        draft.resized[name] = how


def _take_named_rows(draft: Draft, before: tuple[str, ...], names: tuple[str, ...]) -> None:
    row = {name: index for index, name in enumerate(before)}
    kept = [name for name in names if name in row]
    if not kept:
        _fresh_head(draft, len(names), f"head {len(before)} → {len(names)} classes, none of the same name")
        return
    if names == before:
        return
    for tensor in ("head.weight", "head.bias"):
        old = draft.tensors[tensor]
        rows = [old[row[name]] if name in row else torch.zeros_like(old[0]) for name in names]
        draft.tensors[tensor] = torch.stack(rows)
        fresh = f", {len(names) - len(kept)} new and zero" if len(kept) < len(names) else ""
        draft.resized[tensor] = f"rows by class name: {len(kept)} kept{fresh}"


# Channels ---------------------------------------------------------------------------------------------------


def to_channels(draft: Draft, in_channels: int | None) -> None:
    """A first convolution for other channels, with which equal channels give what they gave before.

    Fewer channels share the sum of all kernels; more repeat them in turn, scaled so that the sum stays.
    """
    before = draft.config.in_channels
    if in_channels is None or in_channels == before:
        return
    if draft.config.masked_modelling:
        raise CheckpointError(
            f"reconstructs {before} channels and cannot be made to reconstruct {in_channels}"
        )
    kernel = draft.tensors["patch_embed.proj.weight"]
    if in_channels < before:
        adapted = (kernel.sum(dim=1, keepdim=True) / in_channels).repeat(1, in_channels, 1, 1)
        how = f"{before} → {in_channels} channels: summed" + (
            ", shared out evenly" if in_channels > 1 else ""
        )
    else:
        source = [channel % before for channel in range(in_channels)]
        share = torch.tensor([1 / source.count(channel) for channel in source], dtype=kernel.dtype)
        adapted = kernel[:, source] * share[:, None, None]
        how = f"{before} → {in_channels} channels: repeated in turn, each divided by its repetitions"
    draft.tensors["patch_embed.proj.weight"] = adapted
    draft.resized["patch_embed.proj.weight"] = how
    draft.config = replace(draft.config, in_channels=in_channels)
    if draft.preprocess is not None:
        mean, std = (sum(values) / len(values) for values in (draft.preprocess.mean, draft.preprocess.std))
        draft.preprocess = replace(draft.preprocess, mean=(mean,) * in_channels, std=(std,) * in_channels)


# Sizes ------------------------------------------------------------------------------------------------------


def to_sizes(
    draft: Draft,
    *,
    image_size: int | Pair | None,
    window: Window | None,
    pretrained_window: PretrainedWindow | None,
    how: Resampling,
) -> None:
    """Another image size, window, or window of pretraining than the file's; tables are resampled."""
    before, stages = draft.config, len(draft.config.depths)
    config = before
    if pretrained_window is not None:
        told = pretrained_per_stage(pretrained_window, stages)
        if told != before.pretrained_window:
            config = replace(config, pretrained_window=told)
            draft.notes.append(
                f"pretrained window {_sides(before.pretrained_window)} → {_sides(told)}, as asked"
            )
    if window is not None and not _agrees(before.window, window, draft):
        config = resized_config(config, window=window)
    if image_size is not None and pair(image_size, "image_size") != before.image_size:
        config = resized_config(config, image_size=image_size)
    resized = resized_tensors(draft.tensors, config, how)
    for name, tensor in resized.items():
        if tensor.shape != draft.tensors[name].shape:
            draft.resized[name] = _change(name, before, config, how)
    if config.window != before.window and config.version == 2:
        draft.notes.append(
            f"window {_sides(before.window)} → {_sides(config.window)}: the position bias is computed anew, "
            f"its coordinates scaled to {_sides(config.pretrained_window)}"
        )
    draft.config, draft.tensors = config, resized
    if image_size is not None and draft.preprocess is not None:
        draft.preprocess = draft.preprocess.for_size(pair(image_size, "image_size"))


def _agrees(held: tuple[Pair, ...], asked: Window, draft: Draft) -> bool:
    """Whether the file's windows are the one asked for.

    One window for the whole model means what it means in every library: it is smaller in late stages whose
    maps were no larger. One window for each stage is taken at its word.
    """
    wanted = window_per_stage(asked, len(held))
    if held == wanted:
        return True
    is_one = isinstance(asked, int) or (len(asked) == 2 and all(isinstance(side, int) for side in asked))
    full = next((stage for stage, window in enumerate(held) if window != wanted[0]), len(held))
    shrinks = all(
        later[0] <= earlier[0] and later[1] <= earlier[1]
        for earlier, later in zip(held[full - 1 :], held[full:], strict=False)
    )
    if not (is_one and full and shrinks):
        return False
    draft.notes.append(
        f"the windows stay {_sides(held)}, as the file was made with window {asked}; "
        "give one per stage to change them"
    )
    return True


def _change(name: str, before: SwinConfig, after: SwinConfig, how: Resampling) -> str:
    if name == "position":
        return f"{_size(before.position)} → {_size(after.position)}, bicubic"
    stage = int(name.split(".")[1])
    return f"{_size(before.window[stage])} → {_size(after.window[stage])}, {how}"


def _size(sides: Pair | None) -> str:
    return "none" if sides is None else f"{sides[0]} × {sides[1]}"


def _sides(windows: Sequence[Pair | None] | None) -> str:
    if windows is None:
        return "not set"
    sides = [w if w is None or w[0] != w[1] else w[0] for w in windows]
    return str(sides[0]) if len(set(sides)) == 1 else str(tuple(sides))


# Preprocessing ----------------------------------------------------------------------------------------------


def to_preprocess(draft: Draft) -> None:
    """Microsoft's test protocol where nothing says otherwise, at the size the model was made for.

    Where that is not stated, it is the size at which the last stage is one window, as in every published
    Swin.
    """
    if draft.preprocess is not None:
        return
    config = draft.config
    if config.image_size is None:
        last = len(config.depths) - 1
        (rows, columns), (down, right) = config.window[last], config.strides[last]
        config = replace(config, image_size=(rows * down, columns * right))
        draft.notes.append(
            f"preprocessing is for {_size(config.image_size)} pixels, where the last stage is one window"
        )
    draft.preprocess = default_preprocess(config)
