"""`load`: a model from any weights file, or from the name of published weights."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import Swin
from swinkit.models.position import Resampling
from swinkit.weights import catalogue, hub
from swinkit.weights.adapt import Draft, to_channels, to_classes, to_preprocess, to_sizes, to_task
from swinkit.weights.catalogue import Entry
from swinkit.weights.files import WEIGHTS_ENDINGS, glance_at, read_file
from swinkit.weights.geometry import Asked, PretrainedWindow, Window
from swinkit.weights.native import Native, understand
from swinkit.weights.report import LoadReport
from swinkit.windows import Pair, Policy, policy_named


def load(
    source: str | Path,
    *,
    classes: int | Sequence[str] | None = None,
    in_channels: int | None = None,
    image_size: int | Pair | None = None,
    window: Window | None = None,
    pretrained_window: PretrainedWindow | None = None,
    dense: bool | Sequence[int] | None = None,
    norms: bool = True,
    policy: str | Policy | None = None,
    resize: Resampling = "bicubic",
    drop_path: float = 0.0,
) -> Swin:
    """A Swin with the weights of a file, in evaluation mode; `model.load_report` says what became of them.

    source: a weights file of any format, a `save_pretrained` folder or a run folder, `hf:owner/name`, or the
    name of published weights (`swinkit.list_models()`). The keywords say what a file does not, or ask for a
    change:

    classes: names, or their count. The head's rows are kept by name where names match; others are new and
        zero. 0 removes the head.
    in_channels: channels of the pictures; the first convolution is adapted.
    image_size: pixels. It never changes the window.
    window, pretrained_window: in tokens, for all stages or one per stage. Where the file says otherwise, bias
        tables are resampled by the rule `resize`, "bicubic" (Microsoft's) or "geometric" (SimMIM's).
    dense: stages whose maps are wanted (True: all), with a norm for each unless `norms=False`; taken from the
        file where it has them. False: a classifier. By default what the file is.
    policy: what happens at odd sizes; by default that of the library the file comes from.

    Raises CheckpointError where the file cannot be read, is of no known format, does not tell its
    architecture, or does not hold exactly one whole Swin; ConfigError for settings that contradict each
    other.
    """
    if resize not in ("bicubic", "geometric"):
        raise ConfigError(f"resize is 'bicubic' or 'geometric'; got {resize!r}")
    chosen = policy_named(policy) if isinstance(policy, str) else policy
    path, entry = locate(source)
    asked = Asked(window=window, pretrained_window=pretrained_window, image_size=image_size)
    native = published_native(understand(read_file(path), published_asked(asked, entry)), entry)
    draft = Draft(
        config=native.config,
        tensors=dict(native.tensors),
        labels=native.labels,
        preprocess=native.preprocess,
    )
    to_task(draft, classes=classes, dense=dense, norms=norms)
    to_classes(draft, classes)
    to_channels(draft, in_channels)
    to_sizes(draft, image_size=image_size, window=window, pretrained_window=pretrained_window, how=resize)
    to_preprocess(draft)
    draft.config = replace(draft.config, policy=chosen or draft.config.policy, drop_path=drop_path)
    _note_dense_policy(draft, native, asked_for_maps=bool(dense) and policy is None)
    return _built(draft, native, str(source))


def locate(source: str | Path) -> tuple[Path, Entry | None]:
    """The file or folder that a source means, fetched if need be, and the entry of published weights.

    Raises CheckpointError where it is neither there nor published.
    """
    name = str(source)
    if isinstance(source, Path) or Path(source).exists():
        return Path(source), None  # a file of one's own may be anything, whatever its name
    entry = catalogue.lookup(name)
    if entry is not None:
        return catalogue.fetch(entry, say=_say), entry
    if name.startswith("hf:"):
        return hub.fetch_model(name.removeprefix("hf:"), say=_say), None
    if _is_path(name):
        return Path(name), None  # reading it says what is wrong
    return catalogue.fetch(_published(name), say=_say), None


def refuse_unknown_source(source: str) -> None:
    """Raises CheckpointError, before anything is fetched or read whole, for what cannot be weights."""
    if Path(source).exists() or (_is_path(source) and not source.startswith("hf:")):
        glance_at(source)
    elif not source.startswith("hf:"):
        _published(source)


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or Path(name).suffix in WEIGHTS_ENDINGS


def _published(name: str) -> Entry:
    try:
        return catalogue.find(name)
    except ConfigError as error:
        raise CheckpointError(f"{name!r} is no file here, and {error.message}", hint=error.hint) from None


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def published_asked(asked: Asked, entry: Entry | None) -> Asked:
    """What is asked, with the image size of published weights where none is."""
    if entry is None or asked.image_size is not None:
        return asked
    return replace(asked, image_size=entry.preprocess.image_size)


def published_native(native: Native, entry: Entry | None) -> Native:
    """A file with what it was published with: the preprocessing it was scored with, which a repository's own
    settings need not be, and class names where it states none."""
    if entry is None:
        return native
    names = entry.class_names
    fit = names is not None and len(names) == native.config.classes
    return replace(
        native,
        labels=native.labels or (names if fit else None),
        preprocess=entry.preprocess or native.preprocess,
    )


def _note_dense_policy(draft: Draft, native: Native, *, asked_for_maps: bool) -> None:
    if (
        asked_for_maps
        and native.config.dense is None
        and draft.config.policy.name in ("microsoft", "huggingface")
    ):
        draft.notes.append(
            f"policy {draft.config.policy.name}, of the classifier that the file is; detection and "
            "segmentation code keeps the shift on maps of one window: policy='dense'"
        )


def _built(draft: Draft, native: Native, source: str) -> Swin:
    """The model itself; its tensors are float32 and its own."""
    with torch.device("meta"):
        model = Swin(draft.config)
    other = sorted(
        {str(tensor.dtype).removeprefix("torch.") for tensor in draft.tensors.values()} - {"float32"}
    )
    if other:
        draft.notes.append(f"the file stores {', '.join(other)}; the model computes in float32")
    state = {name: _owned(tensor) for name, tensor in draft.tensors.items()}
    model.load_state_dict(state, assign=True)
    model.labels, model.preprocess = draft.labels, draft.preprocess
    model.load_report = LoadReport(
        source=source,
        format=native.format,
        policy=draft.config.policy.name,
        matched=tuple(name for name in state if name not in draft.new),
        resized=draft.resized,
        new=draft.new,
        dropped=native.dropped,
        left_out=native.left_out | draft.left_out,
        notes=(*native.notes, *draft.notes),
        parameters=sum(tensor.numel() for tensor in state.values()),
        parameters_loaded=sum(tensor.numel() for name, tensor in state.items() if name not in draft.new),
        extra=native.extra,
    )
    return model.eval()


def _owned(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
