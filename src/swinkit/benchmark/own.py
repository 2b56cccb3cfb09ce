"""swinkit's own kernels as contenders."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor

from swinkit.benchmark.ready import Build, Job, Ready, as_logits, eager
from swinkit.kernels import KERNELS, NATIVE, use_kernel
from swinkit.native import optimize


def _native(job: Job) -> Ready:
    fast = optimize(job.model, job.case.dtype, threads=job.case.threads, sample=job.images)  # type: ignore[arg-type]

    def call() -> Tensor:
        with torch.inference_mode():
            logits = fast(job.images)
        assert isinstance(logits, Tensor)
        return logits

    def pack() -> None:
        """By an image of one patch, so that all that is worked in later is still to come."""
        with torch.inference_mode():
            fast(torch.zeros(1, fast.config.in_channels, *fast.config.patch_size))

    return Ready(call=call, logits=as_logits, settle=pack, detail=fast.target, runs_in_torch=False)


def _through_torch(job: Job, kernel: str) -> Ready:
    ready = eager(copy.deepcopy(job.model), job.images, job.case, "eager")

    def call() -> object:
        with use_kernel(kernel):
            return ready.call()

    return Ready(call=call, logits=as_logits, settle=call, detail=ready.detail)


OWN: dict[str, Build] = {
    NATIVE: _native,
    **{name: partial(_through_torch, kernel=name) for name in KERNELS if name != NATIVE},
}
"""By the name of the kernel."""
DEFAULT = (NATIVE, "torch")
