"""Small models of the other libraries in which every parameter matters, and how each is run and written."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def scrambled(module: nn.Module) -> nn.Module:
    """Draw all parameters anew: norms, biases and tables of a fresh model are neutral."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("logit_scale"):
                parameter.copy_(2.3 + 0.7 * noise)
                parameter[0] = 5.2  # above the clamp
            elif "bias_table" in name:
                parameter.copy_(0.7 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.15 * noise + ("norm" in name and name.endswith("weight")))
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return module.eval()


def image(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randn(2, channels, height, width, generator=generator)


# timm -----------------------------------------------------------------------------------------------------


def timm_model(version: int, **settings: Any) -> nn.Module:
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2

    settings = {"embed_dim": 4, "depths": (2, 2, 2), "num_heads": (1, 2, 2), "num_classes": 5, **settings}
    return scrambled((SwinTransformer if version == 1 else SwinTransformerV2)(**settings))


def save_timm(model: nn.Module, folder: Path, **settings: Any) -> Path:
    """As timm itself writes a folder for the hub."""
    from timm.models import save_for_hf

    settings = {"embed_dim": 4, "depths": (2, 2, 2), "num_heads": (1, 2, 2), **settings}
    model.pretrained_cfg = {"architecture": "custom", "num_classes": 5, "input_size": (3, 8, 8)}
    save_for_hf(model, str(folder), model_args=settings, safe_serialization=True)
    return folder


# torchvision ----------------------------------------------------------------------------------------------


def torchvision_model(version: int, window: tuple[int, int] = (4, 4), **settings: Any) -> nn.Module:
    from torchvision.models import swin_transformer as swin

    parts = (
        {"block": swin.SwinTransformerBlockV2, "downsample_layer": swin.PatchMergingV2}
        if version == 2
        else {}
    )
    settings = {
        "patch_size": [4, 4],
        "embed_dim": 4,
        "depths": [2, 2, 2],
        "num_heads": [1, 2, 2],
        "num_classes": 5,
        **settings,
    }
    return scrambled(swin.SwinTransformer(window_size=list(window), **parts, **settings))


# transformers ---------------------------------------------------------------------------------------------


def huggingface_model(kind: str, version: int, **settings: Any) -> nn.Module:
    """kind: `ForImageClassification`, `Backbone`, `ForMaskedImageModeling`, `Model`."""
    import transformers

    settings = {
        "embed_dim": 4,
        "depths": [2, 2, 2],
        "num_heads": [1, 2, 2],
        "window_size": 4,
        "image_size": 64,
        "encoder_stride": 16,
        "num_labels": 5,
        **settings,
    }
    family = "Swin" if version == 1 else "Swinv2"
    if kind == "Backbone":
        settings["out_features"] = ["stage1", "stage2", "stage3"]
    config = getattr(transformers, f"{family}Config")(**settings)
    return scrambled(getattr(transformers, f"{family}{kind}")(config))


@torch.no_grad()
def outputs(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Logits, or maps; from a copy, as transformers' v1 is not the same after a call."""
    answer = copy.deepcopy(model)(x)
    if isinstance(answer, Tensor):
        return [answer]
    return list(answer.feature_maps) if "feature_maps" in answer else [answer.logits]
