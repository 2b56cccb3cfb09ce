"""What is done when some classes have many times the pictures of others.

Left alone, a model that never answers a rare class loses next to nothing. Each remedy makes it answer as
though every class were equally common, which is what balanced accuracy asks for:

    weights        each picture counts in the loss as its class is rare
    sampler        an epoch shows every class equally often
    logit-adjust   the log of each class's share is added to its output in the loss alone (Menon et al. 2021)

The probabilities then are of that even world, too. Adding `log_shares` to the outputs puts the frequencies of
the training pictures back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

Imbalance = Literal["none", "weights", "sampler", "logit-adjust"]
Asked = Literal["none", "auto", "weights", "sampler", "logit-adjust"]

MANY_TIMES = 5
"""The ratio of the largest to the smallest class from which `auto` acts."""

_SAID = {
    "none": "every picture counts the same",
    "weights": "pictures count in the loss as their class is rare",
    "sampler": "an epoch shows every class equally often",
    "logit-adjust": "the loss is corrected by how common each class is (logit adjustment)",
}


def remedy(counts: Mapping[str, int], asked: Asked = "auto") -> tuple[Imbalance, str | None]:
    """What is done about classes of these sizes, and why in a sentence; None where there is nothing to say.

    counts: pictures to learn from, by class. Classes without any do not enter the ratio.
    `auto` takes logit adjustment: unlike the sampler it shows every picture, and unlike weights it does not
    make single rare pictures jerk the model about.
    """
    present = {name: count for name, count in counts.items() if count}
    if len(present) < 2:
        return "none", None
    largest, smallest = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    ratio = present[largest] / present[smallest]
    if asked == "auto" and ratio < MANY_TIMES:
        return "none", None
    chosen: Imbalance = "logit-adjust" if asked == "auto" else asked
    sizes = (
        f"{largest} has {present[largest]:,} pictures and {smallest} {present[smallest]:,}, {ratio:.1f} to 1"
    )
    why = "; --imbalance none leaves it" if asked == "auto" else ", as asked"
    return chosen, f"imbalance: {sizes}, so {_SAID[chosen]}{why}"


def class_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """What a picture of each class counts: the inverse of its class's size, 1 on average over pictures."""
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)


def log_shares(counts: Sequence[int]) -> tuple[float, ...]:
    """Log of each class's share of the pictures; a class without any counts as one picture."""
    known = [max(count, 1) for count in counts]
    return tuple(math.log(count / sum(known)) for count in known)
