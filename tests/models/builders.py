"""Small Swins in which every parameter matters."""

import torch

from swinkit.models import Swin, create_model


def small_swin(version: int = 1, *, size: int = 64, **settings) -> Swin:
    """Three stages, window 4, weights drawn so that no norm, bias or table is neutral; in eval mode."""
    defaults = {"classes": 7, "window": 4, "depths": (2, 2, 2), "num_heads": (2, 4, 8)}
    model = create_model("swin_pico", version=version, image_size=size, **{**defaults, **settings})
    return scrambled(model)


def scrambled(model: Swin) -> Swin:
    """Draw all parameters anew: a fresh v2 block is the identity and a fresh table all but zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "norm3.weight")):
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
