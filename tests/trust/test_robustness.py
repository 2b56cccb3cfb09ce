from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data import Sample, digits
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from swinkit.trust.assess import UNKNOWN
from swinkit.trust.robustness import CHANGES, FEWEST, LARGE, chosen, seconds_to_change, shaken
from tests.engine.small_runs import SETTINGS

TASK = Classification(tuple("0123456789"))
RNG = np.random.default_rng(0)
PICTURE = Image.fromarray(RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def model() -> Swin:
    return fresh_model(SETTINGS, TASK.classes)


@pytest.mark.parametrize("name", CHANGES, ids=" ".join)
def test_a_change_keeps_the_size_changes_pixels_and_is_always_the_same(name: tuple[str, str]) -> None:
    changed, again = (np.asarray(CHANGES[name](PICTURE)) for _ in range(2))

    assert (40, 60, 3) == changed.shape
    assert not np.array_equal(changed, np.asarray(PICTURE))
    assert np.array_equal(changed, again)
    assert (40, 60) == np.asarray(CHANGES[name](PICTURE.convert("L"))).shape


def test_every_change_is_scored_and_first_the_pictures_as_they_are(model: Swin) -> None:
    samples = digits().samples[:40]
    found = shaken(model, TASK, UNKNOWN, samples)

    assert [("nothing", "the same pictures"), *CHANGES] == [(one.change, one.level) for one in found]
    assert {40} == {one.pictures for one in found}
    assert found == shaken(model, TASK, UNKNOWN, samples[::-1])


def test_a_costly_model_gets_fewer_pictures_of_all_classes(
    model: Swin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swinkit.trust.robustness.OPERATIONS", 1.0)

    some = chosen(model, digits().samples)

    assert FEWEST == len(some)
    assert set(TASK.classes) == {sample.label for sample in some}


def test_pictures_that_are_no_photographs_are_left_alone(model: Swin) -> None:
    deep = Sample(name="deep", label="3", source=np.zeros((8, 8, 3), np.uint16))

    assert () == shaken(model, TASK, UNKNOWN, [deep])
    both = shaken(model, TASK, UNKNOWN, [deep, replace(digits().samples[0])])
    assert {1} == {one.pictures for one in both}


def test_large_photographs_are_decoded_once_and_changed_as_small_as_the_model_sees_them(
    model: Swin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    PICTURE.resize((900, 600)).save(tmp_path / "large.png")
    seen, opened = [], []
    read = Sample.pixels
    changes = {
        ("size", str(level)): lambda picture: seen.append(picture.size) or picture for level in range(3)
    }
    monkeypatch.setattr("swinkit.trust.robustness.CHANGES", changes)
    monkeypatch.setattr(
        Sample, "pixels", lambda self, *a, **k: opened.append(type(self.source)) or read(self, *a, **k)
    )

    shaken(model, TASK, UNKNOWN, [Sample(name="large", label="3", source=tmp_path / "large.png")])

    assert [(1.5 * LARGE, LARGE)] * 3 == seen
    assert 1 == sum(issubclass(kind, Path) for kind in opened)


def test_the_time_for_changes_grows_with_the_pictures(model: Swin, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 2.0])
    monkeypatch.setattr("swinkit.trust.robustness.time.perf_counter", lambda: next(ticks))

    assert 80.0 == seconds_to_change(model, digits().samples[:40])
