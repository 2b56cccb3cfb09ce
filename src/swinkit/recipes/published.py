"""Published recipes for Swin, as settings: what to compare with, and where to start from with much data.

    swinkit train imagenet/ --recipe swin_tiny_imagenet

Every recipe says its source and what it gave there. All are transcribed and none was reproduced here, unless
its docstring says so. Three things differ from the originals everywhere:

- The learning rate starts its warm-up from 0 in place of 1e-6, and is used in its own step, not one later.
- Weight decay spares every tensor of one dimension and the position bias, as Microsoft's code does; some of
  the other originals spare less.
- Pictures are mixed with their neighbours in the batch, in place of its mirror image.

Microsoft's configurations name a colour jitter of 0.4, which timm leaves out beside RandAugment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from swinkit.data.mixing import Mixing
from swinkit.data.transforms import Augmentation
from swinkit.engine.settings import TrainConfig

MICROSOFT = Augmentation(policy="timm-randaugment", colour=0.0)
TORCHVISION = Augmentation(policy="trivial", colour=0.0)
SMALL_PICTURES = Augmentation(
    padding=4, policy="autoaugment-cifar10", colour=0.0, erasing=0.25, erasing_area=(0.02, 0.4)
)


def _from_scratch(model: str, side: int, drop_path: float) -> TrainConfig:
    """Microsoft, configs/swin/*_224.yaml and configs/swinv2/*_256.yaml: 300 epochs of ImageNet-1K.

    Batch 1,024 (8 GPUs of 128), AdamW, 1e-3 after 20 epochs of warm-up, cosine to 1e-5; RandAugment, erasing,
    Mixup 0.8, CutMix 1.0, label smoothing 0.1. The paper says to clip at 1; the released settings clip at 5.
    """
    return TrainConfig(
        model=model,
        image_size=(side, side),
        resize_to=(int(256 / 224 * side), int(256 / 224 * side)),
        epochs=300,
        batch=1024,
        lr=1e-3,
        final_lr=1e-2,
        warmup=20 / 300,
        weight_decay=0.05,
        clip_norm=5.0,
        label_smoothing=0.1,
        drop_path=drop_path,
        augmentation=MICROSOFT,
        mixing=Mixing(),
        precision="bf16",
    )


def _fine_tuning(model: str, weights: str, side: int, drop_path: float) -> TrainConfig:
    """Microsoft, configs/**/*_finetune.yaml and *_ft.yaml: 30 epochs of ImageNet-1K from other weights.

    As from scratch, but 4e-5 after 5 epochs of warm-up, cosine to 4e-7, weight decay 1e-8. At 384 pixels they
    were tested on pictures squashed to the square.
    """
    return replace(
        _from_scratch(model, side, drop_path),
        weights=weights,
        resize_to=(side, side) if side == 384 else (int(256 / 224 * side), int(256 / 224 * side)),
        epochs=30,
        lr=4e-5,
        warmup=5 / 30,
        weight_decay=1e-8,
    )


def _torchvision(model: str, side: int, resize: int, drop_path: float) -> TrainConfig:
    """torchvision, references/classification/README.md: 300 epochs of ImageNet-1K on 8 GPUs of 128.

    TrivialAugment in place of RandAugment, four views of a picture in an epoch, an average of the weights.
    Theirs is updated every 32 steps with 0.9978 (0.99998 corrected for batch and epochs), which is 0.99993 a
    step. They erase with black where we erase with noise. `resize_to` was chosen after training, so their
    figures are slightly optimistic.
    """
    return replace(
        _from_scratch(model, side, drop_path),
        resize_to=(resize, resize),
        augmentation=TORCHVISION,
        repeats=4,
        ema=0.99993,
    )


# ImageNet-1K from scratch ---------------------------------------------------------------------------------


def swin_tiny_imagenet() -> TrainConfig:
    """Swin-T, top-1 81.2 (Microsoft's README; 81.3 in Liu et al. 2021, Table 1). Transcribed."""
    return _from_scratch("swin_tiny", 224, 0.2)


def swin_small_imagenet() -> TrainConfig:
    """Swin-S, top-1 83.2 (Microsoft's README; 83.0 in Liu et al. 2021, Table 1). Transcribed."""
    return _from_scratch("swin_small", 224, 0.3)


def swin_base_imagenet() -> TrainConfig:
    """Swin-B, top-1 83.5 (Microsoft's README and Liu et al. 2021, Table 1). Transcribed."""
    return _from_scratch("swin_base", 224, 0.5)


def swinv2_tiny_imagenet() -> TrainConfig:
    """SwinV2-T, window 8, top-1 81.8 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_tiny", 256, 0.2)


def swinv2_small_imagenet() -> TrainConfig:
    """SwinV2-S, window 8, top-1 83.7 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_small", 256, 0.3)


def swinv2_base_imagenet() -> TrainConfig:
    """SwinV2-B, window 8, top-1 84.2 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_base", 256, 0.5)


def swinv2_tiny_w16_imagenet() -> TrainConfig:
    """SwinV2-T, window 16, top-1 82.8 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_tiny_w16", 256, 0.2)


def swinv2_small_w16_imagenet() -> TrainConfig:
    """SwinV2-S, window 16, top-1 84.1 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_small_w16", 256, 0.3)


def swinv2_base_w16_imagenet() -> TrainConfig:
    """SwinV2-B, window 16, top-1 84.6 (Microsoft's README). Transcribed."""
    return _from_scratch("swinv2_base_w16", 256, 0.5)


# Fine-tuning on ImageNet-1K -------------------------------------------------------------------------------


def swin_base_384_imagenet() -> TrainConfig:
    """Swin-B, window 12 at 384 pixels, from its weights at 224; top-1 84.5 (Microsoft's README). Transcribed.

    The paper says a constant 1e-5 and drop path 0.1; the released settings are these.
    """
    return _fine_tuning("swin_base_w12", "swin_base_patch4_window7_224.ms_in1k", 384, 0.5)


def swin_tiny_22k() -> TrainConfig:
    """Swin-T from ImageNet-22K, top-1 80.9 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_tiny", "swin_tiny_patch4_window7_224.ms_in22k", 224, 0.1)


def swin_small_22k() -> TrainConfig:
    """Swin-S from ImageNet-22K, top-1 83.2 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_small", "swin_small_patch4_window7_224.ms_in22k", 224, 0.2)


def swin_base_22k() -> TrainConfig:
    """Swin-B from ImageNet-22K, top-1 85.2 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_base", "swin_base_patch4_window7_224.ms_in22k", 224, 0.2)


def swin_large_22k() -> TrainConfig:
    """Swin-L from ImageNet-22K, top-1 86.3 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_large", "swin_large_patch4_window7_224.ms_in22k", 224, 0.2)


def swin_base_384_22k() -> TrainConfig:
    """Swin-B, window 12 at 384 pixels, from ImageNet-22K; top-1 86.4 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_base_w12", "swin_base_patch4_window12_384.ms_in22k", 384, 0.2)


def swin_large_384_22k() -> TrainConfig:
    """Swin-L, window 12 at 384 pixels, from ImageNet-22K; top-1 87.3 (Microsoft's README). Transcribed."""
    return _fine_tuning("swin_large_w12", "swin_large_patch4_window12_384.ms_in22k", 384, 0.2)


def swinv2_base_256_22k() -> TrainConfig:
    """SwinV2-B, window 12 to 16, from ImageNet-22K; top-1 86.2 (Microsoft's README). Transcribed."""
    return _fine_tuning("swinv2_base_w12to16", "swinv2_base_window12_192.ms_in22k", 256, 0.2)


def swinv2_base_384_22k() -> TrainConfig:
    """SwinV2-B, window 12 to 24, from ImageNet-22K; top-1 87.1 (Microsoft's README). Transcribed."""
    return _fine_tuning("swinv2_base_w12to24", "swinv2_base_window12_192.ms_in22k", 384, 0.2)


def swinv2_large_256_22k() -> TrainConfig:
    """SwinV2-L, window 12 to 16, from ImageNet-22K; top-1 86.9 (Microsoft's README). Transcribed."""
    return _fine_tuning("swinv2_large_w12to16", "swinv2_large_window12_192.ms_in22k", 256, 0.2)


def swinv2_large_384_22k() -> TrainConfig:
    """SwinV2-L, window 12 to 24, from ImageNet-22K; top-1 87.6 (Microsoft's README). Transcribed."""
    return _fine_tuning("swinv2_large_w12to24", "swinv2_large_window12_192.ms_in22k", 384, 0.2)


# torchvision's ImageNet-1K from scratch -------------------------------------------------------------------


def torchvision_swin_t() -> TrainConfig:
    """Swin-T, top-1 81.474 (torchvision 0.28, Swin_T_Weights). Transcribed."""
    return _torchvision("swin_tiny", 224, 232, 0.2)


def torchvision_swin_s() -> TrainConfig:
    """Swin-S, top-1 83.196 (torchvision 0.28, Swin_S_Weights). Transcribed."""
    return _torchvision("swin_small", 224, 246, 0.3)


def torchvision_swin_b() -> TrainConfig:
    """Swin-B, top-1 83.582 (torchvision 0.28, Swin_B_Weights). Transcribed."""
    return _torchvision("swin_base", 224, 238, 0.5)


def torchvision_swin_v2_t() -> TrainConfig:
    """SwinV2-T, top-1 82.072 (torchvision 0.28, Swin_V2_T_Weights). Transcribed.

    Theirs begins with post-norms of one, ours with zero as in Microsoft's code.
    """
    return _torchvision("swinv2_tiny", 256, 260, 0.2)


def torchvision_swin_v2_s() -> TrainConfig:
    """SwinV2-S, top-1 83.712 (torchvision 0.28, Swin_V2_S_Weights). Transcribed, as torchvision_swin_v2_t."""
    return _torchvision("swinv2_small", 256, 260, 0.3)


def torchvision_swin_v2_b() -> TrainConfig:
    """SwinV2-B, top-1 84.112 (torchvision 0.28, Swin_V2_B_Weights). Transcribed, as torchvision_swin_v2_t."""
    return _torchvision("swinv2_base", 256, 272, 0.5)


# Small pictures from scratch ------------------------------------------------------------------------------


def small_pictures_32() -> TrainConfig:
    """CIFAR-10 and CIFAR-100 with a Swin of 7.1 million parameters made for 32 pixels (Lee et al. 2021).

    Top-1 94.46 and 76.87 (aanna0701/SPT_LSA_ViT, README, row Swin); another run of the same (Gani et al.
    2022) came to 93.97 and 77.32. One GPU. Transcribed: 100 epochs, batch 128, 1e-3 after 10 epochs of
    warm-up, cosine to 1e-6, AutoAugment, erasing, three views of a picture, half of the steps mixed. They
    decay every parameter.
    """
    return TrainConfig(
        model="swin_mini_patch2_window4_32",
        image_size=(32, 32),
        epochs=100,
        batch=128,
        lr=1e-3,
        final_lr=1e-3,
        warmup=0.1,
        weight_decay=0.05,
        label_smoothing=0.1,
        drop_path=0.1,
        augmentation=SMALL_PICTURES,
        mixing=Mixing(mixup=1.0, cutmix=1.0, probability=0.5),
        repeats=3,
        precision="bf16",
    )


def small_pictures_64() -> TrainConfig:
    """Tiny-ImageNet at 64 pixels: as small_pictures_32, with patches of 4 and ImageNet's policy.

    Top-1 60.87 (aanna0701/SPT_LSA_ViT, README); 60.05 in Gani et al. 2022. Transcribed.
    """
    return replace(
        small_pictures_32(),
        model="swin_mini_patch4_window4_64",
        image_size=(64, 64),
        augmentation=replace(SMALL_PICTURES, policy="autoaugment-imagenet"),
    )


_ALL: tuple[Callable[[], TrainConfig], ...] = (
    swin_tiny_imagenet,
    swin_small_imagenet,
    swin_base_imagenet,
    swinv2_tiny_imagenet,
    swinv2_small_imagenet,
    swinv2_base_imagenet,
    swinv2_tiny_w16_imagenet,
    swinv2_small_w16_imagenet,
    swinv2_base_w16_imagenet,
    swin_base_384_imagenet,
    swin_tiny_22k,
    swin_small_22k,
    swin_base_22k,
    swin_large_22k,
    swin_base_384_22k,
    swin_large_384_22k,
    swinv2_base_256_22k,
    swinv2_base_384_22k,
    swinv2_large_256_22k,
    swinv2_large_384_22k,
    torchvision_swin_t,
    torchvision_swin_s,
    torchvision_swin_b,
    torchvision_swin_v2_t,
    torchvision_swin_v2_s,
    torchvision_swin_v2_b,
    small_pictures_32,
    small_pictures_64,
)
RECIPES: dict[str, Callable[[], TrainConfig]] = {recipe.__name__: recipe for recipe in _ALL}
"""Every published recipe by its name."""
