"""What every file of a set is, found out once: readable or why not, its header, a thumbnail to compare by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from swinkit.data.channels import COLOUR, Channels
from swinkit.data.pictures import Header
from swinkit.data.read import array_header, content_of, grey
from swinkit.data.samples import Sample
from swinkit.errors import DataError
from swinkit.health.damage import Seen, look_at
from swinkit.health.likeness import THUMBNAIL

_AHEAD = 4  # files waiting for each thread: a result that nobody has taken yet costs memory
_MOST_COMPARED = 20_000  # pictures of which thumbnails are kept: 4 kB each, and minutes to compare
_MOST_BAD_SHARE = 0.2
_FEW_BAD = 5
_NAMED = 20  # bad files that are named one by one
_ONE_BAR = 24  # grey levels that compression leaves in a bar of one colour
_ONE_GREY = 2  # grey levels between the darkest and the lightest place of a picture that shows nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One picture, as it was found.

    digest: equal for files of the same bytes. problem: why it cannot be read, None where it can; then there
    are header and thumbnail. one_grey: whether nothing is to be seen on it. damage: what is missing in the
    data of a picture that can be decoded all the same, None where nothing is.
    thumbnail: S, S uint8, grey, upright, squeezed to a square; in very large sets there is none.
    """

    name: str
    size_in_bytes: int = 0
    digest: str = ""
    problem: str | None = None
    header: Header | None = None
    one_grey: bool = False
    damage: str | None = None
    thumbnail: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def readable(self) -> bool:
        return self.problem is None


def examine(
    samples: Sequence[Sample],
    channels: Channels = COLOUR,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Facts, ...]:
    """Read every file once, whole, and say what it is; nothing is raised for a file that cannot be read.

    channels: how they are to be read (`found_channels`); what cannot be read so cannot be read.
    threads: by default as many as the machine has cores for this process; Pillow decodes outside Python's
    lock. progress: called with (number done, number in all).
    Of more than 20,000 pictures no thumbnails are kept.
    """
    found: list[Facts] = []
    for facts in _in_order(samples, channels, threads or own_cores()):
        found.append(facts if len(samples) <= _MOST_COMPARED else replace(facts, thumbnail=None))
        if progress is not None:
            progress(len(found), len(samples))
    return tuple(found)


def readable(
    samples: Sequence[Sample], facts: Sequence[Facts]
) -> tuple[tuple[Sample, ...], tuple[tuple[str, str], ...]]:
    """The samples that can be read, and (path, reason) of the others. facts: of the same, in the same order.

    Raises DataError with the list when more than 5 files and more than a fifth of all are unreadable.
    """
    pairs = list(zip(samples, facts, strict=True))
    good = tuple(sample for sample, one in pairs if one.problem is None)
    bad = tuple((sample.path, one.problem) for sample, one in pairs if one.problem is not None)
    if len(bad) > _FEW_BAD and len(bad) > _MOST_BAD_SHARE * len(samples):
        raise DataError(
            f"{len(bad)} of {len(samples)} pictures cannot be read:\n"
            + "\n".join(f"  {path}: {reason}" for path, reason in bad[:_NAMED])
            + (f"\n  … and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""),
            hint="repair or remove these files first; so many point to a fault in the download or the export",
        )
    return good, bad


def facts_of(sample: Sample, channels: Channels = COLOUR) -> Facts:
    """What one picture is."""
    try:
        content = _content(sample)
        seen = _seen(sample, content, channels)
    except DataError as error:
        return Facts(name=sample.name, problem=_reason(error, sample))
    return Facts(
        name=sample.name,
        size_in_bytes=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        header=seen.header,
        one_grey=int(seen.shown.max()) - int(seen.shown.min()) <= _ONE_GREY,
        damage=seen.damage,
        thumbnail=_thumbnail(seen.shown),
    )


def _in_order(samples: Sequence[Sample], channels: Channels, threads: int) -> Iterator[Facts]:
    waiting = iter(samples)
    with ThreadPoolExecutor(threads) as pool:
        try:
            running: list[Future[Facts]] = [
                pool.submit(facts_of, one, channels) for one in islice(waiting, threads * _AHEAD)
            ]
            while running:
                yield running.pop(0).result()
                running += [pool.submit(facts_of, one, channels) for one in islice(waiting, 1)]
        finally:
            pool.shutdown(cancel_futures=True)


def _content(sample: Sample) -> bytes:
    """The bytes of a file, or of pixels that lie in no file."""
    if isinstance(sample.source, Path):
        return content_of(sample.source)
    return sample.source.tobytes() if isinstance(sample.source, np.ndarray) else sample.source.content()


def _seen(sample: Sample, content: bytes, channels: Channels) -> Seen:
    if isinstance(sample.source, np.ndarray):
        pixels = sample.pixels(channels.count, own_values=channels.own_values)
        return Seen(array_header(sample.source), grey(pixels), damage=None)
    return look_at(
        content,
        sample.path,
        side=2 * THUMBNAIL,
        channels=channels.count,
        own_values=channels.own_values,
    )


def _thumbnail(shown: np.ndarray) -> np.ndarray:
    shown = _without_frame(_without_frame(shown).T).T
    method = Image.Resampling.BOX if min(shown.shape) >= THUMBNAIL else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(shown)).resize((THUMBNAIL, THUMBNAIL), method))


def _without_frame(shown: np.ndarray) -> np.ndarray:
    """Without bars of one grey above and below, as letterboxing and frames leave them; half is kept at least.

    Only as much is cut as both sides have, so that what stands on plain ground keeps its place.
    """
    lively = np.flatnonzero(np.ptp(shown, axis=1) > _ONE_BAR)
    if not len(lively):
        return shown
    bar = min(lively[0], len(shown) - 1 - lively[-1], len(shown) // 4)
    return shown[bar : len(shown) - bar]


def _reason(error: DataError, sample: Sample) -> str:
    return error.message.removeprefix(f"cannot read {sample.path}: ")


def own_cores() -> int:
    """Logical cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
