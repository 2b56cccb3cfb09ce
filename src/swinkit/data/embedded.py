"""Real images inside the package, so that swinkit can show itself without any download."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from PIL import Image

from swinkit.data.samples import ImageSet, Sample

TRAIN_COUNT = 1380  # the scans are in the order of the writers: the last 417 are by people unseen in training
_SHOWN_SIZE = 32  # pixels; the scans have 8 x 8
_FULL_INK = 16  # the scans count, in each of 8 x 8 cells, how many of its 16 pixels are inked


@cache
def digits() -> ImageSet:
    """The UCI handwritten digits (Alpaydin & Kaynak 1998) as scikit-learn ships them: 1,797 scans.

    The first 1,380 are the split train, the last 417, by other writers, val. Pixels are 32, 32, 3 uint8: the
    8 x 8 counts scaled to 0..255 and enlarged bicubically.
    """
    with resources.files("swinkit.data").joinpath("digits.npz").open("rb") as file, np.load(file) as stored:
        counts, labels = stored["images"], stored["labels"]  # 1797, 8, 8 and 1797
    samples = tuple(
        Sample(
            name=f"digit-{index:04d}",
            label=str(label),
            split="train" if index < TRAIN_COUNT else "val",
            source=_enlarged(image),
        )
        for index, (image, label) in enumerate(zip(counts, labels, strict=True))
    )
    return ImageSet(
        name="digits",
        samples=samples,
        classes=tuple("0123456789"),
        layout="embedded, validated on unseen writers",
    )


def _enlarged(counts: np.ndarray) -> np.ndarray:
    grey = np.rint(counts * (255 / _FULL_INK)).astype(np.uint8)  # 8, 8
    large = Image.fromarray(grey).resize((_SHOWN_SIZE, _SHOWN_SIZE), Image.Resampling.BICUBIC)
    pixels = np.repeat(np.asarray(large)[..., None], 3, axis=2)  # 32, 32, 3
    pixels.setflags(write=False)  # shared by everyone who asks for the digits
    return pixels
