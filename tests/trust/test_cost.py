"""What a picture costs."""

from __future__ import annotations

import pytest

from swinkit.data import digits
from swinkit.engine import inference
from swinkit.models import Backbone
from swinkit.recipes.fresh import fresh_model
from swinkit.trust import cost
from swinkit.trust.cost import cost_of
from tests.engine.small_runs import SETTINGS


class Clock:
    """Stands still but for what is told."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize("pictures", [1, 3, 40])
def test_what_is_prepared_once_is_no_part_of_what_a_picture_takes(
    pictures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, prepared = Clock(), inference.for_inference
    place = inference.Preprocess.__call__

    def preparing(model: Backbone) -> object:
        clock.now += 100.0
        return prepared(model)

    def placing(self: object, pixels: object) -> object:
        clock.now += 2.0
        return place(self, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(cost, "time", clock)
    monkeypatch.setattr(inference, "for_inference", preparing)
    monkeypatch.setattr(inference.Preprocess, "__call__", placing)

    found = cost_of(fresh_model(SETTINGS, tuple("0123456789")), digits().samples[:pictures], None)

    assert (102.0 if pictures == 1 else 2.0) == found.seconds_per_picture
