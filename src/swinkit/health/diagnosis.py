"""From facts to findings: what is wrong with single files, with copies, and with the set as a whole."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from swinkit.data import pictures
from swinkit.data.class_names import alike, with_nearest
from swinkit.data.pictures import Header
from swinkit.data.samples import ImageSet, Sample, Split, natural_order
from swinkit.health.copies import Copy, copy_groups
from swinkit.health.facts import Facts
from swinkit.health.findings import Finding
from swinkit.health.giveaways import giveaways
from swinkit.writing import printable

_LARGE = 50_000_000  # pixels
_EXTREME = 20  # times the other side
_TINY = 8  # pixels
_UNEQUAL = 5  # largest to smallest class
_FEW = 30  # pictures in val
_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_NAMED = 5  # files that a sentence names
_FORBIDDEN = frozenset('<>:"\\|?*')  # in names of files, by Windows


def diagnose(
    images: ImageSet,
    facts: Sequence[Facts],
    copies: Sequence[Copy],
    others: Sequence[tuple[str, str]],
    divided: ImageSet | None,
) -> tuple[Finding, ...]:
    """Everything worth saying about a set, errors first.

    facts: of its samples, in their order. copies: among them. others: names of other files beside them, with
    their kind. divided: the set in the splits that training would make, None where it would refuse to.
    """
    found = [
        *_about_files(images, facts),
        *_about_copies(images, copies),
        *_about_comparing(facts),
        *_about_classes(images, facts, divided),
        *_about_lines(images),
        *_about_names(images),
        *_about_the_rest(images, others),
    ]
    return tuple(sorted(found, key=lambda finding: (finding.code, [*map(natural_order, finding.files[:1])])))


# Single files ---------------------------------------------------------------------------------------------


def _about_files(images: ImageSet, facts: Sequence[Facts]) -> Iterator[Finding]:
    mostly_colour = _mostly_colour(facts)
    for sample, one in zip(images.samples, facts, strict=True):
        if one.problem is not None:
            yield Finding(code="D001", message=one.problem, files=(one.name,), leave_out=(one.name,))
        elif one.header is not None:
            if one.damage is not None:
                yield Finding(code="D225", message=one.damage, files=(one.name,))
            for code, message in _oddities(one.header, one.one_grey, _ending(sample), mostly_colour):
                yield Finding(code=code, message=message, files=(one.name,))


def _mostly_colour(facts: Sequence[Facts]) -> bool:
    headers = [one.header for one in facts if one.header is not None]
    return sum(header.channels == 3 for header in headers) > len(headers) / 2


def _ending(sample: Sample) -> str | None:
    """Of the file's name, lower case; None for pictures that lie in no file of their own."""
    return Path(sample.source).suffix.lower() if isinstance(sample.source, Path) else None


def _oddities(
    header: Header, one_grey: bool, ending: str | None, mostly_colour: bool
) -> Iterator[tuple[str, str]]:
    """Codes and messages for a picture that can be read."""
    height, width = header.size
    if header.orientation != 1:
        yield "D201", f"orientation {header.orientation}"
    if header.mode == "CMYK":
        yield "D202", "colours stored as inks (CMYK)"
    if header.mode == "P":
        yield "D203", "colours stored in a palette"
    if header.transparent:
        yield "D204", f"transparent places ({header.mode})"
    if header.bits >= 16:
        yield "D205", f"{header.bits} bits a sample"
    if header.frames:
        yield "D206", f"a {header.format} of several frames or pages"
    expected = pictures.endings_of(header.format)
    if ending == "":
        yield "D208", f"a {header.format} without an ending"
    elif ending is not None and expected and ending not in expected:
        yield "D207", f"a {header.format} named {ending}"
    if height * width > _LARGE:
        yield "D209", f"{width} x {height} = {height * width / 1e6:,.0f} million pixels"
    if max(height, width) > _EXTREME * min(height, width):
        yield "D210", f"{width} x {height} pixels"
    if min(height, width) < _TINY:
        yield "D211", f"{width} x {height} pixels"
    if one_grey:
        yield "D212", "all of one colour"
    if header.channels == 1 and mostly_colour and header.bits == 8:
        yield "D213", f"no colours ({header.mode})"
    if header.bits == 1:
        yield "D214", "one bit a pixel"
    if header.broken_exif:
        yield "D222", "EXIF that cannot be read"


# Copies ---------------------------------------------------------------------------------------------------


def _about_copies(images: ImageSet, copies: Sequence[Copy]) -> Iterator[Finding]:
    samples = {sample.name: sample for sample in images.samples}
    how = {frozenset((copy.first, copy.second)): copy.kind for copy in copies}
    for names in copy_groups(copies):
        group = [samples[name] for name in names]
        kinds = {kind for pair, kind in how.items() if pair <= set(names)}
        alike = " = ".join(names[:_NAMED]) + (f" = …, {len(names)} in all" if len(names) > _NAMED else "")
        if len({frozenset(sample.shown) for sample in group}) > 1:
            labels = sorted({", ".join(sample.shown) for sample in group}, key=natural_order)
            yield Finding(
                code="D003",
                message=f"{_likeness(kinds)} as {' and as '.join(labels)}: {alike}",
                files=names,
                leave_out=names,
            )
        splits: set[Split] = {sample.split for sample in group if sample.split is not None}
        if len(splits) > 1:
            kept = max(splits, key=_SPLITS.index)
            yield Finding(
                code="D002",
                message=f"{_likeness(kinds)} in {_named(splits)}: {alike}",
                files=names,
                leave_out=tuple(sample.name for sample in group if sample.split != kept),
            )
        if len({(frozenset(sample.shown), sample.split) for sample in group}) < len(group):
            yield Finding(code="D219", message=f"{_likeness(kinds)} more than once: {alike}", files=names)


def _about_comparing(facts: Sequence[Facts]) -> Iterator[Finding]:
    unseen = sum(one.readable and one.thumbnail is None for one in facts)
    if unseen:
        yield Finding(code="D224", message=f"{unseen:,} pictures are compared by their bytes alone")


def _likeness(kinds: Iterable[str]) -> str:
    words = {"file": "the same file", "pixels": "the same pixels", "near": "nearly the same picture"}
    return next(words[kind] for kind in ("near", "pixels", "file") if kind in kinds)


def _named(splits: set[Split]) -> str:
    return " and ".join(name for name in _SPLITS if name in splits)


# The set as a whole ---------------------------------------------------------------------------------------


def _about_classes(images: ImageSet, facts: Sequence[Facts], divided: ImageSet | None) -> Iterator[Finding]:
    readable = [sample for sample, one in zip(images.samples, facts, strict=True) if one.readable]
    taught = _counts([s for s in readable if s.split in (None, "train")], images.classes)
    yield from _about_strangers(images, readable)
    yield from _about_too_little(images, taught, readable)
    for names in alike(images.classes):
        yield Finding(
            code="D226",
            message=f"{' and '.join(repr(name) for name in names)} differ in case, spaces or hyphens only",
        )
    for name in images.empty:
        yield Finding(code="D101", message="it holds no picture", files=(name,))
    for split, code in (("val", "D102"), ("test", "D220")):
        if any(sample.split == split for sample in readable):
            there = _counts([s for s in readable if s.split == split], images.classes)
            for name in (name for name in images.classes if not there[name]):
                yield Finding(code=code, message=f"{split} has no picture of {name} that can be read")
    yield from _about_sizes(taught, divided)
    labelled = [
        (sample.label, one.header)
        for sample, one in zip(images.samples, facts, strict=True)
        if sample.label is not None and one.header is not None
    ]
    for sentence in giveaways(labelled):
        yield Finding(code="D105", message=sentence)


def _counts(samples: Iterable[Sample], classes: Sequence[str]) -> dict[str, int]:
    counted = Counter(name for sample in samples for name in sample.shown)
    return {name: counted[name] for name in classes}


def _about_strangers(images: ImageSet, readable: Sequence[Sample]) -> Iterator[Finding]:
    for name in images.strangers():
        those = [sample for sample in readable if name in sample.shown]
        splits: set[Split] = {sample.split for sample in those if sample.split is not None}
        where = _named(splits) or "the data"
        count = f"{len(those)} picture{'s' if len(those) > 1 else ''}"
        message = f"{where} has {count} of {with_nearest(name, images.classes)}, train has none"
        yield Finding(code="D004", message=message, files=tuple(sample.name for sample in those))


def _about_too_little(
    images: ImageSet, taught: Mapping[str, int], readable: Sequence[Sample]
) -> Iterator[Finding]:
    in_all = _counts(readable, images.classes)
    if all(count < 2 for count in in_all.values()):
        yield Finding(code="D005", message="no class has two pictures that can be read")
    elif len(images.classes) == 1 and images.task != "multilabel":
        yield Finding(
            code="D005", message=f"there is one class only ('{images.classes[0]}'): nothing to tell apart"
        )
    for name, count in taught.items():
        if count == 1:
            yield Finding(code="D223", message=f"{name} has one picture to learn from")


def _about_sizes(taught: Mapping[str, int], divided: ImageSet | None) -> Iterator[Finding]:
    present = {name: count for name, count in taught.items() if count}
    if present:
        most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
        ratio = present[most] / present[least]
        if ratio >= _UNEQUAL:
            yield Finding(
                code="D103",
                message=f"{most} has {present[most]:,} pictures to learn from and {least} {present[least]:,}:"
                f" {ratio:.1f} times as many",
            )
    if divided is not None and 0 < len(divided.split("val")) < _FEW:
        yield Finding(code="D104", message=f"val has {len(divided.split('val'))} pictures that can be read")


# Names and places -----------------------------------------------------------------------------------------


def _about_names(images: ImageSet) -> Iterator[Finding]:
    yield from _inner_folders(images)
    odd: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for sample in images.samples:
        stored = sample.source.parts if isinstance(sample.source, Path) else ()
        parts = PurePosixPath(sample.name).parts
        stored = stored[-len(parts) :] if len(stored) >= len(parts) else parts
        for depth, part in enumerate(stored, start=1):
            for why in _name_oddities(part, is_file=depth == len(parts)):
                odd[why]["/".join(parts[:depth])] = None
    for why, names in odd.items():
        message = why if len(names) == 1 else f"{why}: {_some(names)}"
        yield Finding(code="D218", message=message, files=tuple(names))


def _inner_folders(images: ImageSet) -> Iterator[Finding]:
    if not images.layout.endswith("class folders"):
        return
    inside: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for sample in images.samples:
        *folders, _ = PurePosixPath(sample.name).parts
        depth = 1 if sample.split is None else 2
        if len(folders) > depth:
            inside["/".join(folders), folders[depth - 1]].append(sample.name)
    for (folder, label), names in inside.items():
        message = f"taken for a picture of {label}"
        if len(names) > 1:
            message = f"{len(names):,} in {folder}, taken for pictures of {label}: {_some(names)}"
        yield Finding(code="D215", message=message, files=tuple(names))


def _some(names: Collection[str]) -> str:
    """The first of them, and how many there are where that is not all."""
    first = ", ".join(islice(names, _NAMED))
    return f"{first} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else first


def _name_oddities(part: str, *, is_file: bool) -> Iterator[str]:
    if any("\ud800" <= letter <= "\udfff" for letter in part):
        yield "bytes that are no UTF-8"
    elif not part.isascii():
        yield "letters beyond ASCII"
    if not unicodedata.is_normalized("NFC", part):
        yield "letters and accents stored apart (decomposed Unicode)"
    if any(letter.isspace() for letter in part):
        yield "spaces"
    if part.startswith("-"):
        yield "a dash in front, as options have"
    if not _FORBIDDEN.isdisjoint(part):
        yield "signs that Windows forbids"
    if printable(part) != part:
        yield "control characters"
    if is_file and (ending := Path(part).suffix) != ending.lower():
        yield "an ending in capitals"


def _about_lines(images: ImageSet) -> Iterator[Finding]:
    for place, reason in images.bad_lines:
        yield Finding(code="D006", message=reason, files=(place,), leave_out=(place,))


def _about_the_rest(images: ImageSet, others: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    unread = pictures.unread_endings()
    for name, kind in others:
        if kind in unread:
            yield Finding(code="D001", message=f"its reader is missing here{_remedy(kind)}", files=(name,))
        else:
            yield Finding(code="D216", message=kind, files=(name,))
    for name, reason in images.skipped:
        yield Finding(code="D217", message=reason, files=(name,))
    for sentence in images.notes:
        yield Finding(code="D221", message=sentence)


def _remedy(ending: str) -> str:
    return ": pip install pillow-heif" if ending in pictures.endings_of("HEIF") else ""
