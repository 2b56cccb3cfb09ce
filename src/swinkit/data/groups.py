"""What belongs together, by name: all pictures of one patient, one film, one place.

    {patient}_*          p01_left.png and p01_right.png are one
    {film}/*             pictures in one folder are one
    {site}-{day}/*.tif   what agrees in both is one

Braces take what belongs together, the star anything, both within one name; a pattern of two parts looks at
the folder and the file, one of a single part at the file alone.
"""

from __future__ import annotations

import re
from dataclasses import replace

from swinkit.data.samples import ImageSet
from swinkit.errors import ConfigError, DataError

_NAMED = 3  # names that do not fit


def is_pattern(group_by: str) -> bool:
    """Whether this is a pattern of names; else it is a column."""
    return "{" in group_by or "*" in group_by


def grouped(images: ImageSet, pattern: str) -> ImageSet:
    """The images with the group that their names tell. Raises DataError for names that the pattern misses."""
    fits, depth = _compiled(pattern), pattern.count("/") + 1
    matches = {
        sample.name: fits.fullmatch("/".join(sample.name.split("/")[-depth:])) for sample in images.samples
    }
    misfits = [name for name, match in matches.items() if match is None]
    if misfits:
        raise DataError(
            f"{len(misfits)} of {len(images)} names do not fit the pattern {pattern}: "
            f"{', '.join(misfits[:_NAMED])}{', …' if len(misfits) > _NAMED else ''}",
            hint="a pattern matches the whole file name; * stands for anything, as in {patient}_*",
        )
    samples = (
        replace(sample, group="/".join(match.groups()))
        for sample in images.samples
        if (match := matches[sample.name])
    )
    return replace(images, samples=tuple(samples))


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}/]*\}|\*)", pattern)
    if not any(part.startswith("{") for part in parts):
        raise ConfigError(
            f"the pattern {pattern} has no braces, so it says nothing of what belongs together",
            hint="put them around a name for it, as in {patient}_*",
        )
    meant = (
        "[^/]*" if part == "*" else "([^/]+?)" if part.startswith("{") else re.escape(part) for part in parts
    )
    return re.compile("".join(meant))
