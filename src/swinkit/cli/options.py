"""How options look in help, and how one word on the command line becomes one or several numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, get_args

from tyro.conf import arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from swinkit.errors import ConfigError


def option(value: str, default: str = "") -> Any:
    """For `Annotated`: what stands for the value in help, and what holds where none is given."""
    return arg(metavar=value, help_behavior_hint=f"({default})" if default else "")


def _said(value: str, meaning: str, default: str = "") -> Any:
    return arg(metavar=value, help=meaning, help_behavior_hint=f"({default})" if default else "")


# What means the same for every verb that has it.
Batch = Annotated[int, _said("NUMBER", "Pictures that go through the model at once.", "by default 64")]
Device = Annotated[
    str | None,
    _said("DEVICE", "What computes: cpu, cuda, cuda:1, …", "by default a GPU where there is one"),
]
Threads = Annotated[
    int | None, _said("NUMBER", "Threads of the processor.", "by default as many as torch takes")
]
Kernel = Annotated[
    str | None,
    _said(
        "KERNEL",
        "Window attention to use; `swinkit doctor` lists them.",
        "by default the fastest that applies",
    ),
]
AnswerPrecision = Annotated[
    Literal["fp32", "bf16", "int8"] | None,
    _said(
        "{fp32,bf16,int8}",
        "Precision of products, by the native kernels of a CPU; int8 is approximate, and how far its answers "
        "agree with fp32 is said.",
        "by default fp32",
    ),
]
GroupBy = Annotated[
    str | None,
    _said(
        "COLUMN",
        "What belongs together (a patient, a film): a column of the table, or a pattern of file names with "
        "braces, as in {patient}_*.",
    ),
]
Flag = Annotated[bool, arg(help_behavior_hint="")]
Json = Annotated[bool, arg(help="Print JSON on stdout.", help_behavior_hint="")]
Debug = Annotated[bool, arg(help="Where an error comes, show where it came from.", help_behavior_hint="")]


def nobody_types_none() -> ConstructorRegistry:
    """Rules of parsing by which None is a default only, never a choice that help and complaints name."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        kinds = get_args(info.type)
        if type(None) not in kinds:
            return None
        given = reduce(or_, [kind for kind in kinds if kind is not type(None)])
        spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(given, info.markers))
        assert isinstance(spec, PrimitiveConstructorSpec)
        return replace(
            spec,
            is_instance=lambda value: value is None or spec.is_instance(value),
            str_from_instance=lambda value: ["None"] if value is None else spec.str_from_instance(value),
        )

    return registry


def size(word: str | None, name: str) -> int | tuple[int, int] | None:
    """224, or 192x320 for height and width; None for None. Raises ConfigError that names the option."""
    if word is None:
        return None
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", word)
    if match is None:
        raise ConfigError(f"{name} takes one side (224) or height and width (192x320); got {word!r}")
    return (int(match[1]), int(match[2])) if match[2] else int(match[1])


def share(word: str | None, name: str) -> float | None:
    """0.9 or 90% as a share; None for None. Raises ConfigError that names the option."""
    if word is None:
        return None
    number, percent = word.removesuffix("%").strip(), word.endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} takes a share, 0.9 or 90%; got {word!r}")
    return value


def rate(word: str | None) -> float | Literal["find"] | None:
    """A learning rate, or the word find. Raises ConfigError."""
    if word is None or word == "find":
        return "find" if word else None
    try:
        return float(word)
    except ValueError:
        raise ConfigError(f"--lr takes a number, or find; got {word!r}") from None


def sizes(word: str | None, name: str) -> int | tuple[int, int] | list[tuple[int, int]] | None:
    """The same, or one for each stage: 7,7,14,7."""
    if word is None or "," not in word:
        return size(word, name)
    stages = [size(part, name) for part in word.split(",")]
    return [(side, side) if isinstance(side, int) else side for side in stages if side is not None]


def listed(word: str | None) -> list[str] | None:
    """The values of a setting that takes several: timm,openvino."""
    return None if word is None else [part.strip() for part in word.split(",") if part.strip()]


def listed_sizes(word: str | None, name: str) -> list[int | tuple[int, int]] | None:
    """224,448,192x320. Raises ConfigError that names the option."""
    parts = listed(word)
    return None if parts is None else [one for part in parts if (one := size(part, name)) is not None]


def counts(word: str | None, name: str) -> list[int] | None:
    """1,8,32. Raises ConfigError that names the option."""
    parts = listed(word)
    if parts is None:
        return None
    if not parts or not all(re.fullmatch(r"[1-9]\d*", part) for part in parts):
        raise ConfigError(f"{name} takes counts such as 1 or 1,8,32; got {word!r}")
    return [int(part) for part in parts]
