"""When pictures are kept in memory without being asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swinkit.recipes.cache import bytes_needed, side_kept, with_cache
from swinkit.recipes.defaults import Plan, default_plan
from swinkit.recipes.facts import DataFacts, Machine
from swinkit.recipes.wishes import Wishes

FACTS = DataFacts(
    name="pets", layout="class folders", train=1000, val=100, classes=("cat", "dog"), size=(300, 400)
)
ASKED = Wishes(data="pets", weights="none", image_size=(64, 64), epochs=5)


def machine(ram: int | None) -> Machine:
    return Machine(device="cpu", threads=2, bf16=True, ram=ram)


def planned(wishes: Wishes = ASKED, facts: DataFacts = FACTS, ram: int | None = 2_000_000_000) -> Plan:
    return with_cache(default_plan(facts, machine(ram), wishes), facts, machine(ram), wishes)


def test_what_is_needed_is_counted_as_it_will_be_kept() -> None:
    config = planned().config

    assert 124 == side_kept(config)
    smaller = 1000 * 124 * 165.3 * 3
    assert smaller + 100 * 300 * 400 * 3 == pytest.approx(bytes_needed(FACTS, config), rel=0.01)


def test_pictures_that_take_little_of_the_memory_are_kept_and_the_plan_says_so() -> None:
    plan = planned(ram=2_000_000_000)

    assert "ram" == plan.config.cache
    assert "decoded once and kept in ram, about 98 MB; --cache none" in plan.why("cache")


@pytest.mark.parametrize(
    ("wishes", "facts", "ram"),
    [
        (ASKED, FACTS, 500_000_000),
        (ASKED, FACTS, None),
        (replace(ASKED, epochs=1), FACTS, 2_000_000_000),
        (replace(ASKED, cache="none"), FACTS, 2_000_000_000),
        (replace(ASKED, data=None), FACTS, 2_000_000_000),
        (ASKED, replace(FACTS, stream=True), 2_000_000_000),
    ],
    ids=["too large", "nobody knows", "seen once", "refused", "there already", "stream"],
)
def test_otherwise_they_stay_in_their_files(wishes: Wishes, facts: DataFacts, ram: int | None) -> None:
    plan = planned(wishes, facts, ram)

    assert plan.config.cache is None
    assert not any(reason.startswith("cache:") for reason in plan.reasons)


@pytest.mark.parametrize("cache", ["ram", "disk"])
def test_what_is_asked_for_is_done_however_large(cache: str) -> None:
    plan = planned(replace(ASKED, cache=cache), ram=1)

    assert cache == plan.config.cache
    assert "as asked" in plan.why("cache")


def test_a_plan_that_came_down_to_one_epoch_gives_its_cache_back() -> None:
    plan = planned(ram=2_000_000_000)
    shorter = replace(plan, config=replace(plan.config, epochs=1))

    again = with_cache(shorter, FACTS, machine(2_000_000_000), replace(ASKED, epochs=None))

    assert again.config.cache is None
    assert not any(reason.startswith("cache:") for reason in again.reasons)
