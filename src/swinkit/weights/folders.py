"""What stands beside the weights in the folders that transformers and timm load."""

from __future__ import annotations

import math
from typing import Any

from swinkit.errors import CheckpointError
from swinkit.models import SIZES, Preprocess, SwinConfig
from swinkit.weights.native import Native
from swinkit.windows import POLICIES, Pair, window_plan

Json = dict[str, Any]


def huggingface_files(native: Native, config: SwinConfig) -> dict[str, Json]:
    """`config.json` and, where preprocessing is known, `preprocessor_config.json`."""
    files = {"config.json": _huggingface_config(native, config)}
    if native.preprocess is not None:
        files["preprocessor_config.json"] = _processor(native.preprocess)
    return files


def timm_config(native: Native, config: SwinConfig) -> Json:
    """`config.json` for `timm.create_model("local-dir:…")`: a registered name, and all that differs from
    it."""
    image_size = _image_size(config)
    uniform = len(set(config.window)) == 1 and config.window[0][0] == config.window[0][1]
    model_args: Json = {
        "img_size": list(image_size),
        "patch_size": list(config.patch_size) if len(set(config.patch_size)) > 1 else config.patch_size[0],
        "in_chans": config.in_channels,
        "embed_dim": config.embed_dim,
        "depths": list(config.depths),
        "num_heads": list(config.num_heads),
        "window_size": config.window[0][0] if uniform else [list(window) for window in config.window],
        "mlp_ratio": config.mlp_ratio,
    }
    if config.version == 2:
        model_args["qkv_bias"] = config.qkv_bias
        model_args["pretrained_window_sizes"] = _pretrained_sides(config)
    if config.policy.order == "roll, pad" and config.policy.shift_off == "never":
        model_args["always_partition"] = True
    pretrained_cfg: Json = {
        "num_classes": config.classes,
        "input_size": [config.in_channels, *image_size],
        "fixed_input_size": True,
        "first_conv": "patch_embed.proj",
        "classifier": "head.fc",
    }
    if native.preprocess is not None:
        pretrained_cfg |= _timm_preprocess(native.preprocess)
    if native.labels is not None:
        pretrained_cfg["label_names"] = list(native.labels)
    return {
        "architecture": _architecture(config),
        "num_classes": config.classes,
        "num_features": config.channels[-1],
        "global_pool": "avg",
        "model_args": model_args,
        "pretrained_cfg": pretrained_cfg,
    }


# transformers -----------------------------------------------------------------------------------------------


def _huggingface_config(native: Native, config: SwinConfig) -> Json:
    names = native.labels or tuple(f"LABEL_{row}" for row in range(config.classes))
    stages = len(config.depths)
    image_size, window = _huggingface_sizes(config)
    values: Json = {
        "architectures": [_huggingface_class(config)],
        "model_type": "swin" if config.version == 1 else "swinv2",
        "image_size": image_size[0] if image_size[0] == image_size[1] else list(image_size),
        "patch_size": config.patch_size[0] if len(set(config.patch_size)) == 1 else list(config.patch_size),
        "num_channels": config.in_channels,
        "embed_dim": config.embed_dim,
        "depths": list(config.depths),
        "num_heads": list(config.num_heads),
        "window_size": window,
        "mlp_ratio": config.mlp_ratio,
        "qkv_bias": config.qkv_bias,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "drop_path_rate": config.drop_path,
        "hidden_act": "gelu",
        "use_absolute_embeddings": config.position is not None,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-5,
        "encoder_stride": config.strides[-1][0],
        "num_layers": stages,
        "hidden_size": config.channels[-1],
        "id2label": {str(row): name for row, name in enumerate(names)},
        "label2id": {name: row for row, name in enumerate(names)},
        "torch_dtype": str(native.tensors["patch_embed.proj.weight"].dtype).removeprefix("torch."),
    }
    if config.version == 2:
        values["pretrained_window_sizes"] = _pretrained_sides(config)
    if config.dense is not None:
        values["out_indices"] = [stage + 1 for stage in config.dense]
        values["out_features"] = [f"stage{stage + 1}" for stage in config.dense]
    return values


def _huggingface_class(config: SwinConfig) -> str:
    family = "Swin" if config.version == 1 else "Swinv2"
    if config.masked_modelling:
        return f"{family}ForMaskedImageModeling"
    if config.classes:
        return f"{family}ForImageClassification"
    return f"{family}Backbone" if config.dense is not None else f"{family}Model"


def _huggingface_sizes(config: SwinConfig) -> tuple[Pair, int]:
    """Image size and window from which transformers builds the windows that the model has.

    v1 builds every stage with the same window; v2 shrinks it to the map that the image size gives.
    """
    image_size, window = _image_size(config), config.window[0]
    if config.version == 2:
        policy = POLICIES["huggingface_v2"]
        for stage, wanted in enumerate(config.window):
            rows, columns = (s // p // 2**stage for s, p in zip(image_size, config.patch_size, strict=True))
            built = window_plan(
                max(rows, 1), max(columns, 1), window=window, shifted=False, policy=policy
            ).window
            if built != wanted:
                raise CheckpointError(
                    f"huggingface cannot hold this model: at image_size {image_size} it builds stage {stage} "
                    f"with window {built}, which has {wanted} here",
                    hint="load it with the image_size for which it was made",
                )
    return image_size, window[0]


def _processor(preprocess: Preprocess) -> Json:
    """The processor that resizes the shorter side and crops, or the one that squashes."""
    height, width = preprocess.image_size
    resize_to = preprocess.resize_to or preprocess.image_size
    if not preprocess.squash and resize_to[0] != resize_to[1]:
        raise CheckpointError(
            f"transformers cannot resize pictures to cover {resize_to[0]} × {resize_to[1]} pixels: it knows "
            "the shorter side alone",
            hint="set model.preprocess to one with squash=True, or to None",
        )
    values: Json = {
        "image_processor_type": "ViTImageProcessor" if preprocess.squash else "BitImageProcessor",
        "do_resize": True,
        "size": {"height": height, "width": width} if preprocess.squash else {"shortest_edge": resize_to[0]},
        "resample": {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}[preprocess.interpolation],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(preprocess.mean),
        "image_std": list(preprocess.std),
    }
    if not preprocess.squash:
        values |= {"do_center_crop": True, "crop_size": {"height": height, "width": width}}
        values["do_convert_rgb"] = len(preprocess.mean) == 3
    return values


# timm -------------------------------------------------------------------------------------------------------


def _architecture(config: SwinConfig) -> str:
    """The registered name of this architecture, or that of the smallest Swin, of which all is overridden."""
    for name, size in SIZES.items():
        keys = ("version", "embed_dim", "depths", "num_heads", "window", "image_size")
        if all(getattr(size, key) == getattr(config, key) for key in keys) and "_" in name[5:]:
            return name
    return "swin_tiny_patch4_window7_224" if config.version == 1 else "swinv2_tiny_window8_256"


def _timm_preprocess(preprocess: Preprocess) -> Json:
    height = preprocess.image_size[0]
    resized = (preprocess.resize_to or preprocess.image_size)[0]
    share = height / resized
    if math.floor(height / share) != resized:  # timm rounds down, so aim at the middle of the pixel
        share = height / (resized + 0.5)
    return {
        "crop_pct": share,
        "crop_mode": "squash" if preprocess.squash else "center",
        "interpolation": preprocess.interpolation,
        "mean": list(preprocess.mean),
        "std": list(preprocess.std),
    }


# Both -------------------------------------------------------------------------------------------------------


def _image_size(config: SwinConfig) -> Pair:
    """What the model was made for; where that is unknown, the size at which the last stage is one window."""
    if config.image_size is not None:
        return config.image_size
    (rows, columns), (down, right) = config.window[-1], config.strides[-1]
    return rows * down, columns * right


def _pretrained_sides(config: SwinConfig) -> list[int]:
    return [
        0 if window is None else window[0]
        for window in config.pretrained_window or (None,) * len(config.depths)
    ]
