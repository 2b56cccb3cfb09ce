"""Intervals of a model that may give several classes: right on average, and by groups."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swinkit.data import Sample
from swinkit.tasks.multilabel import MultiLabel
from swinkit.trust.answers import Answers
from swinkit.trust.assessment import MultiLabelAssessment
from swinkit.trust.files import sets_csv
from swinkit.trust.sets import assess_sets

CLASSES = ("boat", "dog", "newt")


def assessed(pictures: int = 80, copies: int = 1, seed: int = 0) -> MultiLabelAssessment:
    """Of random answers that are often right. copies: pictures of a group, all alike."""
    random = np.random.default_rng(seed)
    truth = random.random((pictures, 2)) < (0.5, 0.3)
    scores = random.normal(size=(pictures, 3))
    scores[:, :2] += 1.5 * truth
    samples = tuple(
        Sample(
            name=f"{number}-{copy}",
            label=None,
            labels=tuple(name for name, yes in zip(CLASSES[:2], row, strict=True) if yes),
            unknown=("dog",) if number % 7 == 0 else (),
            group=str(number) if copies > 1 else None,
            source=np.zeros((1, 1, 3), np.uint8),
        )
        for number, row in enumerate(truth)
        for copy in range(copies)
    )
    samples = tuple(sample if not sample.unknown else _without(sample, "dog") for sample in samples)
    outputs = torch.from_numpy(scores).repeat_interleave(copies, dim=0)
    answers = Answers(samples=samples, outputs=outputs, looks=torch.zeros(0), features=torch.zeros(0))
    task = MultiLabel(CLASSES).chosen_on(outputs, samples)
    return assess_sets(task.evaluate(outputs, samples), answers, [s.name for s in samples])


def _without(sample: Sample, name: str) -> Sample:
    from dataclasses import replace

    return replace(sample, labels=tuple(each for each in sample.labels or () if each != name))


def test_numbers_lie_within_their_intervals_and_absent_classes_have_none() -> None:
    found = assessed()

    numbers = found.evaluation
    for interval, value in (
        (found.mean_average_precision, numbers.mean_average_precision),
        (found.f1, numbers.f1),
        (found.per_class["boat"].average_precision, numbers.per_class["boat"].average_precision),
        (found.per_class["dog"].f1, numbers.per_class["dog"].f1),
    ):
        assert interval is not None and value is not None
        assert interval.low < value == interval.value < interval.high
    assert found.per_class["newt"].average_precision is None


def test_more_pictures_make_narrower_intervals_and_copies_do_not() -> None:
    def width(found: MultiLabelAssessment) -> float:
        assert found.mean_average_precision is not None
        return found.mean_average_precision.high - found.mean_average_precision.low

    few, many, copied = assessed(80), assessed(720), assessed(80, copies=9)

    assert width(few) / width(many) == pytest.approx(3, rel=0.3)
    assert width(few) / width(copied) == pytest.approx(1, rel=0.2)


def test_weights_of_one_each_give_the_number_itself() -> None:
    """The draws are of the same formula as the number."""
    from swinkit.tasks.multilabel import average_precision
    from swinkit.trust.sets import _Drawn

    random = np.random.default_rng(0)
    given, has = np.round(random.random(50), 1), random.random(50) < 0.4  # many equal probabilities
    samples = [Sample(name=str(n), label=None, labels=(), source=np.zeros(0)) for n in range(50)]
    drawn = _Drawn(np.ones(50, bool), samples, 0)
    drawn._weights = lambda: iter([np.ones((1, 50))])  # type: ignore[method-assign]

    expected = average_precision(torch.from_numpy(given), torch.from_numpy(has.astype(float)))

    assert expected == pytest.approx(drawn.average_precision(given, has)[0])


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    """The mean average precision of very many pictures of the same kind stands for the truth."""
    truth = assessed(20_000).evaluation.mean_average_precision
    held = 0
    for seed in range(40):
        interval = assessed(150, seed=seed + 1).mean_average_precision
        assert interval is not None and truth is not None
        held += interval.low <= truth <= interval.high

    assert held >= 34


def test_every_picture_has_a_line_with_all_that_was_said() -> None:
    found = assessed(3)

    header, first, *_ = sets_csv(found).splitlines()

    assert header.startswith("image,labels,unknown,predicted,unsure,strangeness,group,content,p(boat),p(dog)")
    assert first.startswith("0-0,")
    assert len(found.pictures) == 3
