from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from swinkit.errors import CheckpointError
from swinkit.trust.answers import Answers
from swinkit.trust.caution import KEY, Caution, caution_of, chosen_caution

RNG = np.random.default_rng(0)


def chosen(count: int) -> Caution:
    targets = np.arange(count) % 3
    outputs = 3 * np.eye(3)[targets] + RNG.normal(0, 1.5, (count, 3))
    return chosen_caution(answers(outputs), torch.tensor(targets), on="val")


def answers(outputs: np.ndarray) -> Answers:
    count = len(outputs)
    return Answers(
        samples=(),
        outputs=torch.tensor(outputs),
        looks=torch.randn(count, 4),
        features=torch.randn(count, 5),
    )


def test_a_file_says_again_what_was_chosen() -> None:
    caution = chosen(150)

    assert caution == caution_of(json.loads(json.dumps({KEY: caution.to_dict()})))
    assert "val, 150 pictures" == caution.fitted_on
    assert caution.familiar is not None and caution.unsure_below is not None


def test_too_few_pictures_choose_nothing_and_the_reason_is_said() -> None:
    caution = chosen(99)

    assert (1.0, None, None) == (caution.temperature, caution.unsure_below, caution.familiar)
    assert "val has 99 pictures, and a temperature needs 100" == caution.skipped
    outputs = torch.randn(4, 3)
    assert torch.equal(outputs, caution.calibrated(outputs))


def test_where_pictures_have_several_classes_only_the_pictures_are_learnt() -> None:
    caution = chosen_caution(answers(RNG.normal(0, 1, (120, 3))), torch.zeros(120, 3), on="val")

    assert (1.0, None) == (caution.temperature, caution.unsure_below)
    assert "threshold of its own" in (caution.skipped or "")
    assert caution.familiar is not None


def test_an_improbable_answer_and_a_strange_picture_are_unsure() -> None:
    caution = Caution(unsure_below=0.6)

    assert [True, False, True, False] == [
        caution.is_unsure(0.5, None),
        caution.is_unsure(0.6, None),
        caution.is_unsure(0.9, 1.2),
        caution.is_unsure(0.9, 0.9),
    ]
    assert not Caution().is_unsure(0.01, None)


def test_a_file_that_states_nothing_is_taken_at_its_word() -> None:
    caution = caution_of({})

    assert 1.0 == caution.temperature
    assert "no temperature" in (caution.skipped or "")
    assert [None, None] == caution.strangeness(torch.zeros(2, 3), torch.zeros(2, 4))


def test_a_file_that_states_it_otherwise_is_refused_in_a_sentence() -> None:
    with pytest.raises(CheckpointError, match="in a way unknown here"):
        caution_of({KEY: {"temperature": 1.0, "heat": 3, "familiar": None}})
