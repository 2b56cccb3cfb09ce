"""What became of a weights file: what matched, was resized, is new, was dropped or left out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Set as `model.load_report` by `load`; its text is what a person wants to read.

    matched: names of the model's tensors that came from the file, resized ones included. resized: of those,
    names and the rule. new: names of the model's tensors that the file did not give, and why. dropped: names
    in the file that are rebuilt or never needed, and why. left_out: names in the file that this model has no
    place for, and why. extra: what else our own files say (task, scores, licence, …).
    """

    source: str
    format: str
    policy: str
    matched: tuple[str, ...]
    resized: Mapping[str, str] = field(default_factory=dict)
    new: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parameters: int
    """Numbers that the model has learnt, all together."""
    parameters_loaded: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """One line: how much of the model came from the file."""
        tensors, share = len(self.matched) + len(self.new), self.parameters_loaded / self.parameters
        percent = "100" if not self.new else f"{min(share * 100, 99.99):.2f}"
        return f"loaded {len(self.matched)}/{tensors} tensors ({percent} % of parameters) from {self.source}"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.summary} (format {self.format}, policy {self.policy})"
        for what, entries in (
            ("new", self.new),
            ("resized", self.resized),
            ("left out", self.left_out),
            ("dropped", self.dropped),
        ):
            for reason, names in _by_reason(entries).items():
                yield f"{what}: {_listed(names)}: {reason}"
        yield from (f"note: {note}" for note in self.notes)


def _by_reason(entries: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, reason in entries.items():
        grouped.setdefault(reason, []).append(name)
    return grouped


def _listed(names: list[str], at_most: int = 4) -> str:
    """The names, or, where they are many, the parts that they belong to and how many each has."""
    if len(names) <= at_most:
        return ", ".join(names)
    parts = Counter(name.partition(".")[0] for name in names)
    return ", ".join(f"{part} ({count} tensors)" for part, count in parts.items())
