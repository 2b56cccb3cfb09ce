"""Fresh weights under which every parameter matters, so that comparing outputs proves something."""

from __future__ import annotations

import torch

from swinkit.models import Swin, create_model


def lively(size: str) -> Swin:
    """A named size with random weights: as they are initialised, a bias table is all but zero and a block of
    v2 the identity. Raises ConfigError for an unknown size."""
    model = create_model(size)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.25 * noise)
            elif name.endswith("logit_scale"):
                parameter.copy_(2.3 + 0.7 * noise)
            elif name.endswith("bias_table"):
                parameter.copy_(0.7 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.15 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return model.eval()
