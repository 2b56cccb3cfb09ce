"""Training augmentation for classification; what happens to a sample depends on its seed and nothing else.

Layout: pixels H, W, C in, C, h, w out; uint8 stays uint8, others become float32. Scaling and normalising are
left to `normalised`, on the device that trains: bytes travel there in a quarter of the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from swinkit.data.randaugment import Canvas, TimmRandAugment
from swinkit.data.vision import load_torchvision
from swinkit.errors import ConfigError

_INTERPOLATIONS = {  # Pillow's nearest is torchvision's "exact"; lanczos exists for Pillow images only
    "bicubic": "BICUBIC",
    "bilinear": "BILINEAR",
    "nearest": "NEAREST_EXACT",
    "lanczos": "BICUBIC",
}
COLOURED = (1, 3)
"""Numbers of channels that show colours, or grey, and not measurements."""

Policy = Literal[
    "randaugment",
    "timm-randaugment",
    "trivial",
    "autoaugment-imagenet",
    "autoaugment-cifar10",
    "autoaugment-svhn",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """How pictures are varied in training. The defaults suit photographs (Liu et al. 2021, §A2.1).

    crop_scale, crop_ratio: area, as a share of the picture, and aspect (width / height) of the random crop.
    padding: pixels; if given, the picture is padded by them and cropped to size, in place of the random
        resized crop: Microsoft's choice up to 32 pixels, where a small crop would leave nothing to see.
    flip: probability of a mirror image; 0 for what has a handedness, such as digits and letters.
    flip_vertical: probability of turning upside down; for what has no up and down, such as cells and fields.
    rotation: largest angle, in degrees, either way.
    policy: operations on geometry and colour drawn for each picture: RandAugment as in torchvision or as in
        timm (`randaugment.py`), TrivialAugment (Müller and Hutter 2021) or one of AutoAugment's three.
    colour: strength of the change of brightness, contrast and saturation. Published recipes with a policy
        have 0 here.
    erasing: probability that a rectangle is replaced by noise. erasing_area: its share of the picture.

    What mixes or means colours (`policy`, `colour`) is left out for pictures of other than 1 or 3 channels.
    """

    crop_scale: tuple[float, float] = (0.08, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    padding: int | None = None
    flip: float = 0.5
    flip_vertical: float = 0.0
    rotation: float = 0.0
    policy: Policy | None = None
    colour: float = 0.4
    erasing: float = 0.25
    erasing_area: tuple[float, float] = (0.02, 1 / 3)

    def __post_init__(self) -> None:
        (least, most), (narrow, wide) = self.crop_scale, self.crop_ratio
        smallest, largest = self.erasing_area
        policies = get_args(Policy)
        wrong = [
            f"{name} = {value}, expected {expected}"
            for name, value, fine, expected in (
                ("crop_scale", self.crop_scale, 0 < least <= most <= 1, "0 < low <= high <= 1"),
                ("crop_ratio", self.crop_ratio, 0 < narrow <= wide, "0 < low <= high"),
                ("padding", self.padding, self.padding is None or self.padding >= 0, "None or at least 0"),
                ("flip", self.flip, 0 <= self.flip <= 1, "a probability"),
                ("flip_vertical", self.flip_vertical, 0 <= self.flip_vertical <= 1, "a probability"),
                ("policy", self.policy, self.policy in (None, *policies), f"None or {', '.join(policies)}"),
                ("rotation", self.rotation, 0 <= self.rotation <= 180, "0 to 180 degrees"),
                ("colour", self.colour, 0 <= self.colour < 1, "0 to below 1"),
                ("erasing", self.erasing, 0 <= self.erasing <= 1, "a probability"),
                ("erasing_area", self.erasing_area, 0 < smallest <= largest < 1, "0 < low <= high < 1"),
            )
            if not fine
        ]
        if wrong:
            raise ConfigError("impossible augmentation: " + "; ".join(wrong))


PHOTOGRAPHS = Augmentation()
SMALL_PHOTOGRAPHS = Augmentation(padding=4)
DIGITS = Augmentation(padding=4, flip=0.0, rotation=10.0, colour=0.0, erasing=0.0)


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """The seed of one sample in one epoch, below 2**63; neighbours have nothing in common."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def train_transform(
    augmentation: Augmentation,
    *,
    image_size: tuple[int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    interpolation: str = "bicubic",
    coloured: bool = True,
) -> TrainTransform:
    """The function (pixels, seed) -> C, h, w that training applies to every sample.

    image_size: (height, width) of the result. mean, std: by which it will be normalised, one value a channel,
    for pixels in 0..1; the noise of erasing depends on them. coloured: whether colours may be varied at all;
    they never are with other than 1 or 3 channels.
    Raises ConfigError for values that contradict each other.
    """
    if len(mean) != len(std):
        raise ConfigError(f"mean has {len(mean)} values and std {len(std)}: one of each is needed a channel")
    if interpolation not in _INTERPOLATIONS:
        raise ConfigError(
            f"interpolation '{interpolation}' is unknown", hint=f"one of {', '.join(_INTERPOLATIONS)}"
        )
    coloured = coloured and len(mean) in COLOURED
    return TrainTransform(augmentation, image_size, mean, std, interpolation, coloured)


@dataclass(frozen=True)
class TrainTransform:
    """Geometry, colour and erasing, on uint8 where the file has it; travels to worker processes."""

    augmentation: Augmentation
    image_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    coloured: bool
    _steps: Callable[[Tensor], Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_steps", _steps(self))

    def __call__(self, pixels: np.ndarray, seed: int) -> Tensor:
        with _seeded(seed):
            return self._steps(_to_tensor(pixels, self.mean)).contiguous()


def _steps(plan: TrainTransform) -> Callable[[Tensor], Tensor]:
    """The chain of torchvision's transforms, in the order of Microsoft's training."""
    load_torchvision()
    from torchvision.transforms import v2

    wanted = plan.augmentation
    mode = v2.InterpolationMode[_INTERPOLATIONS[plan.interpolation]]
    size = list(plan.image_size)
    steps: list[Any] = []
    if wanted.padding is None:
        steps.append(
            v2.RandomResizedCrop(
                size, wanted.crop_scale, wanted.crop_ratio, interpolation=mode, antialias=True
            )
        )
    else:
        steps += [_Cover(plan.image_size, v2, mode), v2.RandomCrop(size, padding=wanted.padding)]
    if wanted.flip:
        steps.append(v2.RandomHorizontalFlip(wanted.flip))
    if wanted.flip_vertical:
        steps.append(v2.RandomVerticalFlip(wanted.flip_vertical))
    if wanted.rotation:
        steps.append(v2.RandomRotation(wanted.rotation, interpolation=v2.InterpolationMode.BILINEAR))
    if wanted.policy and plan.coloured:
        steps.append(_policy(wanted.policy, plan, v2))
    if wanted.colour and plan.coloured:
        steps.append(v2.ColorJitter(wanted.colour, wanted.colour, wanted.colour))
    if wanted.erasing:
        noise = v2.RandomErasing(1.0, scale=wanted.erasing_area, ratio=(0.3, 1 / 0.3), value="random")
        steps.append(v2.RandomApply([_Erase(noise, plan.mean, plan.std)], wanted.erasing))
    return v2.Compose(steps)


def _policy(name: Policy, plan: TrainTransform, v2: Any) -> Any:
    """The operations of a policy; what they uncover has the mean colour in timm's and is black elsewhere."""
    bilinear = v2.InterpolationMode.BILINEAR  # torchvision moves tensors with no finer one
    if name == "timm-randaugment":
        fill = tuple(min(255, round(255 * value)) for value in plan.mean)
        coarser = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}
        return TimmRandAugment(Canvas(fill, coarser.get(plan.interpolation, Image.Resampling.BICUBIC)))
    if name == "randaugment":
        return v2.RandAugment(interpolation=bilinear)
    if name == "trivial":
        return v2.TrivialAugmentWide(interpolation=bilinear)
    policy = v2.AutoAugmentPolicy[name.removeprefix("autoaugment-").upper()]
    return v2.AutoAugment(policy, interpolation=bilinear)


class _Erase:
    """Erase a rectangle as `erase` would in a normalised picture, in one that is not yet normalised."""

    def __init__(self, erase: Any, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.erase, self.mean, self.std = erase, mean, std

    def __call__(self, image: Tensor) -> Tensor:
        untouched = torch.full_like(image, torch.nan, dtype=torch.float32)
        noise = self.erase(untouched)  # C, h, w: numbers of mean 0 and deviation 1 in the rectangle
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        pixels = noise * std + mean
        if image.dtype == torch.uint8:
            pixels = (pixels * 255).round().clamp(0, 255)
        return torch.where(noise.isnan(), image, pixels.nan_to_num().to(image.dtype))


def normalised(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """What the model learns from, float32. pixels: B, C, h, w; uint8 is taken as 0..1."""
    shape = (-1, 1, 1)
    values = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()
    return (values - values.new_tensor(mean).view(shape)) / values.new_tensor(std).view(shape)


class _Cover:
    """Resize, keeping the aspect, so that the picture just covers the size; nothing where it fits already."""

    def __init__(self, size: tuple[int, int], v2: Any, mode: Any) -> None:
        self.size, self.mode, self.resize = size, mode, v2.functional.resize

    def __call__(self, image: Tensor) -> Tensor:
        (height, width), (h, w) = image.shape[-2:], self.size
        scale = max(h / height, w / width)
        if scale == 1:
            return image
        covering = [max(h, round(height * scale)), max(w, round(width * scale))]
        return self.resize(image, covering, interpolation=self.mode, antialias=True)


def _to_tensor(pixels: np.ndarray, mean: tuple[float, ...]) -> Tensor:
    """C, H, W; uint8 stays, other values become float32 as in evaluation (`models.Preprocess`).

    Other whole numbers are divided by the largest of their type, and gaps in decimal numbers become the mean.
    """
    if pixels.dtype == np.uint8:
        return torch.tensor(pixels).permute(2, 0, 1).contiguous()  # C, H, W
    values = pixels.astype(np.float32)
    if pixels.dtype.kind in "ui":
        values /= np.iinfo(pixels.dtype).max
    else:
        values = np.where(np.isfinite(values), values, np.asarray(mean, np.float32))
    return torch.from_numpy(values).permute(2, 0, 1).contiguous()  # C, H, W


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Run with torch's CPU generator at a known state, and put it back.

    Only this generator: torch.manual_seed would reach for every accelerator too, for every sample.
    """
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)
