"""Remedies for classes of unequal size: when one is chosen, what it computes, and that a rare class gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from swinkit.data import Sample
from swinkit.tasks.classification import Classification
from swinkit.tasks.imbalance import class_weights, log_shares, remedy


def samples(counts: dict[str, int]) -> list[Sample]:
    return [
        Sample(name=f"{label}/{number}", label=label, source=np.zeros((1, 1, 3), np.uint8))
        for label, count in counts.items()
        for number in range(count)
    ]


def test_nothing_is_done_below_five_to_one() -> None:
    assert ("none", None) == remedy({"cat": 49, "dog": 10})


def test_from_five_to_one_the_remedy_and_its_reason_are_said() -> None:
    chosen, why = remedy({"cat": 50, "dog": 10, "newt": 20})

    assert "logit-adjust" == chosen
    assert why is not None
    assert "cat has 50 pictures and dog 10, 5.0 to 1" in why
    assert "--imbalance none" in why


@pytest.mark.parametrize("asked", ["weights", "sampler", "logit-adjust", "none"])
def test_what_is_asked_for_is_done_at_any_ratio(asked: str) -> None:
    chosen, why = remedy({"cat": 11, "dog": 10}, asked)  # type: ignore[arg-type]

    assert asked == chosen
    assert why is not None and why.endswith("as asked")


@pytest.mark.parametrize("counts", [{}, {"cat": 5}, {"cat": 50, "dog": 0}])
def test_with_fewer_than_two_classes_there_is_nothing_to_balance(counts: dict[str, int]) -> None:
    assert ("none", None) == remedy(counts, "weights")


def test_weights_are_inverse_to_the_sizes_and_one_on_average_over_the_pictures() -> None:
    counts = [30, 10, 0, 2]

    weights = class_weights(counts)

    assert 3.0 == pytest.approx(weights[1] / weights[0])
    assert 0.0 == weights[2]
    assert 1.0 == pytest.approx(sum(w * n for w, n in zip(weights, counts, strict=True)) / 42)


def test_a_weighted_loss_is_the_sum_of_weighted_losses_over_the_pictures() -> None:
    task = Classification(("a", "b")).against("weights", samples({"a": 3, "b": 1}))
    outputs, targets = torch.randn(6, 2), torch.tensor([0, 0, 1, 0, 1, 1])

    expected = (
        F.cross_entropy(outputs, targets, reduction="none") * torch.tensor([2 / 3, 2.0])[targets]
    ).mean()

    assert expected.item() == pytest.approx(task.loss(outputs, targets, label_smoothing=0.0).item())


def test_a_logit_adjusted_loss_is_the_formula_of_the_paper() -> None:
    """Menon et al. 2021, eq. 10: log(1 + sum over other classes of p' / p exp(f' - f))."""
    task = Classification(("a", "b", "c")).against("logit-adjust", samples({"a": 6, "b": 3, "c": 1}))
    outputs, prior = torch.randn(1, 3), [0.6, 0.3, 0.1]
    f = outputs[0].tolist()

    expected = math.log(1 + sum(prior[other] / prior[2] * math.exp(f[other] - f[2]) for other in (0, 1)))

    assert expected == pytest.approx(task.loss(outputs, torch.tensor([2]), label_smoothing=0.0).item())


def test_log_shares_are_finite_where_a_class_has_no_pictures() -> None:
    assert [math.log(3 / 4), math.log(1 / 4)] == pytest.approx(log_shares([3, 0]))


@pytest.mark.parametrize("imbalance", ["none", "weights", "logit-adjust"])
def test_a_loss_of_parts_adds_up_to_the_loss_of_the_whole(imbalance: str) -> None:
    task = Classification(("a", "b")).against(imbalance, samples({"a": 9, "b": 1}))  # type: ignore[arg-type]
    outputs, targets = torch.randn(8, 2), torch.randint(0, 2, (8,))

    whole = task.loss(outputs, targets, label_smoothing=0.1)
    parts = [task.loss(outputs[i : i + 4], targets[i : i + 4], label_smoothing=0.1) for i in (0, 4)]

    assert whole.item() == pytest.approx(sum(parts).item() / 2, rel=1e-5)


def recall_of_the_rare_class(task: Classification, shown: torch.Tensor) -> float:
    """Learn two overlapping classes of 200 and 10 points with a linear model. shown: the points, in order."""
    random = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 200 + [1] * 10)
    points = torch.randn(210, 2, generator=random) + 1.5 * labels[:, None]
    model = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(model.weight)
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = task.loss(model(points[shown]), labels[shown], label_smoothing=0.0)
        loss.backward()
        return loss

    optimiser.step(closure)
    seen = torch.randn(1000, 2, generator=random) + 1.5
    return float((model(seen).argmax(dim=1) == 1).float().mean())


@pytest.mark.parametrize("imbalance", ["weights", "logit-adjust", "sampler"])
def test_a_rare_class_is_found_far_more_often_with_a_remedy(imbalance: str) -> None:
    from swinkit.data.loader import equally_often

    some = samples({"a": 200, "b": 10})
    plain, everything = Classification(("a", "b")), torch.arange(210)
    task = plain.against(imbalance, some)  # type: ignore[arg-type]
    shown = everything
    if imbalance == "sampler":
        shown = torch.tensor(equally_often(everything.tolist(), [s.label for s in some])) % 210

    left_alone, remedied = recall_of_the_rare_class(plain, everything), recall_of_the_rare_class(task, shown)

    assert remedied > left_alone + 0.2
    assert remedied > 0.7
