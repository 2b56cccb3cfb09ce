"""One page that teaches Swin on a picture and shows the state of a model."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from swinkit.errors import ConfigError, RunError

if TYPE_CHECKING:
    import numpy as np

    from swinkit.drawings.page import Subject
    from swinkit.models import Preprocess, Swin, SwinConfig

DEFAULT_MODEL = "swin_tiny"
"""Its numbers are those of the paper, with 8 × 8, 4 × 4, 2 × 2 and 1 windows, and it takes a second."""

_USUAL_SIZE = (224, 224)


def explain(
    image: str | Path | np.ndarray | None = None,
    weights: str | Path | Swin | None = None,
    *,
    model: str | None = None,
    image_size: int | tuple[int, int] | None = None,
    measure: bool = True,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a page that explains Swin on a picture, and return where it is.

    The page is one HTML file that needs no network: patches, windows, the cyclic shift, masks, position
    biases, feature maps, attention of any token you click, and what attention costs on this machine.

    image: a file, or an array (H, W, C); by default an embedded picture.
    weights: a weights file, a run folder, a published name or a model; without any, fresh weights.
    model: the size to draw with fresh weights, swin_tiny by default. seed: decides these weights.
    image_size: pixels of the input, where not those of the model. It never changes a window.
    measure: whether to time attention, a few seconds.
    out: the page, or a folder for it; by default runs/explain-NAME/explain.html.

    Raises DataError for a picture that cannot be read, CheckpointError for such weights, ConfigError for
    both `weights` and `model`, RunError where `out` exists already, unless `overwrite`.
    """
    from swinkit.data import write_atomically
    from swinkit.drawings.facts import gather
    from swinkit.drawings.measure import compare_attention
    from swinkit.drawings.page import render

    name = Path(image).stem if isinstance(image, (str, Path)) else "digits" if image is None else "picture"
    target = _target(out, name, overwrite)
    swin = _model(weights, model, seed)
    preprocess = _preprocess(swin, image_size, whole=image is None)
    facts = gather(swin, _pixels(image, preprocess), preprocess)
    cost = compare_attention(swin.config) if measure else None
    return write_atomically(target, render(facts, _subject(image, swin, weights, model), cost))


def _target(out: str | Path | None, name: str, overwrite: bool) -> Path:
    """Where the page goes; checked before anything is computed."""
    if out is None:
        folders = (Path("runs") / folder for folder in _folder_names(name))
        return next(folder for folder in folders if not folder.exists()) / "explain.html"
    given = Path(out)
    target = given if given.suffix.lower() in (".html", ".htm") else given / "explain.html"
    if target.exists() and not overwrite:
        raise RunError(
            f"{target} exists already", hint="choose another place with out, or replace it with overwrite"
        )
    return target


def _folder_names(name: str) -> Iterator[str]:
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "picture"
    yield f"explain-{plain}"
    number = 2
    while True:
        yield f"explain-{plain}-{number}"
        number += 1


def _model(weights: str | Path | Swin | None, size: str | None, seed: int) -> Swin:
    """A model on the CPU in float32, in evaluation mode; one that was given is copied."""
    import torch

    from swinkit.models import Swin, create_model
    from swinkit.weights.load import load

    if weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return create_model(size or DEFAULT_MODEL).eval()
    if size is not None:
        raise ConfigError(
            f"weights bring their own model, and model={size!r} was asked for too", hint="give one of them"
        )
    chosen = copy.deepcopy(weights) if isinstance(weights, Swin) else load(weights)
    return chosen.to(device="cpu", dtype=torch.float32).eval()


def _preprocess(model: Swin, image_size: int | tuple[int, int] | None, *, whole: bool) -> Preprocess:
    """As the model prepares pictures, at another size where that is asked for.

    whole: leave nothing of the picture out, for ours is made to be seen whole.
    """
    from swinkit.models import default_preprocess
    from swinkit.windows import pair

    wanted = None if image_size is None else pair(image_size, "image_size")
    size = wanted or model.config.image_size or _USUAL_SIZE
    preprocess = model.preprocess or default_preprocess(replace(model.config, image_size=size))
    assert preprocess is not None  # the size is known
    preprocess = preprocess.for_size(wanted) if wanted else preprocess
    return replace(preprocess, resize_to=None) if whole else preprocess


def _pixels(image: str | Path | np.ndarray | None, preprocess: Preprocess) -> np.ndarray:
    """H, W, C"""
    import numpy as np

    from swinkit.data import read
    from swinkit.drawings.scene import scene

    if image is None:
        return scene()[..., np.arange(preprocess.channels) % 3]
    if isinstance(image, np.ndarray):
        return image[..., None] if image.ndim == 2 else image
    return read(image, channels=preprocess.channels, own_values=preprocess.own_values)


def _subject(
    image: str | Path | np.ndarray | None,
    swin: Swin,
    weights: str | Path | Swin | None,
    size: str | None,
) -> Subject:
    from swinkit.drawings.page import Subject
    from swinkit.kernels import kernel_report

    running = next(report for report in kernel_report() if report.runs)
    picture = (
        "nine digits"
        if image is None
        else Path(image).name
        if isinstance(image, (str, Path))
        else "a picture"
    )
    source = (
        "" if weights is None else str(weights) if isinstance(weights, (str, Path)) else "a model in memory"
    )
    return Subject(
        picture=picture,
        model=(size or DEFAULT_MODEL) if weights is None else _size_name(swin.config),
        weights=source,
        kernel=f"{running.name}: {running.why}",
        load_report="" if swin.load_report is None else str(swin.load_report),
    )


def _size_name(config: SwinConfig) -> str:
    """The named size of that architecture, where there is one."""
    from swinkit.models import SIZES

    def shape(one: SwinConfig) -> tuple[object, ...]:
        return one.version, one.embed_dim, one.depths, one.num_heads, one.window, one.patch_size

    return next(
        (name for name, size in SIZES.items() if shape(size) == shape(config)), "a Swin of its own shape"
    )
