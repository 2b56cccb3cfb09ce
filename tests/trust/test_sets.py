"""Intervals of a model that may give several classes: right on average, and by groups."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swinkit.data import Sample
from swinkit.tasks import MultiLabelEvaluation
from swinkit.tasks.multilabel import MultiLabel, average_precision, label_score
from swinkit.trust.answers import Answers
from swinkit.trust.assessment import MultiLabelAssessment
from swinkit.trust.files import sets_csv
from swinkit.trust.reweighted import Reweighted, mean_of
from swinkit.trust.reweighted import interval as interval_of
from swinkit.trust.sets import assess_sets

CLASSES = ("boat", "dog", "newt")


def assessed(pictures: int = 80, copies: int = 1, seed: int = 0) -> MultiLabelAssessment:
    answers, scored = evaluated(pictures, copies, seed)
    return assess_sets(scored, answers, [sample.name for sample in answers.samples])


def evaluated(pictures: int, copies: int = 1, seed: int = 0) -> tuple[Answers, MultiLabelEvaluation]:
    """Random answers that are often right. copies: pictures of a group, all alike."""
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
    return answers, task.evaluate(outputs, samples)


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
    random = np.random.default_rng(0)
    given = np.round(random.random(50), 1)  # many equal probabilities
    truth = (random.random(50) < 0.4).astype(float)
    truth[::7] = np.nan
    drawn = Reweighted([str(n) for n in range(50)], 0)
    score = label_score(*map(torch.from_numpy, (given, given >= 0.5, truth)), 0.5)

    precisions = drawn.average_precision(given, truth)

    assert precisions is not None
    assert score.average_precision == pytest.approx(precisions[0])
    assert score.f1 == pytest.approx(drawn.f1(given >= 0.5, truth)[0])


def test_a_few_pictures_that_were_all_found_prove_little() -> None:
    """Where the numbers themselves say 100 %, whatever the weights."""
    given, truth = np.linspace(1, 0, 40), np.array([1.0] * 3 + [0.0] * 37)
    drawn = Reweighted([str(n) for n in range(40)], 0)

    precision = interval_of(drawn.average_precision(given, truth), 1.0)
    f1 = interval_of(drawn.f1(given > given[3], truth), 1.0)

    assert precision is not None and 0.3 < precision.low < 0.8 and 1 == precision.high
    assert f1 is not None and 0.4 < f1.low < 0.9 and 1 == f1.high


@pytest.mark.parametrize(
    ("classes", "pictures", "lead"), [(1, 40, 4.0), (12, 26, 1.0)], ids=["one, well known", "many, hardly"]
)
def test_classes_with_few_pictures_have_an_interval_that_holds_the_truth(
    classes: int, pictures: int, lead: float
) -> None:
    """A fifth of the pictures has each. Random weights alone held it in 21 and in 35 of 100."""
    random = np.random.default_rng(0)

    def drawn(pictures: int) -> tuple[np.ndarray, np.ndarray]:
        truth = (random.random(pictures) < 0.2).astype(float)
        return random.normal(size=pictures) + lead * truth, truth

    truly = average_precision(*map(torch.from_numpy, drawn(100_000)))
    weights, held = Reweighted(list(map(str, range(pictures))), 0), 0
    for _ in range(50):
        each = [drawn(pictures) for _ in range(classes)]
        values = [average_precision(*map(torch.from_numpy, both)) for both in each]
        value = float(np.mean([one for one in values if one is not None]))
        found = interval_of(mean_of([weights.average_precision(*both) for both in each]), value)
        assert found is not None and truly is not None
        held += found.low <= truly <= found.high

    assert held >= 42


def test_a_mean_f1_over_many_classes_has_an_interval_that_holds_the_truth() -> None:
    """Nine tenths of few pictures are found and nothing else. Not moved to the mean: in half of the cases."""
    random = np.random.default_rng(0)
    weights, held = Reweighted(list(map(str, range(120))), 0), 0
    for _ in range(20):
        has = random.random((60, 120)) < 0.05
        given = has & (random.random(has.shape) < 0.9)
        each = zip(given[has.any(axis=1)], has[has.any(axis=1)].astype(float), strict=True)
        drawn = mean_of([weights.f1(*both) for both in each])
        assert drawn is not None
        found = interval_of(drawn, float(drawn[0]))
        assert found is not None
        held += found.low <= 2 * 0.9 / (1 + 0.9) <= found.high

    assert held >= 17


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    """The mean average precision of very many pictures of the same kind stands for the truth."""
    truth = evaluated(20_000)[1].mean_average_precision
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
