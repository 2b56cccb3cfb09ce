"""One door per verb: its options as a dataclass, from which `--help` is made, and how it answers."""

from __future__ import annotations

from typing import Protocol


class Door(Protocol):
    """The options of one verb. The docstring of the class is the verb's help."""

    @property
    def debug(self) -> bool: ...

    def run(self) -> int:
        """Call the verb, print what it answers; the exit code."""
