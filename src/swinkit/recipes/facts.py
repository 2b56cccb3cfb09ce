"""What the choices of a recipe rest on: the data, the machine, and the weights to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swinkit.data.channels import COLOUR, Channels
from swinkit.models import Preprocess
from swinkit.recipes.wishes import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFacts:
    """What the choices look at. size: median (height, width) of the pictures that are not
    blank, in pixels.

    task: what their labels are for, a name from `tasks.TASKS`. counts: pictures to learn from, by class.
    channels: what a picture holds. stream: whether pictures pass by, in place of lying in files.
    """

    name: str
    layout: str
    train: int
    val: int
    classes: tuple[str, ...]
    size: Size
    task: str = "classification"
    counts: Mapping[str, int] = field(default_factory=dict)
    channels: Channels = COLOUR
    stream: bool = False

    @property
    def characters(self) -> bool:
        """Whether the classes are letters or digits, which have a handedness."""
        return all(len(name) == 1 for name in self.classes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What there is to compute with.

    bf16: whether products in bfloat16 are faster than in float32. memory: bytes that can still be taken where
    it computes, ram: those of the processor's memory; None where nobody says.
    """

    device: str
    threads: int
    bf16: bool
    memory: int | None = None
    ram: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Weights to start from.

    image_size: pixels of the pictures that they were made for, where that is known.
    why: where they come from, in words. loaded: how much of the file came into the model.
    new_head: whether the head knows nothing of some class yet.
    """

    weights: str
    image_size: Size | None
    preprocess: Preprocess | None
    why: str = ""
    licence: str = ""
    loaded: str = ""
    new_head: bool = False
