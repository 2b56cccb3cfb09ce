"""A model of which each of several processes keeps a part, for those that do not fit into one device.

Weights, gradients, what the optimiser remembers and the average are all shared out (Rajbhandari et al. 2020,
stage 3), by torch's `fully_shard` (FSDP2). The weights of a block are brought together when it computes,
forwards and backwards, and let go after it; gradients are summed on their way back to who keeps their part.
So all processes have to take the same passes in the same order, each with some pictures, or with a blank one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from swinkit.models import Backbone, Swin


def place(model: Backbone, device: torch.device, processes: int = 1) -> None:
    """The model to this process's device, or its part of it where several processes share it out.

    The weights of a model without any (`blank`) come to be there, with values that mean nothing.
    """
    if processes > 1:
        _share_out(model, device, processes)
    if any(parameter.is_meta for parameter in model.parameters()):
        model.to_empty(device=device)
    else:
        model.to(device)


def _share_out(model: Backbone, device: torch.device, processes: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    assert isinstance(model, Swin)  # the plan refuses others
    mesh = init_device_mesh(device.type, (processes,))
    blocks = [block for stage in model.stages for block in stage.blocks]
    for module in (*blocks, model):
        fully_shard(module, mesh=mesh)
        assert isinstance(module, FSDPModule)
        # A sum, for each process has weighed its pictures in the whole step; gloo knows no other way.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)


def blank(model: Backbone) -> Backbone:
    """A model of the same kind whose weights have neither place nor values."""
    assert isinstance(model, Swin)
    with torch.device("meta"):
        copy = Swin(model.config)
    copy.labels, copy.preprocess = model.labels, model.preprocess
    return copy


def whole(model: Backbone) -> Backbone:
    """The model with all its weights in every process, to be looked at and kept; all processes call this."""
    copy = blank(model)
    copy.load_state_dict({n: gathered(tensor) for n, tensor in model.state_dict().items()}, assign=True)
    return copy.requires_grad_(False).eval()


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process keeps, in the same memory; all of one that is not shared out."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor, in every process; all processes call this."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
