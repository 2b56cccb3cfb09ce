"""Class names of the published heads, in the order of their rows; README.md says where they come from."""

from swinkit.weights.labels.labels import (
    LABEL_SETS,
    imagenet_1k,
    imagenet_1k_synsets,
    imagenet_22k,
    imagenet_22k_synsets,
    names_of_synsets,
    rows_22k_to_1k,
)

__all__ = [
    "LABEL_SETS",
    "imagenet_1k",
    "imagenet_1k_synsets",
    "imagenet_22k",
    "imagenet_22k_synsets",
    "names_of_synsets",
    "rows_22k_to_1k",
]
