"""What stands in a comparison: anything that, made ready for a case, answers its images with logits."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from swinkit.benchmark.results import Case
from swinkit.errors import KernelRefused
from swinkit.models import Swin


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A contender, made ready for the images of a case."""

    call: Callable[[], Any]
    """Answers all images."""
    logits: Callable[[Any], Tensor]
    """The answer of a call as `B, classes`."""
    settle: Callable[[], object]
    """Finishes what the first call would do once for all: packs weights, compiles."""
    detail: str
    runs_in_torch: bool = True
    """Whether torch's profiler sees its products."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a contender is made ready from. folder: a place for files, which goes when the case ends."""

    model: Swin
    images: Tensor
    case: Case
    folder: Path


Build = Callable[[Job], Ready]


def refuse_int8(what: str, case: Case) -> None:
    """Raise KernelRefused for what multiplies floating numbers only."""
    if case.dtype == "int8":
        raise KernelRefused(f"{what} does not multiply int8")


def missing(packages: tuple[str, ...]) -> str:
    """Why these packages cannot be used, with the line that installs them; empty where all are there."""
    lacking = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"not installed: pip install {' '.join(lacking)}" if lacking else ""


def eager(net: nn.Module, images: Tensor, case: Case, detail: str) -> Ready:
    """A module of torch as it is. In bfloat16 its weights are: that was faster than autocast."""
    refuse_int8("eager torch", case)
    dtype = getattr(torch, case.dtype)
    net, x = net.to(dtype).eval(), images.to(dtype)

    def call() -> Any:
        with torch.inference_mode():
            return net(x)

    return Ready(call=call, logits=as_logits, settle=call, detail=detail)


def as_logits(answer: Any) -> Tensor:
    """Of transformers' answers too."""
    logits = answer if isinstance(answer, Tensor) else answer.logits
    return logits.float()
