from __future__ import annotations

import json
from dataclasses import replace

import pytest

from swinkit.data.mixing import Mixing
from swinkit.engine.settings import TrainConfig
from swinkit.errors import ConfigError
from tests.engine.small_runs import SETTINGS


def through_json(config: TrainConfig) -> dict[str, object]:
    values: dict[str, object] = json.loads(json.dumps(config.to_dict()))
    return values


@pytest.mark.parametrize(
    "config",
    [
        SETTINGS,
        replace(
            SETTINGS,
            mixing=Mixing(cutmix=0.0),
            resize_to=(18, 18),
            layer_decay=0.8,
            data="pictures",
            kernel="reference",
        ),
    ],
    ids=["few", "many"],
)
def test_settings_read_back_equal_what_was_written(config: TrainConfig) -> None:
    assert config == TrainConfig.from_dict(through_json(config))


def test_unknown_and_missing_names_are_told_together() -> None:
    values = through_json(SETTINGS)
    del values["lr"]
    values["learning_rate"] = 1.0

    with pytest.raises(ConfigError, match="unknown learning_rate; missing lr"):
        TrainConfig.from_dict(values)


def test_an_unknown_kind_of_augmentation_is_refused() -> None:
    values = through_json(SETTINGS)
    values["augmentation"] = {**SETTINGS.to_dict()["augmentation"], "solarise": 1}

    with pytest.raises(ConfigError, match="unknown solarise"):
        TrainConfig.from_dict(values)


def test_impossible_values_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        replace(SETTINGS, epochs=0, lr=-1.0, label_smoothing=1.5, precision="fp16")  # type: ignore[arg-type]

    for part in ("epochs = 0", "lr = -1.0", "label_smoothing = 1.5", "precision = 'fp16'"):
        assert part in caught.value.message
