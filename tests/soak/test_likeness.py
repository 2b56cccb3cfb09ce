"""Copies among a thousand photographs: nearly all planted ones are found, and next to no others."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
from PIL import Image

from swinkit.health.likeness import THUMBNAIL, near_copies

from ..health.altered import ALTERATIONS

PHOTOGRAPHS = (
    "flowers5/*/*/*.jpg",
    "coco128_yolo/images/*/*.jpg",  # one picture of theirs is in coco_tiny too, which is therefore left out
)
# Looked at: shots of one scene, a moment apart, which nobody planted and everybody would call copies.
TWINS = {
    ("14925398301_55a180f919_n.jpg", "14925398441_107f3e0304_n.jpg"),
    ("8978962053_0727b41d26.jpg", "8980164828_04fbf64f79_n.jpg"),
}


def thumbnail(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


@pytest.mark.soak
def test_planted_copies_among_a_thousand_photographs_are_found_and_no_others(shared_data):
    paths = [path for pattern in PHOTOGRAPHS for path in sorted(shared_data(".").glob(pattern))][:1000]
    generator = np.random.default_rng(0)
    originals = [Image.open(path).convert("RGB") for path in paths]
    altered = [
        (name, alter(image, generator))
        for image, (name, alter) in zip(originals, cycle(ALTERATIONS.items()), strict=False)
    ]

    found = near_copies(np.stack([thumbnail(image) for image in [*originals, *(one for _, one in altered)]]))

    count = len(originals)
    pairs = {(pair.first, pair.second) for pair in found}
    lost: dict[str, int] = {}
    for number, (name, _) in enumerate(altered):
        lost[name] = lost.get(name, 0) + ((number, count + number) not in pairs)
    recall = {name: 1 - missed / (count / len(ALTERATIONS)) for name, missed in lost.items()}
    false = {
        tuple(sorted((paths[first % count].name, paths[second % count].name)))
        for first, second in pairs
        if first % count != second % count
    } - TWINS
    assert count == 1000
    assert min(recall.values()) >= 0.95, recall
    assert len(false) <= 1, false
