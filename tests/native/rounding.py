"""What int8 means, by formula: PyTorch's products of the same rounded numbers, in double precision."""

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

CHUNK = 384
"""Inputs of a layer's second half of an MLP that are rounded together."""


class InInt8(TorchFunctionMode):
    """Inside, the linear layers in a model's blocks and mergings multiply numbers rounded to 8 bits."""

    def __init__(self, model):
        super().__init__()
        named = {id(p): name for name, p in model.named_parameters() if p.dim() == 2}
        layers = ("qkv.weight", "proj.weight", "fc1.weight", "fc2.weight", "reduction.weight")
        self.layers = {key: name for key, name in named.items() if name.endswith(layers)}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is not F.linear or id(args[1]) not in self.layers:
            return function(*args, **(kwargs or {}))
        x, weight, bias = (*args, None)[:3]
        chunk = CHUNK if self.layers[id(weight)].endswith("fc2.weight") else x.shape[-1]
        parts = [
            rounded_row(one) @ w.T
            for one, w in zip(x.split(chunk, -1), rounded_weight(weight).split(chunk, -1), strict=True)
        ]
        return sum(parts) + (0 if bias is None else bias)


def rounded_weight(weight):
    """255 steps around zero for each output. (outputs, inputs)"""
    scale = weight.abs().amax(1, keepdim=True) / 127
    return (weight / scale.clamp(min=1e-30)).round() * scale


def rounded_row(x):
    """256 steps between the smallest and the largest number, zero among them. (…, inputs)"""
    low, high = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-30)
    zero = (-low / step).round()
    return ((x / step).round() + zero).clamp(0, 255).sub(zero) * step


def in_int8(model, x):
    """Logits with products in int8, in double precision. The model is float32 afterwards."""
    model.double()
    with torch.inference_mode(), InInt8(model):
        found = model(x.double())
    model.float()
    return found
