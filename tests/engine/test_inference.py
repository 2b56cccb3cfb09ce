from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from swinkit.data import Sample
from swinkit.engine.inference import answers_of, outputs_of
from swinkit.errors import ConfigError, DataError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from tests.engine.small_runs import SETTINGS, few_digits

TASK = Classification(tuple("0123456789"))


@pytest.fixture(scope="module")
def model() -> Swin:
    return fresh_model(replace(SETTINGS, drop_path=0.5), TASK.classes)


def test_every_sample_comes_once_and_in_order_with_its_output(model: Swin) -> None:
    samples = few_digits().samples

    found = list(outputs_of(model, samples, batch=7))

    assert list(samples) == [sample for some, _ in found for sample in some]
    assert [7, 7, 7, 7, 7, 5] == [len(outputs) for _, outputs in found]
    one = model.eval()(model.preprocess(samples[9].pixels())[None])  # type: ignore[misc]
    assert torch.allclose(one[0], torch.cat([outputs for _, outputs in found])[9], atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_looking_is_without_chance_and_leaves_the_mode_as_it_was(model: Swin, training: bool) -> None:
    samples = few_digits().samples
    model.train(training)

    first, second = (torch.cat([o for _, o in outputs_of(model, samples)]) for _ in range(2))

    assert torch.equal(first, second)
    assert training == model.training


def test_a_sample_that_cannot_be_read_stops_unless_somebody_takes_it(model: Swin, tmp_path: Path) -> None:
    missing = Sample(name="gone", label="0", source=tmp_path / "gone.png")
    samples = [few_digits().samples[0], missing, few_digits().samples[1]]
    taken: list[str] = []

    found = list(outputs_of(model, samples, unreadable=lambda sample, error: taken.append(sample.name)))

    assert ["gone"] == taken
    assert [2] == [len(some) for some, _ in found]
    with pytest.raises(DataError, match="no such file"):
        list(outputs_of(model, samples))


def test_features_are_what_the_head_saw(model: Swin) -> None:
    assert model.head is not None
    for answered in answers_of(model, few_digits().samples, batch=16):
        assert (len(answered.samples), model.channels[-1]) == answered.features.shape
        with torch.inference_mode():
            assert torch.allclose(answered.outputs, model.head(answered.features), atol=1e-6)


def test_a_model_that_does_not_say_how_to_prepare_pictures_is_refused(model: Swin) -> None:
    other = Swin(model.config)

    with pytest.raises(ConfigError, match="how pictures are prepared"):
        list(outputs_of(other, few_digits().samples))
