"""What a training step keeps in memory, measured on the model itself."""

from __future__ import annotations

import torch
from torch import Tensor

from swinkit.engine.inference import evaluating
from swinkit.models import Backbone


def bytes_kept(model: Backbone, image_size: tuple[int, int], channels: int) -> int:
    """Bytes that each picture of a batch makes a step in float32 keep for its backward pass.

    Counted over a real forward pass of two pictures less one of a single one, which takes the time of three;
    the model is not changed.
    """
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def kept(pictures: int) -> int:
        storages: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        device = next(model.parameters()).device
        inputs = torch.zeros(pictures, channels, *image_size, device=device)
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = model(inputs)  # while they live, no storage is freed and counted twice
        del outputs
        return sum(storages.values())

    with evaluating(model):
        return kept(2) - kept(1)
