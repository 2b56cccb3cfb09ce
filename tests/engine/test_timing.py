from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swinkit.engine import timing
from swinkit.engine.timing import Pace, measured_pace
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from tests.engine.small_runs import SETTINGS, few_digits, training_images, weights_of

PICTURES = 1000  # an epoch of the made-up machines below


def pace_with(
    monkeypatch: pytest.MonkeyPatch,
    *,
    learning: dict[int, float],
    loading: float,
    cores: int,
    threads: int,
    asked: bool = False,
) -> Pace:
    """What is chosen on a machine of these speeds, in milliseconds a picture, by number of threads."""
    monkeypatch.setattr(timing, "_seconds_to_load", lambda train, config: loading / 1000)
    monkeypatch.setattr(
        timing,
        "_seconds_to_learn",
        lambda model, task, train, config, _: learning[config.threads] / 1000,
    )
    monkeypatch.setattr(timing, "_seconds_to_look", lambda *arguments: 0.0)
    images = few_digits()
    config = replace(SETTINGS, threads=threads, batch=4)
    train = replace(training_images(config), samples=images.split("train").samples[:20] * (PICTURES // 20))
    return measured_pace(
        fresh_model(config, images.classes),
        Classification(images.classes),
        train,
        images.split("val").samples,
        config,
        cores=cores,
        threads_asked=asked,
    )


def test_one_thread_and_a_process_to_load_where_a_second_thread_brings_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = pace_with(monkeypatch, learning={2: 1.8, 1: 2.0}, loading=1.0, cores=2, threads=2)

    assert Pace(threads=1, workers=1, seconds_per_epoch=pytest.approx(2.0)) == found  # type: ignore[arg-type]


def test_loading_beside_the_training_where_it_is_nearly_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace_with(monkeypatch, learning={2: 4.0, 1: 5.2}, loading=1.0, cores=2, threads=2)

    assert Pace(threads=1, workers=1, seconds_per_epoch=pytest.approx(5.2)) == found  # type: ignore[arg-type]


def test_all_threads_where_they_bring_much(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace_with(monkeypatch, learning={2: 5.0, 1: 9.0}, loading=1.0, cores=2, threads=2)

    assert Pace(threads=2, workers=0, seconds_per_epoch=pytest.approx(6.0)) == found  # type: ignore[arg-type]


def test_fewer_threads_on_a_busy_machine_where_more_hinder_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = pace_with(monkeypatch, learning={2: 60.0, 1: 2.0}, loading=0.1, cores=2, threads=2)

    assert (1, 0) == (found.threads, found.workers)


def test_as_many_processes_as_loading_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace_with(monkeypatch, learning={16: 1.0, 13: 1.0}, loading=3.0, cores=16, threads=16)

    assert Pace(threads=13, workers=3, seconds_per_epoch=pytest.approx(1.0)) == found  # type: ignore[arg-type]


def test_no_process_for_what_is_loaded_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace_with(monkeypatch, learning={1: 1.0}, loading=0.1, cores=4, threads=1)

    assert 0 == found.workers


def test_the_threads_that_were_asked_for_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pace_with(monkeypatch, learning={2: 60.0}, loading=1.0, cores=2, threads=2, asked=True)

    assert 2 == found.threads


def test_measuring_takes_time_and_changes_nothing() -> None:
    images, config = few_digits(), replace(SETTINGS, threads=1)
    model = fresh_model(config, images.classes)
    before, state = weights_of(model), torch.get_rng_state()

    found = measured_pace(
        model,
        Classification(images.classes),
        training_images(config),
        images.split("val").samples,
        config,
        cores=1,
    )

    assert 0 < found.seconds_per_epoch < 60
    assert (1, 0) == (found.threads, found.workers)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights_of(model).items())
    assert torch.equal(state, torch.get_rng_state())


def test_the_first_time_which_loads_libraries_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], [0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def act() -> None:
        calls[0] += 1
        now[0] += 60.0 if calls[0] == 1 else 5.0

    assert 5.0 == timing._typically(act)
    assert 2 == calls[0]  # what takes long is timed but once
