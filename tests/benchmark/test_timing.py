"""Turns, and what is made of their times."""

from __future__ import annotations

import pytest

from swinkit.benchmark import timing
from swinkit.benchmark.timing import SIDE, Timed, Turn, in_turn, ratio, share_of_rate, spread


def turn(*seconds: float, product: float = 1.0) -> Turn:
    return Turn(Timed(product, product), tuple(Timed(one, 2 * one) for one in seconds))


def test_every_round_gives_each_a_turn_and_another_one_the_first(monkeypatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(timing, "SIDE", 8)
    monkeypatch.setattr(timing, "MOST_CALLS", 1)

    turns = in_turn({name: lambda name=name: order.append(name) for name in "abc"}, dtype="float32", rounds=3)

    assert [3, 3, 3] == [len(one) for one in turns.values()]
    assert list("abcbcacab") == order[::2]  # each is called once untimed, then timed
    assert order[::2] == order[1::2]


def test_a_turn_has_several_calls_where_one_is_short(monkeypatch) -> None:
    monkeypatch.setattr(timing, "SIDE", 8)

    (only,) = in_turn({"fast": lambda: None}, dtype="int8", rounds=1)["fast"]

    assert timing.MOST_CALLS == len(only.calls)


def test_the_ratio_is_that_of_each_round_so_that_a_slow_minute_does_not_count() -> None:
    ours = [turn(1.0), turn(10.0), turn(1.0)]
    theirs = [turn(2.0), turn(20.0), turn(2.0)]
    assert 2.0 == ratio(theirs, ours)


def test_the_share_is_of_the_product_rate_of_the_same_turn() -> None:
    macs = SIDE**3 // 2
    slowed = [turn(1.0, product=1.0), turn(3.0, product=3.0)]
    assert 0.5 == share_of_rate(slowed, macs, "wall")
    assert 0.25 == share_of_rate(slowed, macs, "processor")


def test_percentiles_are_over_all_calls_of_all_turns() -> None:
    found = spread([turn(*range(1, 51)), turn(*range(51, 101))], "wall")
    assert (50.5, 96, 1) == (found.p50, found.p95, found.best)
    assert pytest.approx(101) == spread([turn(50.5)], "processor").p50
