from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.errors import DataError
from swinkit.tasks import TASKS, Evaluation
from swinkit.tasks.classification import Classification, ClassificationScores


def samples(labels: str) -> list[Sample]:
    return [
        Sample(name=f"{number}.png", label=label, source=np.zeros((1, 1, 3), np.uint8))
        for number, label in enumerate(labels)
    ]


def outputs_for(answers: str, classes: str, certainty: float = 3.0) -> torch.Tensor:
    """Logits whose largest is that of the given answer."""
    return torch.stack([F.one_hot(torch.tensor(classes.index(a)), len(classes)) for a in answers]) * certainty


def evaluation(truth: str, answers: str, classes: str) -> Evaluation:
    return Classification(tuple(classes)).evaluate(outputs_for(answers, classes), samples(truth))


def numbers(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    scores = ClassificationScores(outputs.shape[1])
    scores.add(outputs, targets)
    return scores.result()


@pytest.mark.parametrize("classes", [2, 5, 6, 30])
def test_scores_agree_with_scikit_learn_and_torchmetrics(classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    outputs, targets = torch.randn(200, classes), torch.randint(0, classes, (200,))
    answers = outputs.argmax(dim=1)
    task = Classification(tuple(f"class {number}" for number in range(classes)))

    found = task.evaluate(
        outputs, [Sample(name="", label=task.classes[t], source=np.zeros(0)) for t in targets]
    )

    assert metrics.accuracy_score(targets, answers) == pytest.approx(found.accuracy)
    assert metrics.balanced_accuracy_score(targets, answers) == pytest.approx(found.balanced_accuracy)
    assert multiclass_confusion_matrix(answers, targets, classes).tolist() == [
        list(r) for r in found.confusion
    ]
    precision, recall, f1, pictures = metrics.precision_recall_fscore_support(
        targets, answers, labels=range(classes), zero_division=np.nan
    )
    for number, score in enumerate(found.per_class.values()):
        expected = (pictures[number], recall[number], precision[number], f1[number])
        given = (score.pictures, score.recall, score.precision, score.f1)
        assert np.allclose(expected, [np.nan if v is None else v for v in given], equal_nan=True)
    if classes > 5:
        top = metrics.top_k_accuracy_score(targets, outputs, k=5, labels=range(classes))
        assert top == pytest.approx(found.top5)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_top_5_says_nothing_with_five_classes_or_fewer(classes: int) -> None:
    outputs, targets = torch.randn(10, classes), torch.zeros(10, dtype=torch.long)

    assert "top5" not in numbers(outputs, targets)


def test_balanced_accuracy_is_over_the_classes_that_have_pictures() -> None:
    found = evaluation(truth="aaab", answers="aabb", classes="abc")  # no c at all

    assert 3 / 4 == found.accuracy
    assert (2 / 3 + 1) / 2 == pytest.approx(found.balanced_accuracy)


def test_what_cannot_be_said_of_a_class_is_none() -> None:
    found = evaluation(truth="aab", answers="aaa", classes="abc").per_class

    assert (2, 1.0, 2 / 3) == (found["a"].pictures, found["a"].recall, found["a"].precision)
    assert (1, 0.0, None, 0.0) == (
        found["b"].pictures,
        found["b"].recall,
        found["b"].precision,
        found["b"].f1,
    )
    assert (0, None, None, None) == (
        found["c"].pictures,
        found["c"].recall,
        found["c"].precision,
        found["c"].f1,
    )


def test_true_classes_are_the_rows_of_the_confusion() -> None:
    assert ((1, 2), (0, 3)) == evaluation(truth="aaabbb", answers="abbbbb", classes="ab").confusion


def test_scores_do_not_depend_on_how_pictures_are_put_into_batches() -> None:
    outputs, targets = torch.randn(37, 7), torch.randint(0, 7, (37,))
    parts = ClassificationScores(7)
    for first in range(0, 37, 5):
        parts.add(outputs[first : first + 5], targets[first : first + 5])

    assert numbers(outputs, targets) == parts.result()


def test_the_loss_that_is_reported_is_plain_cross_entropy() -> None:
    outputs, targets = torch.randn(9, 4), torch.randint(0, 4, (9,))

    assert F.cross_entropy(outputs, targets).item() == pytest.approx(numbers(outputs, targets)["loss"])


def test_label_smoothing_spreads_a_share_of_the_target_evenly() -> None:
    task, outputs = Classification(("a", "b", "c", "d")), torch.randn(3, 4)
    soft = torch.full((3, 4), 0.1 / 4)
    soft[torch.arange(3), torch.tensor([0, 1, 2])] += 0.9

    found = task.loss(outputs, torch.tensor([0, 1, 2]), label_smoothing=0.1)

    assert F.cross_entropy(outputs, soft).item() == pytest.approx(found.item())


def test_the_loss_of_half_precision_outputs_is_computed_in_single() -> None:
    task, outputs = Classification(("a", "b")), torch.randn(3, 2).bfloat16()

    assert torch.float32 == task.loss(outputs, torch.tensor([0, 1, 1]), label_smoothing=0.1).dtype


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"balanced_accuracy": 0.9, "loss": 2.0}, {"balanced_accuracy": 0.8, "loss": 0.1}),
        ({"balanced_accuracy": 0.9, "loss": 0.1}, {"balanced_accuracy": 0.9, "loss": 0.2}),
    ],
    ids=["by balanced accuracy", "ties by loss"],
)
def test_epochs_are_ranked(better: dict[str, float], worse: dict[str, float]) -> None:
    task = Classification(("a", "b"))

    assert task.rank(better) > task.rank(worse)


def test_answers_are_names_with_probabilities_the_best_first() -> None:
    best = Classification(("ant", "bee", "cow")).decode(torch.tensor([[1.0, 3.0, 2.0]]), top=2)

    assert [["bee", "cow"]] == [list(answer) for answer in best]
    assert math.e**3 / (math.e + math.e**2 + math.e**3) == pytest.approx(best[0]["bee"], rel=1e-6)


def test_more_answers_than_classes_are_all_classes() -> None:
    assert [["a", "b"]] == [
        list(best) for best in Classification(("a", "b")).decode(torch.zeros(1, 2), top=5)
    ]


def test_equal_outputs_are_told_apart_the_same_way_everywhere() -> None:
    """A head of zeros, as fine-tuning begins with, makes every class equally probable."""
    task, outputs = Classification(tuple("abcdefgh")), torch.zeros(40, 8)

    found = task.evaluate(outputs, samples("a" * 40))

    assert {"a"} == {prediction.label for prediction in found.predictions}
    assert 1.0 == found.accuracy == found.top5


def test_a_label_that_is_no_class_is_named() -> None:
    with pytest.raises(DataError, match="zebra"):
        Classification(("ant", "bee")).targets([Sample(name="", label="zebra", source=np.zeros(0))])


def test_no_pictures_at_all_cannot_be_scored() -> None:
    with pytest.raises(DataError, match="no pictures"):
        ClassificationScores(3).result()


def test_an_evaluation_is_plain_json_without_the_single_pictures() -> None:
    values = json.loads(json.dumps(evaluation("aab", "aba", "ab").to_dict(), allow_nan=False))

    assert {"accuracy", "balanced_accuracy", "per_class", "confusion", "classes"} <= values.keys()
    assert "predictions" not in values
    assert [[1, 1], [1, 0]] == values["confusion"]


def test_the_table_of_tasks_makes_what_it_names() -> None:
    for name, make in TASKS.items():
        with warnings.catch_warnings():
            task = make(["a", "b"])
        assert (name, ("a", "b")) == (task.name, task.classes)
