"""Is a model exactly ours, and is it still the one whose weights were packed?"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import nn

from swinkit.kernels.library import Library
from swinkit.models import Swin, swin
from swinkit.models.attention import CosineAttention, DotProductAttention

_OURS = {
    Swin,
    swin.PatchEmbedding,
    swin.Stage,
    swin.PreNormBlock,
    swin.PostNormBlock,
    swin.MergeV1,
    swin.MergeV2,
    swin.Norm,
    swin.Mlp,
    swin.DropPath,
    DotProductAttention,
    CosineAttention,
    nn.Linear,
    nn.Conv2d,
    nn.Identity,
    nn.ModuleList,
    nn.ModuleDict,
}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def refusal(model: nn.Module) -> str | None:
    """Why the native kernels would not compute what this model computes; None where they would."""
    if type(model) is not Swin:
        return f"it is a {type(model).__name__}, not a swinkit.Swin"
    for name, module in model.named_modules():
        if type(module) not in _OURS:
            return f"{name} is a {type(module).__name__}, which is not swinkit's"
        if any(getattr(module, hooks) for hooks in _HOOKS):
            return f"{name or 'it'} carries hooks, which would not be called"
        if "forward" in vars(module):
            return f"the forward of {name or 'the model'} was replaced"
    for name, parameter in model.named_parameters():
        if parameter.device.type != "cpu":
            return f"{name} is on {parameter.device}; the kernels compute on the CPU"
        if parameter.dtype != torch.float32:
            return f"{name} is {parameter.dtype}; the kernels take float32 weights"
        if type(parameter) is not nn.Parameter:
            return f"{name} is a {type(parameter).__name__}, not a plain parameter"
    return None


class Watch:
    """A model as it was when its weights were packed.

    Steps of an optimiser and all in-place operations raise a tensor's version; another tensor in its place
    is another object. Writes through `.data` or NumPy do neither: those are noticed where they change one of
    the few samples of each tensor whose fingerprint is taken.
    """

    def __init__(self, model: Swin, library: Library) -> None:
        modules = list(model.modules())
        self._library = library
        self._parameters = list(model.parameters())
        self._places: list[tuple[dict[str, Any], str, Any]] = [
            (holder, name, held)
            for module in modules
            for holder in (module._modules, module._parameters)
            for name, held in holder.items()
        ]
        self._hooks = [getattr(module, hooks) for module in modules for hooks in _HOOKS]
        self._states = self._now()
        whole = [parameter for parameter in self._parameters if parameter.is_contiguous()]
        self._starts = (ctypes.c_void_p * len(whole))(*(parameter.data_ptr() for parameter in whole))
        self._sizes = (ctypes.c_int64 * len(whole))(*(parameter.nbytes for parameter in whole))
        self._fingerprint = library.fingerprint(self._starts, self._sizes)

    def unchanged(self) -> bool:
        return (
            all(holder.get(name) is held for holder, name, held in self._places)
            and not any(self._hooks)
            and self._now() == self._states
            and self._library.fingerprint(self._starts, self._sizes) == self._fingerprint
        )

    def wants_gradients(self) -> bool:
        return any(parameter.requires_grad for parameter in self._parameters)

    def _now(self) -> list[tuple[int, int]]:
        # Tensors made under inference_mode have no version.
        return [(p.data_ptr(), 0 if p.is_inference() else p._version) for p in self._parameters]
