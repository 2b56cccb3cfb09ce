"""JPEGs whose data ends before their picture does: decoders fill the rest and say nothing."""

from __future__ import annotations

import io
import re

from swinkit.data import pictures
from swinkit.errors import DataError

_SCAN_ENDS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that is no part of the coded picture
_BASELINE, _START_OF_SCAN, _END_OF_IMAGE, _FILL = (0xC0, 0xC1), 0xDA, 0xD9, 0xFF
_MORE = bytes(1 + 37 * number % 254 for number in range(48))  # coded data of no meaning, without a marker


def ends_early(content: bytes) -> bool:
    """Whether a JPEG that can be decoded lacks data at its end, which damage further up causes too.

    Bytes put behind the coded data change nothing in a whole picture, since they are never read; where they
    change it, the picture had need of them. Only JPEGs of one baseline scan, which nearly all are, can be
    tried so.
    """
    end = _end_of_scan(content)
    if end is None:
        return False
    try:
        return _small(content) != _small(content[:end] + _MORE + content[end:])
    except (DataError, OSError, SyntaxError):
        return False


def _end_of_scan(content: bytes) -> int | None:
    """Where the coded data of the only scan ends; None for any other file."""
    place, baseline = 2, False
    while place + 4 <= len(content) and content[place] == _FILL:
        marker = content[place + 1]
        if marker == _FILL:
            place += 1
            continue
        baseline = baseline or marker in _BASELINE
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == _START_OF_SCAN:
            found = _SCAN_ENDS.search(content, place)
            single = found is not None and content[found.start() + 1] == _END_OF_IMAGE
            return found.start() if baseline and single and found is not None else None
    return None


def _small(content: bytes) -> bytes:
    """The picture at an eighth of its size, in grey."""
    image = pictures.open_picture(io.BytesIO(content))
    if image is None:
        raise DataError("it is no picture")
    image.draft("L", (1, 1))
    return image.tobytes()
