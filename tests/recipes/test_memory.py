"""The batch is cut into parts where memory is short, and never changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swinkit.errors import RunError
from swinkit.recipes.defaults import Plan
from swinkit.recipes.memory import SHARE, Needs, within_memory
from tests.engine.small_runs import SETTINGS

MIB = 1 << 20
NEEDS = Needs(kept=100 * MIB, parameters=28_000_000, free=None)


def plan(batch: int = 64) -> Plan:
    return Plan(config=replace(SETTINGS, batch=batch), reasons=())


@given(batch=st.integers(1, 300), free=st.integers(1200 * MIB, 100_000 * MIB))
def test_the_batch_stays_and_its_parts_fit_as_large_as_they_can(batch: int, free: int) -> None:
    needs = replace(NEEDS, free=free)

    found = within_memory(plan(batch), needs).config

    assert batch == found.batch
    assert needs.of(found.pictures_at_once, recomputing=found.checkpointing) <= SHARE * free + 1
    if found.accumulation > 1:
        assert needs.of(-(-batch // (found.accumulation - 1)), recomputing=found.checkpointing) > SHARE * free


def test_the_plan_says_why_a_batch_is_cut() -> None:
    (why,) = within_memory(plan(), replace(NEEDS, free=4000 * MIB)).reasons

    assert "64 pictures in parts of 13" in why
    assert "10.6 GB" in why and "2.9 GB" in why


def test_where_one_picture_does_not_fit_the_error_says_what_would() -> None:
    with pytest.raises(RunError, match=r"takes 654 MB to learn from, and 367 MB may be used") as caught:
        within_memory(plan(), replace(NEEDS, free=500 * MIB))

    assert "--image-size" in caught.value.hint
    assert isinstance(caught.value.__cause__, MemoryError)


def test_nothing_changes_where_nobody_knows_what_is_free() -> None:
    assert plan() == within_memory(plan(), NEEDS)


def test_each_of_several_processes_has_its_share_of_a_batch() -> None:
    needs = replace(NEEDS, free=4000 * MIB, processes=8)

    found = within_memory(plan(), needs)

    assert 1 == found.config.accumulation, "8 pictures each fit, 64 do not"
    assert "in each of 8 processes" in found.reasons[0]


@pytest.mark.parametrize("processes", [2, 8])
def test_where_a_process_has_no_room_for_all_they_share_out_the_model(processes: int) -> None:
    large = Needs(kept=MIB, parameters=1_000_000_000, free=26_000_000_000, processes=processes)

    found = within_memory(plan(), large)

    assert large.too_large
    assert found.config.shard
    assert "with the model shared out" in found.reasons[0]


@pytest.mark.parametrize("change", [{"processes": 1}, {"shareable": False}, {"free": 5_000_000_000}])
def test_a_model_that_cannot_be_had_at_all_is_one_sentence(change: dict[str, int | bool]) -> None:
    large = Needs(kept=MIB, parameters=1_000_000_000, free=26_000_000_000, processes=4)

    with pytest.raises(RunError, match=r"a single picture of .* takes") as caught:
        within_memory(plan(), replace(large, **change))

    assert "--shard" in caught.value.hint


def test_a_model_that_fits_is_shared_out_where_that_was_asked() -> None:
    asked = replace(plan(), config=replace(plan().config, shard=True))

    found = within_memory(asked, replace(NEEDS, free=100_000 * MIB, processes=2))

    assert found.config.shard
    assert "shared out" in found.reasons[0]
