"""The linear classifier on frozen features: as good as an independent one, honest about unseen pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swinkit.data import Sample, digits
from swinkit.engine.inference import answers_of
from swinkit.engine.probe import PENALTIES, features_of, fit_by_folds, fit_probe, fitted, seconds_to_fit
from swinkit.models import create_model
from swinkit.tasks.classification import Classification

TASK = Classification(tuple("0123456789"))


def pixels(samples: tuple[Sample, ...]) -> torch.Tensor:
    return torch.stack([torch.tensor(s.pixels()[::4, ::4, 0] / 255.0).float().flatten() for s in samples])


@pytest.fixture(scope="module")
def scans() -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    return digits().split("train").samples[:400], digits().split("val").samples


def accuracy(outputs: torch.Tensor, samples: tuple[Sample, ...]) -> float:
    return float((outputs.argmax(dim=1) == TASK.targets(samples)).float().mean())


def test_it_finds_the_minimum_that_scikit_learn_finds(scans: tuple[tuple[Sample, ...], ...]) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    taught, _ = scans
    features = pixels(taught)
    scaled = (features - features.mean(0)) / features.std(0, correction=0).clamp_min(1e-6)
    penalty = PENALTIES[2]
    theirs = linear_model.LogisticRegression(C=1 / (penalty * len(taught)), max_iter=5000, tol=1e-8).fit(
        scaled.numpy(), TASK.targets(taught).numpy()
    )

    ours = list(fitted(TASK, features, taught))[2](features).softmax(dim=1)

    assert np.allclose(theirs.predict_proba(scaled.numpy()), ours.numpy(), atol=2e-3)


def test_the_penalty_that_does_best_on_held_out_pictures_is_chosen(
    scans: tuple[tuple[Sample, ...], ...],
) -> None:
    taught, held_out = scans
    features, others = pixels(taught), pixels(held_out)

    chosen = fit_probe(TASK, features, taught, val=(others, held_out))

    best = max(accuracy(probe(others), held_out) for probe in fitted(TASK, features, taught))
    assert 0.85 < accuracy(chosen(others), held_out) == pytest.approx(best, abs=0.01)


def test_answers_by_folds_come_from_classifiers_that_never_saw_the_picture(
    scans: tuple[tuple[Sample, ...], ...],
) -> None:
    """Features without content: whoever saw a picture's label answers right, others by chance."""
    taught, _ = scans
    noise = torch.randn(len(taught), 500, generator=torch.Generator().manual_seed(1))

    whole, answers = fit_by_folds(TASK, noise, taught, [index % 5 for index in range(len(taught))])

    assert accuracy(answers, taught) < 0.2
    assert accuracy(whole(noise), taught) > 0.6


def test_as_the_head_of_its_model_it_gives_the_same_answers() -> None:
    samples = digits().samples[:40]
    model = create_model("swin_pico", classes=TASK.classes)
    features = features_of(model, samples)
    probe = fit_probe(TASK, features, samples, val=(features, samples))

    probe.install(model)

    (answered,) = answers_of(model, samples)
    assert torch.allclose(probe(features), answered.outputs, atol=1e-4)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    features_of(
        create_model("swin_pico", classes=10),
        digits().samples[:70],
        progress=lambda *numbers: told.append(numbers),
    )

    assert [(64, 70), (70, 70)] == told


def test_the_time_that_fits_take_is_counted_from_a_few_steps(
    scans: tuple[tuple[Sample, ...], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each evaluation of the loss advances a clock by a second; the first, which loads much, by 1000."""
    clock = [0.0]
    plain = TASK.loss

    def slow(*given: object, **named: object) -> torch.Tensor:
        clock[0] += 1 if clock[0] else 1000
        return plain(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("swinkit.engine.probe.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr(Classification, "loss", staticmethod(slow))

    seconds = seconds_to_fit(TASK, scans[0], 64)

    assert 400 <= seconds <= 1000  # five penalties of a hundred steps, a step or two seconds each
