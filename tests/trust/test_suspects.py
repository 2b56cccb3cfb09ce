from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from swinkit.data import Sample, digits
from swinkit.engine.probe import Probe, fitted
from swinkit.tasks import Task
from swinkit.tasks.classification import Classification
from swinkit.trust.suspects import FOLDS, ranked, suspects

TASK = Classification(tuple("0123456789"))


def with_flips(
    samples: Sequence[Sample], classes: Sequence[str], share: float = 0.05
) -> tuple[list[Sample], set[str]]:
    """The samples with this share of their labels wrong, and the names of those."""
    rng = np.random.default_rng(0)
    wrong = set(rng.choice(len(samples), round(share * len(samples)), replace=False).tolist())
    flipped = [
        replace(one, label=str(rng.choice([name for name in classes if name != one.label])))
        if number in wrong
        else one
        for number, one in enumerate(samples)
    ]
    return flipped, {samples[number].name for number in wrong}


def pixels(samples: Sequence[Sample], side: int = 8) -> Tensor:
    """Grey pixels as features: they know no label at all."""
    rows = [torch.from_numpy(one.pixels(1).copy()).float().permute(2, 0, 1)[None] / 255 for one in samples]
    return torch.cat(
        [torch.nn.functional.interpolate(row, (side, side), mode="area").flatten(1) for row in rows]
    )


def precision_at_the_top(found: Sequence[str], wrong: set[str], count: int) -> float:
    return sum(name in wrong for name in found[:count]) / count


def test_of_the_most_doubtful_twentieth_most_are_the_ones_that_were_made_wrong() -> None:
    samples, wrong = with_flips(digits().samples[:400], TASK.classes)

    found = suspects(TASK, samples, pixels(samples)).suspects

    top = [one.image for one in found]
    assert precision_at_the_top(top, wrong, 20) >= 0.7
    truth = {one.name: one.label for one in digits().samples}
    right = [one.suggested == truth[one.image] for one in found[:20] if one.image in wrong]
    assert sum(right) / len(right) >= 0.8


def test_few_are_suspected_where_nothing_is_wrong() -> None:
    samples = digits().samples[:400]

    assert len(suspects(TASK, samples, pixels(samples)).suspects) <= 0.1 * len(samples)


def agreement(skipped: str | None) -> float:
    """With the labels, in percent, as the reason for leaving doubts out says."""
    found = re.match(r"others agree with (\d+)%", skipped or "")
    assert found is not None
    return float(found[1])


def test_a_picture_is_judged_by_others_alone() -> None:
    """Features that single out each picture would repeat whatever label they learnt."""
    samples = digits().samples[:100]

    assert agreement(suspects(TASK, samples, torch.eye(100)).skipped) < 30


@pytest.mark.parametrize("how", ["groups", "copies that were found", "the same pixels"])
def test_what_belongs_together_does_not_vouch_for_itself(how: str) -> None:
    """Two views of one thing under one wrong label would."""
    singles = digits().samples[:100]
    twins = [
        replace(one, name=f"{one.name} {view}", group=one.name if how == "groups" else None)
        for one in singles
        for view in ("a", "b")
    ]
    if how != "the same pixels":
        twins = [replace(one, source=one.pixels(1) ^ np.uint8(n % 2)) for n, one in enumerate(twins)]
    features = torch.eye(100).repeat_interleave(2, dim=0)
    known = [(f"{one.name} a", f"{one.name} b") for one in singles] if how == "copies that were found" else []

    found = suspects(TASK, twins, features, together=known)

    assert agreement(found.skipped) < 30


def test_a_class_that_is_one_film_cannot_be_judged_by_others() -> None:
    samples = [replace(one, group=f"film of {one.label}") for one in digits().samples[:100]]

    found = suspects(TASK, samples, pixels(samples))

    assert "a class has 1 pictures here, groups and copies counted once" in (found.skipped or "")


def test_features_that_tell_no_classes_apart_raise_no_doubts() -> None:
    samples = digits().samples[:100]

    found = suspects(TASK, samples, torch.eye(100))

    assert () == found.suspects
    assert "too few for their doubts to count" in (found.skipped or "")


def test_where_a_fifth_says_enough_the_rest_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    taught = []

    def counted(task: Task, features: Tensor, samples: Sequence[Sample]) -> Iterable[Probe]:
        taught.append(len(samples))
        return fitted(task, features, samples)

    monkeypatch.setattr("swinkit.trust.suspects.fitted", counted)
    samples = digits().samples[:100]

    suspects(TASK, samples, torch.eye(100))
    assert [80] == [round(count, -1) for count in taught]

    suspects(TASK, samples, pixels(samples))
    assert 1 + FOLDS == len(taught)


def test_classes_too_small_to_be_judged_are_said() -> None:
    samples = digits().samples[:12]

    found = suspects(TASK, samples, pixels(samples))

    assert () == found.suspects
    assert f"{FOLDS} are needed" in (found.skipped or "")


def test_what_resembles_another_class_as_much_as_its_own_pictures_do_comes_first() -> None:
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
    targets = np.array([0, 0, 0, 1, 1, 0])

    assert [(5, 1), (2, 1)] == ranked(shares, targets)
