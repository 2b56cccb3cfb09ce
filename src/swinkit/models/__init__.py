"""Swin Transformers v1, v2 and S3. Start with swin.py and read it beside the paper's Figure 3."""

from swinkit.models.backbone import Backbone
from swinkit.models.config import SwinConfig
from swinkit.models.preprocess import IMAGENET_MEAN, IMAGENET_STD, Placement, Preprocess
from swinkit.models.sizes import ALIASES, SIZES, create_model, default_preprocess, size_config
from swinkit.models.swin import Swin
from swinkit.models.trace import BlockTrace, Trace

__all__ = [
    "ALIASES",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "SIZES",
    "Backbone",
    "BlockTrace",
    "Placement",
    "Preprocess",
    "Swin",
    "SwinConfig",
    "Trace",
    "create_model",
    "default_preprocess",
    "size_config",
]
