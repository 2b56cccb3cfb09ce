"""Any number of classes for each picture: the loss, thresholds and scores, with labels that nobody knows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.data.loader import Images, train_loader
from swinkit.errors import ConfigError, DataError
from swinkit.tasks import TASKS
from swinkit.tasks.multilabel import MultiLabel, average_precision, best_threshold
from tests.data.pictures_for_tests import Unvaried

NAN = float("nan")
CLASSES = ("boat", "dog", "person")
TASK = MultiLabel(CLASSES)


def sample(name: str, *labels: str, unknown: tuple[str, ...] = ()) -> Sample:
    return Sample(name=name, label=None, labels=labels, unknown=unknown, source=np.zeros((2, 2, 3), np.uint8))


FOUR = [
    sample("1", "boat", "dog"),
    sample("2", "person", unknown=("dog",)),
    sample("3"),
    sample("4", "person", "boat"),
]


def random_answers(pictures: int = 60, unknown: float = 0.0) -> tuple[torch.Tensor, list[Sample]]:
    random = np.random.default_rng(1)
    samples = []
    for number in range(pictures):
        truth, known = random.random(3) < (0.5, 0.2, 0.7), random.random(3) >= unknown
        samples.append(
            sample(
                str(number),
                *(c for c, yes, said in zip(CLASSES, truth, known, strict=True) if yes and said),
                unknown=tuple(c for c, said in zip(CLASSES, known, strict=True) if not said),
            )
        )
    outputs = torch.from_numpy(random.normal(size=(pictures, 3))) + 1.5 * TASK.targets(samples).nan_to_num()
    return outputs, samples


def test_targets_are_yes_no_or_unknown_for_each_class() -> None:
    expected = torch.tensor([[1, 1, 0], [0, NAN, 1], [0, 0, 0], [1, 0, 1]], dtype=torch.float32)

    torch.testing.assert_close(expected, TASK.targets(FOUR), equal_nan=True)


def test_a_loader_gives_the_same_targets() -> None:
    images = Images(samples=FOUR, classes=CLASSES, transform=Unvaried(lambda p: torch.zeros(3, 2, 2)))

    items = [images[number] for number in range(4)]

    torch.testing.assert_close(TASK.targets(FOUR), torch.tensor([i[1] for i in items]), equal_nan=True)


def test_a_label_that_is_no_class_is_named() -> None:
    with pytest.raises(DataError, match="no class of this model: zebra"):
        TASK.targets([sample("1", "zebra")])
    with pytest.raises(DataError, match="zebra"):
        Images(samples=[sample("1", "zebra")], classes=CLASSES, transform=Unvaried(torch.tensor))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_binary_cross_entropy_with_targets_drawn_towards_a_half(smoothing: float) -> None:
    outputs, targets = torch.randn(4, 3), (torch.rand(4, 3) > 0.5).float()

    found = TASK.loss(outputs, targets, label_smoothing=smoothing)

    smoothed = targets * (1 - smoothing) + smoothing / 2
    torch.testing.assert_close(F.binary_cross_entropy_with_logits(outputs, smoothed), found)


def test_what_nobody_knows_has_no_gradient() -> None:
    outputs = torch.randn(4, 3, requires_grad=True)

    TASK.loss(outputs, TASK.targets(FOUR), label_smoothing=0.1).backward()

    assert outputs.grad is not None
    assert torch.equal(TASK.targets(FOUR).isnan(), outputs.grad == 0)


def test_a_loss_of_parts_adds_up_to_the_loss_of_the_whole() -> None:
    outputs = torch.randn(4, 3)

    whole = TASK.loss(outputs, TASK.targets(FOUR), label_smoothing=0.0)
    parts = [
        TASK.loss(outputs[i : i + 2], TASK.targets(FOUR[i : i + 2]), label_smoothing=0.0) for i in (0, 2)
    ]

    assert whole.item() == pytest.approx(sum(parts).item() / 2, rel=1e-6)


def test_blended_pictures_have_both_sets_in_their_shares_and_smoothing_is_done_once() -> None:
    from swinkit.data.mixing import Blend

    own, other, outputs = torch.tensor([[1.0, 0, 0]]), torch.tensor([[0.0, 1, NAN]]), torch.zeros(1, 3)

    blended = Blend(0.75).answers(TASK.shares(own), TASK.shares(other))

    torch.testing.assert_close(torch.tensor([[0.75, 0.25, NAN]]), blended, equal_nan=True)
    assert TASK.loss(outputs, blended, label_smoothing=0.1).isfinite()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
        lambda pairs: any(yes for _, yes in pairs)
    )
)
def test_average_precision_is_scikit_learns_also_where_scores_are_equal(pairs) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, truth = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))

    found = average_precision(torch.from_numpy(scores), torch.from_numpy(truth))

    assert metrics.average_precision_score(truth, scores) == pytest.approx(found)


def test_a_class_that_no_picture_has_has_no_average_precision() -> None:
    assert average_precision(torch.rand(3), torch.tensor([0.0, 0.0, NAN])) is None


@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_an_evaluation_agrees_with_scikit_learn_on_what_is_known(unknown: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    outputs, samples = random_answers(unknown=unknown)
    task = TASK.chosen_on(outputs, samples)

    found = task.evaluate(outputs, samples)

    targets = TASK.targets(samples)
    for index, (name, score) in enumerate(found.per_class.items()):
        known = ~targets[:, index].isnan()
        truth = targets[known, index].numpy()
        shares = outputs[known, index].sigmoid().numpy()
        said = shares >= score.threshold
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, said, average="binary")
        expected = (metrics.average_precision_score(truth, shares), precision, recall, f1)
        given = (score.average_precision, score.precision, score.recall, score.f1)
        assert given == pytest.approx(expected), name
        assert (truth.sum(), (1 - truth).sum()) == (score.pictures, score.without)
    scores = task.scores()
    scores.add(outputs[:25], targets[:25])
    scores.add(outputs[25:], targets[25:])
    assert scores.result()["mean_average_precision"] == pytest.approx(found.mean_average_precision)
    assert scores.result()["loss"] == pytest.approx(found.loss)
    averages = [score.average_precision for score in found.per_class.values()]
    assert np.mean(averages) == pytest.approx(found.mean_average_precision)


def test_pictures_are_exactly_right_when_their_set_is() -> None:
    outputs = torch.tensor([[9.0, 9, -9], [-9, 9, 9], [-9, -9, -9], [9, -9, -9]])

    found = TASK.evaluate(outputs, FOUR)

    assert 2 / 3 == pytest.approx(found.exact)  # one of the four has an unknown label
    assert [("boat", "dog"), ("dog", "person"), (), ("boat",)] == [
        tuple(sorted(said.labels or ())) for said in found.predictions
    ]
    assert found.answers[0] == ("boat", "dog")
    json.dumps(found.to_dict())


def test_no_threshold_does_better_on_f1_than_the_chosen_one() -> None:
    outputs, samples = random_answers(unknown=0.2)
    shares, targets = outputs.sigmoid(), TASK.targets(samples)

    for index in range(3):
        known = ~targets[:, index].isnan()
        given, truth = shares[known, index], targets[known, index]

        def f1(threshold: float, given=given, truth=truth) -> float:
            said = given >= threshold
            return float(2 * (said & (truth == 1)).sum() / (said.sum() + truth.sum()))

        chosen = best_threshold(shares[:, index], targets[:, index])
        assert f1(chosen) == pytest.approx(max(f1(float(each)) for each in given))


@pytest.mark.parametrize("truth", [[0.0, 0.0], [1.0, 1.0], [NAN, NAN]])
def test_a_threshold_that_cannot_be_chosen_is_a_half(truth: list[float]) -> None:
    assert 0.5 == best_threshold(torch.tensor([0.2, 0.9]), torch.tensor(truth))


def test_thresholds_chosen_on_rare_classes_find_more_than_a_half_does() -> None:
    """The test that fails without them: a class whose probabilities are low, but rightly ordered."""
    truth = torch.tensor([1.0] * 10 + [0.0] * 90)
    outputs = torch.where(truth == 1, -1.0, -4.0)[:, None]
    samples = [sample(str(n), *(["dog"] if yes else [])) for n, yes in enumerate(truth.tolist())]
    task = MultiLabel(("dog",))

    without = task.evaluate(outputs, samples).per_class["dog"]
    chosen = task.chosen_on(outputs, samples).evaluate(outputs, samples).per_class["dog"]

    assert (0.0, 1.0) == (without.recall, chosen.recall)
    assert 1.0 == chosen.f1 == chosen.average_precision


def test_classes_with_few_pictures_share_a_threshold() -> None:
    """Of a class that a model knows nothing about, F1 on two pictures is best if it is always given."""
    common, rare = range(40), (60, 90)
    samples = [
        sample(str(n), *(["common"] if n in common else []), *(["rare"] if n in rare else []))
        for n in range(100)
    ]
    outputs = torch.stack([torch.linspace(4, -4, 100), torch.linspace(2, -2, 100)], dim=1)
    task = MultiLabel(("common", "rare")).chosen_on(outputs, samples)

    found = task.evaluate(outputs, samples)

    (own, shared), (of_common, of_rare) = task.thresholds or (), outputs.double().sigmoid().T
    targets = task.targets(samples)
    assert best_threshold(of_common, targets[:, 0]) == own
    assert best_threshold(of_rare, targets[:, 1]) < 0.2 < shared
    assert sum("rare" in (said.labels or ()) for said in found.predictions) < 50


def test_thresholds_travel_by_the_names_of_the_classes() -> None:
    outputs, samples = random_answers()
    task = TASK.chosen_on(outputs, samples)

    facts = json.loads(json.dumps(task.facts()))
    found = TASKS["multilabel"](CLASSES[::-1]).knowing(facts)

    assert task.thresholds is not None
    assert isinstance(found, MultiLabel)
    assert task.thresholds[::-1] == found.thresholds


def test_a_prediction_is_a_set_with_the_most_probable_classes_beside_it() -> None:
    task = MultiLabel(CLASSES, thresholds=(0.9, 0.1, 0.5))

    outputs = torch.tensor([[1.0, -1.0, 2.0], [0, -4, -1]])

    assert [("person", "dog"), ()] == task.sets(outputs)
    assert [["person", "boat"], ["boat", "person"]] == [list(best) for best in task.decode(outputs, top=2)]
    assert 1 / (1 + np.exp(-2)) == pytest.approx(task.decode(outputs, top=1)[0]["person"])


def test_weights_balance_each_class_against_its_absence() -> None:
    samples = [sample("1", "dog"), *(sample(str(n), "person") for n in range(3))]

    task = MultiLabel(("dog", "person")).against("weights", samples)

    assert (3.0, 1 / 3) == pytest.approx(task.weights)


def test_logit_adjustment_adds_the_log_odds_of_each_class() -> None:
    samples = [sample("1", "dog"), *(sample(str(n), "person") for n in range(3))]

    task = MultiLabel(("dog", "person")).against("logit-adjust", samples)

    shifted = task.loss(torch.zeros(1, 2), torch.tensor([[1.0, 1.0]]), label_smoothing=0.0)
    assert -np.log([0.25, 0.75]).mean() == pytest.approx(shifted.item(), rel=1e-6)


def test_a_sampler_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="cannot be drawn") as refusal:
        TASK.against("sampler", FOUR)

    assert "weights" in str(refusal.value.hint)


def test_epochs_are_ranked_by_mean_average_precision_and_ties_by_loss() -> None:
    assert TASK.rank({"mean_average_precision": 0.9, "loss": 2.0}) > TASK.rank(
        {"mean_average_precision": 0.8, "loss": 0.1}
    )
    assert TASK.rank({"mean_average_precision": 0.9, "loss": 0.1}) > TASK.rank(
        {"mean_average_precision": 0.9, "loss": 0.2}
    )


def test_batches_of_several_labels_come_out_of_the_loader() -> None:
    images = Images(samples=FOUR, classes=CLASSES, transform=Unvaried(lambda p: torch.zeros(3, 2, 2)))

    batch = next(iter(train_loader(images, epochs=[0], batch=4)))

    expected = TASK.targets([FOUR[index] for index in batch.samples.tolist()])
    torch.testing.assert_close(expected, batch.targets, equal_nan=True)
