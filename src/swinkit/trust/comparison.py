"""How models fare beside each other on the same pictures, as plain facts: what comparison.json holds and
`compare.html` shows. No torch here, and no words for people. Shares run from 0 to 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from swinkit.trust.assessment import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """One run: what it is, and at what cost.

    name: of the run's folder. model, weights: what it is, and what it started from, in words.
    """

    name: str
    model: str
    weights: str
    parameters: int
    epochs: int | None = None
    seconds: float | None = None
    """Of the training."""
    seconds_per_picture: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender(Entrant):
    """One run on the common pictures."""

    accuracy: Interval
    balanced_accuracy: Interval

    @property
    def judged(self) -> Interval:
        """By what the better one is told."""
        return self.balanced_accuracy


@dataclass(frozen=True, kw_only=True, slots=True)
class SetContender(Entrant):
    """The same where a picture may have several classes. f1: mean over the classes, each at its threshold."""

    mean_average_precision: Interval
    f1: Interval

    @property
    def judged(self) -> Interval:
        return self.mean_average_precision


@dataclass(frozen=True, kw_only=True, slots=True)
class Duel:
    """Two runs on the same pictures: how much better the second is, and whether that may be chance.

    accuracy, balanced_accuracy: differences, second minus first, with intervals (`intervals.py`).
    only_first, only_second: pictures that one got right and the other wrong.
    p: how often chance alone would part them so far in accuracy if they were equally good; p_balanced: in
        balanced accuracy. Both are corrected for the number of pairs.
    """

    first: str
    second: str
    accuracy: Interval
    balanced_accuracy: Interval
    only_first: int
    only_second: int
    p: float
    p_balanced: float

    @property
    def judged(self) -> Interval:
        """The difference by which the better one is told."""
        return self.balanced_accuracy

    @property
    def decided(self) -> bool:
        """Whether the difference in balanced accuracy is more than chance would make.

        Its interval leaves out 0, and it stands the correction for the number of pairs.
        """
        return _away(self.balanced_accuracy) and self.p_balanced < _CHANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class SetDuel:
    """The same where a picture may have several classes.

    p: how often chance alone would part them so far in mean average precision, corrected as in `Duel`.
    """

    first: str
    second: str
    mean_average_precision: Interval
    f1: Interval
    p: float

    @property
    def judged(self) -> Interval:
        return self.mean_average_precision

    @property
    def decided(self) -> bool:
        return _away(self.mean_average_precision) and self.p < _CHANCE


def _away(difference: Interval) -> bool:
    return difference.low > 0 or difference.high < 0


_CHANCE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Several runs, scored on the pictures that all of them have, found by content.

    left_out: scored pictures that not all runs have. contenders: as they were named. duels: each pair once.
    All are of one kind: of sets where a picture may have several classes.
    """

    pictures: int
    left_out: int
    contenders: tuple[Contender | SetContender, ...]
    duels: tuple[Duel | SetDuel, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
