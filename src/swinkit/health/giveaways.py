"""Properties of files that tell the class, so that a model may learn them in place of what is shown."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from swinkit.data.pictures import Header

_AT_LEAST = 5  # pictures of one kind, to be named
_MANY = 20  # pictures of one kind, to say which class they are of
_GAIN = 0.2  # in accuracy, by the kind alone
_NEARLY_ALL = 0.95
_BY_CHANCE = 1e-4  # that so many of one kind fall into one class, whatever the kinds and classes are


def _colour(header: Header) -> str:
    return "transparency" if header.transparent else "grey" if header.channels == 1 else "colour"


def _rough_size(header: Header) -> str:
    return f"about {2 ** round(math.log2(max(header.size))):,} pixels"


# For each property how it may be told, the more exact way first.
_PROPERTIES: Mapping[str, tuple[Callable[[Header], str], ...]] = {
    "format": (lambda header: header.format,),
    "bit depth": (lambda header: f"{header.bits} bits",),
    "colour": (_colour,),
    "size": (lambda header: f"{header.size[1]} x {header.size[0]} pixels", _rough_size),
    "camera": (lambda header: header.camera or "no camera named",),
}


def giveaways(labelled: Sequence[tuple[str, Header]]) -> Iterator[str]:
    """Sentences on properties whose values lie nearly all in one class, more than chance explains.

    labelled: the class and the header of each picture.
    """
    shares = {name: count / len(labelled) for name, count in Counter(name for name, _ in labelled).items()}
    if len(shares) < 2:
        return
    for what, ways in _PROPERTIES.items():
        told = (_told([(name, value_of(header)) for name, header in labelled], shares) for value_of in ways)
        sentence = next(filter(None, told), "")
        if sentence:
            yield f"{what} predicts the class: {sentence}"


def _told(labelled: Sequence[tuple[str, str]], shares: Mapping[str, float]) -> str:
    """What a property says of the class, if anything. labelled: class and value of each picture."""
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, value in labelled:
        kinds[value][name] += 1
    if len(kinds) < 2:
        return ""
    telling = [found for kind in kinds.items() if (found := _telling(kind, shares, len(kinds)))]
    if telling:
        return ", ".join(telling)
    many = (counts for counts in kinds.values() if counts.total() >= _MANY)
    told, guessed = sum(max(counts.values()) for counts in many) / len(labelled), max(shares.values())
    if told < guessed + _GAIN:
        return ""
    return f"{told:.0%} of the pictures are told by it alone, {guessed:.0%} by guessing the commonest"


def _telling(kind: tuple[str, Counter[str]], shares: Mapping[str, float], kinds: int) -> str:
    value, counts = kind
    name, count = counts.most_common(1)[0]
    total = counts.total()
    if total < _AT_LEAST or count < _NEARLY_ALL * total:
        return ""
    by_chance = math.comb(total, count) * shares[name] ** count * kinds * len(shares)
    return f"{value} only in {name} ({count} of {total})" if by_chance < _BY_CHANCE else ""
