"""From a picture to a model's input, as its weights were scored. Deterministic; Pillow and torch only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from swinkit.errors import DataError
from swinkit.windows import Pair

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Placement:
    """How a picture came to lie in the model's input; pixels, rows first."""

    scale: tuple[float, float]
    """Pixels of the input per pixel of the original."""
    offset: tuple[int, int]
    """Pixels cropped above and left, after scaling; negative where the picture was padded."""

    def to_original(self, row: float, column: float) -> tuple[float, float]:
        """A point of the input in the original picture."""
        return (row + self.offset[0]) / self.scale[0], (column + self.offset[1]) / self.scale[1]


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Resize, centre crop, scale to 0…1, normalise."""

    image_size: Pair
    """Pixels of the model's input, (height, width)."""
    resize_to: Pair | None = None
    """The picture is scaled, keeping its shape, until it just covers this; by default `image_size`."""
    squash: bool = False
    """Instead resize straight to `image_size`, not keeping the picture's shape."""
    interpolation: Literal["bicubic", "bilinear", "lanczos", "nearest"] = "bicubic"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    own_values: bool = False
    """Whether pictures are measurements, to be taken as the file holds them and not as 8 bits a channel."""

    @property
    def channels(self) -> int:
        return len(self.mean)

    def __call__(self, picture: Image | np.ndarray) -> Tensor:
        """A picture as float32 (C, height, width). picture: Pillow, or an array (H, W, C) or (H, W).

        uint8 is divided by 255, uint16 by 65,535, floats are taken as they are, gaps in them (NaN) as `mean`.
        Raises DataError where the picture has other channels than `mean`.
        """
        pixels = self._without_gaps(self._array(picture))  # H, W, C
        return self.normalise(to_float(self.place(pixels)))

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Resized and cropped, not yet normalised. (H, W, C) -> (height, width, C), same type"""
        resized = resize(pixels, self._resized(pixels.shape[0], pixels.shape[1]), self.interpolation)
        top, left = self._crop(resized.shape[0], resized.shape[1])
        height, width = self.image_size
        return resized[top : top + height, left : left + width]

    def normalise(self, pixels: Tensor) -> Tensor:
        """Subtract the mean and divide by the deviation of each channel. (C, H, W)"""
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return (pixels - mean[:, None, None]) / std[:, None, None]

    def placement(self, height: int, width: int) -> Placement:
        """Where a picture of that many pixels comes to lie."""
        rows, columns = self._resized(height, width)
        return Placement(scale=(rows / height, columns / width), offset=self._crop(rows, columns))

    def for_size(self, image_size: Pair) -> Preprocess:
        """The same protocol at another size: the crop keeps its share of the picture."""
        resize_to = self.resize_to and (
            round(self.resize_to[0] * image_size[0] / self.image_size[0]),
            round(self.resize_to[1] * image_size[1] / self.image_size[1]),
        )
        return replace(self, image_size=image_size, resize_to=resize_to)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preprocess:
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**settings)

    def _resized(self, height: int, width: int) -> Pair:
        """Size after resizing, before the crop."""
        if self.squash:
            return self.image_size
        rows, columns = self.resize_to or self.image_size
        if height * columns <= width * rows:  # the height decides
            return rows, max(int(rows * width / height), columns)
        return max(int(columns * height / width), rows), columns

    def _crop(self, height: int, width: int) -> Pair:
        return round((height - self.image_size[0]) / 2), round((width - self.image_size[1]) / 2)

    def _without_gaps(self, pixels: np.ndarray) -> np.ndarray:
        """Before resizing, which would spread them. (H, W, C)"""
        if pixels.dtype.kind != "f":
            return pixels
        return np.where(np.isfinite(pixels), pixels, np.asarray(self.mean, pixels.dtype))

    def _array(self, picture: Image | np.ndarray) -> np.ndarray:
        channels = self.channels
        if not isinstance(picture, np.ndarray):
            picture = np.asarray(picture.convert("RGB" if channels == 3 else "L" if channels == 1 else None))
        pixels = picture[..., None] if picture.ndim == 2 else picture
        if pixels.ndim != 3 or pixels.shape[2] != channels or 0 in pixels.shape:
            raise DataError(
                f"this model takes pictures (height, width, {channels}); "
                f"got an array of shape {picture.shape}"
            )
        return pixels


def resize(pixels: np.ndarray, size: Pair, interpolation: str) -> np.ndarray:
    """Resample with Pillow, which is antialiased. (H, W, C) -> (height, width, C), same type"""
    from PIL import Image

    if pixels.shape[:2] == tuple(size):
        return pixels
    method = Image.Resampling[interpolation.upper()]
    width_height = size[1], size[0]
    if pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(pixels).resize(width_height, method))
    as_float = pixels.dtype != np.uint8
    planes = [
        np.asarray(
            Image.fromarray(plane.astype(np.float32) if as_float else plane).resize(width_height, method)
        )
        for plane in np.moveaxis(pixels, 2, 0)
    ]
    result = np.stack(planes, axis=2)
    if np.issubdtype(pixels.dtype, np.integer) and as_float:
        limits = np.iinfo(pixels.dtype)
        result = result.round().clip(limits.min, limits.max)
    return result.astype(pixels.dtype)


def to_float(pixels: np.ndarray) -> Tensor:
    """(H, W, C) to float32 (C, H, W); integers are divided by their type's largest value."""
    tensor = torch.from_numpy(np.ascontiguousarray(pixels).astype(np.float32)).permute(2, 0, 1)
    if np.issubdtype(pixels.dtype, np.integer):
        tensor = tensor / float(np.iinfo(pixels.dtype).max)
    return tensor.contiguous()
