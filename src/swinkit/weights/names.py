"""The names of tensors in two vocabularies, ours and another library's, from one table of pairs.

A row is `(ours, theirs)`. In both, `{i}` stands for a stage and `{j}` for a block, `{i-1}`, `{2i}` or
`{2i+1}` for a number counted from it, and `*` at the end for `weight` or `bias`. A name of theirs that begins
with `/` stands outside the part of the file that holds the Swin; all others stand behind that part's prefix
(`backbone.`, say).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from swinkit.errors import CheckpointError

Pairs = tuple[tuple[str, str], ...]
Shapes = Mapping[str, tuple[int, ...]]

NOT_PART_OF_IT = "no part of the Swin in this file"

_PLACE = re.compile(r"\{(\d*)([ij])([+-]\d+)?\}")
# Where a file holds several Swins, the first of these is the one to take: MoBY's query encoder, say.
_PREFERRED_PREFIXES = ("", "backbone.", "encoder.")


@dataclass(frozen=True, slots=True)
class Part:
    """The Swin inside a file: what stands in front of its names, and those names without it."""

    prefix: str
    names: frozenset[str]
    outside: frozenset[str]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def has(self, pattern: str) -> bool:
        """Whether a whole name matches a regular expression."""
        whole = re.compile(pattern)
        return any(whole.fullmatch(name) for name in self.names)


def part_around(names: Iterable[str], anchor: str) -> Part | None:
    """The part of a file whose names surround `anchor`, a name that every file of a format has.

    Raises CheckpointError where there are several and none of them is the usual one.
    """
    names = frozenset(names)
    prefixes = sorted(n.removesuffix(anchor) for n in names if n == anchor or n.endswith(f".{anchor}"))
    if not prefixes:
        return None
    usual = [prefix for prefix in _PREFERRED_PREFIXES if prefix in prefixes]
    if len(prefixes) > 1 and not usual:
        raise CheckpointError(
            f"this file holds {len(prefixes)} Swins, under {', '.join(prefixes)}",
            hint="save the one you want by itself: {name.removeprefix(…): tensor …}",
        )
    prefix = usual[0] if usual else prefixes[0]
    inside = frozenset(name for name in names if name.startswith(prefix))
    return Part(prefix, frozenset(name.removeprefix(prefix) for name in inside), names - inside)


@dataclass(slots=True, kw_only=True)
class Translation:
    """A file in our names: what was understood, what was left out, and what makes no sense.

    tensors: learnt tensors by our names. A bias table may still be flat, (heads, rows), and a position
        embedding (1, L, C), until the window and the map are known.
    buffers: `relative_index`, `relative_coordinates` and `mask` by our names; they tell the geometry and are
        rebuilt, never kept.
    theirs: how the file calls each of those, for messages.
    dropped: names of theirs that the format drops on purpose, and why. left_out: names of theirs that belong
        to no Swin, a detector's head, say. unknown: all other names of theirs.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, tuple[int, ...]] = field(default_factory=dict)


def translate(
    tensors: Mapping[str, Tensor],
    part: Part,
    *,
    pairs: Pairs,
    buffers: Pairs = (),
    dropped: Mapping[str, str] | None = None,
) -> Translation:
    """Sort the tensors of a file by a format's tables. dropped: patterns of theirs, and why."""
    found = Translation()
    learnt, rebuilt = NameTable(pairs), NameTable(buffers)
    unwanted = [(_parser(pattern), why) for pattern, why in (dropped or {}).items()]
    for name, tensor in tensors.items():
        inside = name.startswith(part.prefix)
        theirs = name.removeprefix(part.prefix) if inside else f"/{name}"
        spellings = (theirs,) if part.prefix else (theirs, f"/{name}")
        ours = next(filter(None, map(learnt.ours, spellings)), None)
        buffer = next(filter(None, map(rebuilt.ours, spellings)), None)
        reason = next(
            (why for spelling in spellings for parse, why in unwanted if parse(spelling) is not None), None
        )
        if ours is not None and ours in found.tensors:
            found.unknown[name] = tuple(tensor.shape)  # a second spelling of what is already there
        elif ours is not None:
            found.tensors[ours] = tensor
            found.theirs[ours] = name
        elif buffer is not None:
            found.buffers[buffer] = tensor
            found.theirs[buffer] = name
            found.dropped[name] = "rebuilt from the sizes of window and map"
        elif reason is not None:
            found.dropped[name] = reason
        elif inside:
            found.unknown[name] = tuple(tensor.shape)
        else:
            found.left_out[name] = NOT_PART_OF_IT
    return found


class NameTable:
    """Both directions of a table of pairs; of several rows with one of our names the first is written."""

    def __init__(self, pairs: Pairs) -> None:
        self._to_ours = [(_parser(theirs), _builder(ours)) for ours, theirs in pairs]
        self._to_theirs = [(_parser(ours), _builder(theirs)) for ours, theirs in pairs]

    def ours(self, theirs: str) -> str | None:
        return _first(self._to_ours, theirs)

    def theirs(self, ours: str) -> str | None:
        return _first(self._to_theirs, ours)

    def write(self, tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
        """Tensors by their names. Raises CheckpointError for one that the format has no name for."""
        written = {}
        for ours, tensor in tensors.items():
            theirs = self.theirs(ours)
            if theirs is None:
                raise CheckpointError(f"the target format has no name for {ours} {tuple(tensor.shape)}")
            written[theirs[1:] if theirs.startswith("/") else prefix + theirs] = tensor
        return written


_Values = dict[str, int | str]


def _first(
    rows: list[tuple[Callable[[str], _Values | None], Callable[[_Values], str]]], name: str
) -> str | None:
    for parse, build in rows:
        values = parse(name)
        if values is not None:
            return build(values)
    return None


def _parser(pattern: str) -> Callable[[str], _Values | None]:
    """A function from a name to the numbers in it, or None where the name is another one."""
    places = list(_PLACE.finditer(pattern))
    expression, end = "", 0
    for place in places:
        expression += re.escape(pattern[end : place.start()]) + r"(\d+)"
        end = place.end()
    rest = pattern[end:]
    expression += re.escape(rest.removesuffix("*")) + ("(weight|bias)" if rest.endswith("*") else "")
    compiled = re.compile(expression)

    def parse(name: str) -> _Values | None:
        match = compiled.fullmatch(name)
        if match is None:
            return None
        values: _Values = {}
        for place, number in zip(places, match.groups(), strict=False):
            factor, letter, offset = int(place[1] or 1), place[2], int(place[3] or 0)
            value, remainder = divmod(int(number) - offset, factor)
            if remainder or value < 0 or values.setdefault(letter, value) != value:
                return None
        if rest.endswith("*"):
            values["leaf"] = match.groups()[-1]
        return values

    return parse


def _builder(pattern: str) -> Callable[[_Values], str]:
    """The inverse: from those numbers to the name."""

    def build(values: _Values) -> str:
        def number(place: re.Match[str]) -> str:
            return str(int(place[1] or 1) * int(values[place[2]]) + int(place[3] or 0))

        name = _PLACE.sub(number, pattern)
        return f"{name[:-1]}{values['leaf']}" if name.endswith("*") else name

    return build
