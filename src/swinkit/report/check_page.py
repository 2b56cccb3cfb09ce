"""The page of `check`: what was found in a set of pictures, for people, with the pictures it is about.

All numbers are counts of what findings.csv and split.csv list. Names are text whatever they contain, and
pictures are made anew from pixels, so that nothing of their metadata comes along.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from swinkit.data import Sample, write_atomically
from swinkit.health.checkup import Checkup
from swinkit.health.findings import Finding, Rule, Severity
from swinkit.report.page import render
from swinkit.report.thumbnails import Album, Thumbnail
from swinkit.report.words import place

SHOWN = 24
"""Findings of one rule that are shown with their pictures."""
LISTED = 200
"""More of them, by name alone; findings.csv has all."""
_SIDE_BY_SIDE = 6  # copies of one picture that are shown
_SECTIONS: Mapping[Severity, str] = {
    "error": "To be mended",
    "warning": "To be borne in mind",
    "note": "Only to be known",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a finding. where: its split and class, in words."""

    name: str
    picture: Thumbnail | None
    where: str


@dataclass(frozen=True, slots=True)
class Told:
    """One finding. pictures: those it is about, as many as are shown; more: how many are not."""

    message: str
    pictures: tuple[Shown, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Group:
    """All that one rule found.

    told: with their pictures, none where there are no pictures to show. listed: names and message of the
    others. left: how many are not even listed.
    """

    code: str
    title: str
    rule: Rule
    count: int
    told: tuple[Told, ...]
    listed: tuple[tuple[str, str], ...]
    left: int


@dataclass(frozen=True, slots=True)
class Section:
    severity: Severity
    title: str
    groups: tuple[Group, ...]


def write_check_page(folder: Path, found: Checkup, *, command: Sequence[str]) -> Path:
    """Write check.html into a folder: one file, nothing fetched. command: the likely next one, in words."""
    return write_atomically(folder / "check.html", check_page(found, command=command))


def check_page(found: Checkup, *, command: Sequence[str]) -> str:
    """The page as HTML."""
    album = Album(found.readable)
    counts = found.counts()
    return render(
        "check.html.jinja",
        found=found,
        verdict=_verdict(found.findings),
        reasons=_reasons(found.findings),
        command=shlex.join(place(word) for word in command),
        trainable="train" in command,
        classes=list(counts.items()),
        splits=list(next(iter(counts.values()), {})),
        largest=max((number for row in counts.values() for number in row.values()), default=1) or 1,
        sections=_sections(found, album),
        unreadable=found.unreadable,
        album=album,
    )


def _verdict(findings: Sequence[Finding]) -> str:
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "Something has to be mended before these pictures are trained on"
    if "warning" in severities:
        return "These pictures can be trained on, with reservations"
    return "These pictures can be trained on"


def _reasons(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Errors and warnings in short: how many of what, and where on the page they are told."""
    grave = (finding for finding in findings if finding.severity != "note")
    return [
        (code, f"{len(those)} × {those[0].rule.title}")
        for code, group in groupby(grave, key=lambda finding: finding.code)
        if (those := list(group))
    ]


def _sections(found: Checkup, album: Album) -> list[Section]:
    samples = {sample.name: sample for sample in found.images.samples}
    sections = []
    for severity, title in _SECTIONS.items():
        those = [finding for finding in found.findings if finding.severity == severity]
        by_code = groupby(those, key=lambda finding: finding.code)
        groups = tuple(_group(code, list(group), samples, album) for code, group in by_code)
        if groups:
            sections.append(Section(severity, title, groups))
    return sections


def _group(code: str, those: Sequence[Finding], samples: Mapping[str, Sample], album: Album) -> Group:
    told = tuple(_told(finding, samples, album) for finding in those[:SHOWN])
    if not any(shown.picture for one in told for shown in one.pictures):
        told = ()
    rest = those[len(told) :]
    title = those[0].rule.title
    return Group(
        code=code,
        title=title[0].upper() + title[1:],
        rule=those[0].rule,
        count=len(those),
        told=told,
        listed=tuple((_names(finding), finding.message) for finding in rest[:LISTED]),
        left=max(0, len(rest) - LISTED),
    )


def _told(finding: Finding, samples: Mapping[str, Sample], album: Album) -> Told:
    pictures = [samples[name] for name in finding.files if name in samples]
    if not pictures:  # it is about folders
        names = _names(finding)
        return Told(f"{names}: {finding.message}" if names else finding.message, (), 0)
    shown = tuple(_shown(sample, album) for sample in pictures[:_SIDE_BY_SIDE])
    message = finding.message
    if len(finding.files) > 1:
        message = message.partition(": ")[0]  # the names stand under the pictures
    return Told(message, shown, len(finding.files) - len(shown))


def _shown(sample: Sample, album: Album) -> Shown:
    where = ", ".join([*filter(None, [sample.split]), *sample.shown])
    return Shown(sample.name, album.thumbnail(sample.name), where)


def _names(finding: Finding) -> str:
    """Of what it is about; nothing where its message names them."""
    return "" if not finding.files or finding.files[0] in finding.message else ", ".join(finding.files)
