"""Pictures looked at, once where that is enough, such that data which ends early does not go unseen.

Decoders fill in what a file lacks and say nothing: a JPEG that was cut and closed again decodes without
complaint, down to a grey rest. What shows it is that its decoder reads on behind the end of the coded data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from swinkit.data.pictures import Header
from swinkit.data.read import glance, read_bytes
from swinkit.errors import DataError

_START, _SCAN, _END, _FILL = b"\xff\xd8", 0xDA, 0xD9, 0xFF
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_SCAN_ENDS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that is no part of the coded data

# All ones, which code nothing: each block read from them takes 34 bits or more. libjpeg looks ahead by no
# more than seven bytes, so a whole picture is content with these, and one that lacks two blocks is not.
_LOOK_AHEAD = b"\xff\x00" * 7
_MORE = bytes(1 + 37 * number % 254 for number in range(48))  # coded data of no meaning, without a marker
_WHOLE = 2**16  # pixels: no JPEG has more on a side, so that it is decoded in full
_COEFFICIENTS = 64  # of a block of 8 x 8
_ZEROS = 64  # at the end of coded data: no coder leaves so many

Glance = Callable[[bytes], tuple[Header, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it was found. shown: H, W uint8, grey, upright, perhaps at a part of its size.

    damage: in words where data is missing though the file can be decoded, else None.
    """

    header: Header
    shown: np.ndarray
    damage: str | None


def look_at(content: bytes, where: str, *, side: int, channels: int | None, own_values: bool) -> Seen:
    """The picture in the bytes of a file, and whether its data ends early. Arguments and errors of `glance`.

    Most JPEGs are decoded once; those of several scans (progressive ones) and damaged ones twice or three
    times. A grey one that lacks nothing but its last 8 x 8 pixels is taken for whole. JPEGs in arithmetic
    coding, which hardly anything writes, are taken as they are.
    """
    glance_of = partial(glance, where=where, channels=channels, own_values=own_values)
    scans = _scans(content)
    if scans is None:
        return Seen(*glance_of(content, side=side), damage=_zeros(content))
    if scans.plain and (whole := _whole(content, scans, partial(glance_of, side=side))):
        return whole
    header, shown = glance_of(content, side=_WHOLE if scans.last_in_grey else side)
    if not scans.complete:
        return Seen(header, shown, "scans are missing: it lacks detail, or a colour")
    with_more = content[: scans.end] + _MORE + content[scans.end :]  # of no use to a whole picture
    if scans.last_in_grey:
        same = np.array_equal(shown, glance_of(with_more, side=_WHOLE)[1])
    else:
        same = np.array_equal(read_bytes(content, where), read_bytes(with_more, where))
    return Seen(header, shown, None if same else "its data ends before the picture does")


def _whole(content: bytes, scans: _Scans, glance_at: Glance) -> Seen | None:
    """The picture of a JPEG that lacks nothing; None of another, or where a decoder looks further ahead."""
    try:
        return Seen(*glance_at(content[: scans.end] + _LOOK_AHEAD), damage=None)
    except DataError:
        return None


def _zeros(content: bytes) -> str | None:
    """Whether a WebP that holds nothing but its coded picture ends in zeros, as after a broken download."""
    if not (content.startswith(b"RIFF") and content[8:16] in (b"WEBPVP8 ", b"WEBPVP8L")):
        return None
    ends = min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    zeros = ends - len(content[:ends].rstrip(b"\0"))
    return f"its last {zeros:,} bytes are zeros" if zeros >= _ZEROS else None


# The scans of a JPEG ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scans:
    """What a JPEG is coded in.

    end: where the coded data of the last scan ends. plain: whether there is one scan only, a baseline one of
    several colours. complete: whether the scans hold every detail of every colour. last_in_grey: whether what
    the last one lacks shows in grey.
    """

    end: int
    plain: bool
    complete: bool
    last_in_grey: bool


def _scans(content: bytes) -> _Scans | None:
    """None for other files, and for JPEGs without an end, which every decoder notices."""
    kind, colours, end = 0, b"", 0
    scans: list[_Scan] = []
    for marker, segment, place in _segments(content):
        if marker in (*_BASELINE, _PROGRESSIVE):
            kind, colours = marker, segment[6::3]
        elif marker == _SCAN:
            scans.append(_scan(segment))
            end = place
        elif marker == _END and kind and scans:
            return _Scans(
                end,
                plain=kind in _BASELINE and len(scans) == 1,
                complete=_complete(colours, scans, progressive=kind == _PROGRESSIVE),
                last_in_grey=scans[-1].colours == colours[:1],
            )
    return None


@dataclass(frozen=True, slots=True)
class _Scan:
    """colours: the numbers of those it codes. coefficients: which of a block, and whether to the last bit."""

    colours: bytes
    coefficients: range
    exact: bool


def _scan(segment: bytes) -> _Scan:
    behind = 1 + 2 * int.from_bytes(segment[:1], "big")
    first, last, bits = segment[behind : behind + 3].ljust(3, b"\0")
    return _Scan(segment[1:behind:2], range(first, last + 1), exact=bits & 0x0F == 0)


def _complete(colours: bytes, scans: Sequence[_Scan], *, progressive: bool) -> bool:
    if not progressive:
        return set(colours) <= {colour for scan in scans for colour in scan.colours}
    held = {(colour, n) for scan in scans if scan.exact for colour in scan.colours for n in scan.coefficients}
    return all((colour, n) in held for colour in colours for n in range(_COEFFICIENTS))


def _segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each marker, what is said with it, and where the next one lies; of a scan, what is coded is skipped."""
    if not content.startswith(_START):
        return
    place = len(_START)
    while place + 2 <= len(content) and content[place] == _FILL:
        marker = content[place + 1]
        if marker == _FILL:
            place += 1
            continue
        if marker == _END:
            yield marker, b"", place
            return
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        segment = content[place + 4 : place + 2 + length]
        place += 2 + length
        if marker == _SCAN:
            found = _SCAN_ENDS.search(content, place)
            if found is None:
                return
            place = found.start()
        yield marker, segment, place
