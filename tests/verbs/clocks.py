"""What two scorings of one model share."""

from __future__ import annotations

from typing import Any


def without_time(evaluation: dict[str, Any]) -> dict[str, Any]:
    """What is measured with a clock differs each time."""
    cost = {name: value for name, value in evaluation["cost"].items() if name != "seconds_per_picture"}
    return {**evaluation, "cost": cost}
