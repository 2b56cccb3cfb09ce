from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from swinkit.data import Sample
from swinkit.data.loader import Batch
from swinkit.engine.feed import Feed
from swinkit.errors import DataError
from tests.data.pictures_for_tests import save
from tests.engine.small_runs import SETTINGS, training_images

STEPS = 8


def equal(one: Batch, other: Batch) -> bool:
    return torch.equal(one.samples, other.samples) and torch.equal(one.pixels, other.pixels)


def test_a_process_that_is_killed_costs_a_line_and_no_picture() -> None:
    list(DataLoader([1, 2], num_workers=1))  # leaves a handler behind that raises wherever the program is
    said: list[str] = []
    undisturbed = Feed(training_images(SETTINGS), SETTINGS, step=0, say=said.append)
    config = replace(SETTINGS, workers=2)
    feed = Feed(training_images(config), config, step=0, say=said.append)

    for step in range(STEPS):
        if step == 1:  # early enough: what was fetched ahead would last to the end
            os.kill(feed._batches._workers[0].pid, signal.SIGKILL)  # type: ignore[attr-defined]
        assert equal(undisturbed.next(), feed.next())

    assert ["a process that loads pictures has died; going on with 1"] == said


@pytest.mark.parametrize(
    "failure", [ConnectionResetError, ConnectionRefusedError, EOFError, FileNotFoundError]
)
def test_a_process_that_dies_while_it_hands_over_a_batch_costs_no_picture_either(
    failure: type[Exception],
) -> None:
    def handing_over() -> Iterator[Batch]:
        raise failure
        yield

    said: list[str] = []
    undisturbed = Feed(training_images(SETTINGS), SETTINGS, step=0, say=said.append)
    config = replace(SETTINGS, workers=1)
    feed = Feed(training_images(config), config, step=0, say=said.append)
    feed._batches = handing_over()

    assert equal(undisturbed.next(), feed.next())
    assert ["a process that loads pictures has died; going on with 0"] == said


def test_it_begins_at_any_step() -> None:
    whole = Feed(training_images(SETTINGS), SETTINGS, step=0, say=print)
    batches = [whole.next() for _ in range(STEPS)]

    rest = Feed(training_images(SETTINGS), SETTINGS, step=5, say=print)

    assert all(equal(batch, rest.next()) for batch in batches[5:])


def test_the_time_of_waiting_is_counted() -> None:
    feed = Feed(training_images(SETTINGS), SETTINGS, step=0, say=print)

    feed.next()

    assert feed.waited > 0


def feed_of_files(folder: Path, *, bad: int) -> tuple[Feed, list[str]]:
    """Twenty pictures of which some vanish after they were listed."""
    paths = [save(folder / f"{number}.png", seed=number) for number in range(20)]
    images = replace(
        training_images(SETTINGS),
        samples=[Sample(name=path.name, label="1", source=path) for path in paths],
    )
    for path in paths[:bad]:
        path.unlink()
    said: list[str] = []
    return Feed(images, SETTINGS, step=0, say=said.append), said


def test_a_picture_that_vanished_is_named_once(tmp_path: Path) -> None:
    feed, said = feed_of_files(tmp_path, bad=1)

    for _ in range(6):  # two epochs
        feed.next()

    (line,) = said
    assert line.startswith(f"left out {tmp_path}/0.png: ")


def test_too_many_vanished_pictures_stop_the_training(tmp_path: Path) -> None:
    feed, _ = feed_of_files(tmp_path, bad=6)

    with pytest.raises(DataError, match="6 of 20 pictures can no longer be read"):
        for _ in range(3):
            feed.next()
