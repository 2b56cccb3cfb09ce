from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from swinkit.data import Sample
from swinkit.data.mixing import Mixing
from swinkit.engine import learner, loop
from swinkit.engine import step as step_module
from swinkit.engine.checkpoint import load_checkpoint
from swinkit.engine.interrupt import Interrupted
from swinkit.engine.loop import fit
from swinkit.engine.progress import Progress
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import Part
from swinkit.engine.stopping import best_epoch
from swinkit.errors import RunError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from swinkit.weights import load
from swinkit.writing import write_atomically
from tests.data.pictures_for_tests import save
from tests.engine.small_runs import SETTINGS, begin, few_digits, training_images, weights_of

CLASSES = tuple("0123456789")
STEPS = 8  # two epochs of four
EVERYTHING = replace(
    SETTINGS,
    optimizer="muon",
    ema=0.9,
    accumulation=3,
    checkpointing=True,
    frozen_stages=1,
    patience=5,
    schedule="constant",
    mixing=Mixing(),
)


class Stopped(Exception):
    """Stands for a killed process."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Tensor]]:
    run, model = begin(tmp_path_factory.mktemp("undisturbed"))
    return run, weights_of(model)


@pytest.fixture(scope="module")
def undisturbed_with_everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Tensor]]:
    run, model = begin(tmp_path_factory.mktemp("undisturbed"), EVERYTHING)
    return run, weights_of(model)


def disturb(monkeypatch: pytest.MonkeyPatch, *, after: int, by: Callable[[], None]) -> None:
    """Let something happen when that many steps are done."""
    step_for_real = learner.training_step

    def training_step(*arguments: object, step: int, **settings: object) -> float:
        loss = step_for_real(*arguments, step=step, **settings)  # type: ignore[arg-type]
        if step + 1 == after:
            by()
        return loss

    monkeypatch.setattr(learner, "training_step", training_step)


def go_on(run: Run, config: TrainConfig = SETTINGS) -> Swin:
    """Resume a run as a new process would, from nothing but its folder."""
    run = with_settings(run)
    model, continuation = load_checkpoint(run)
    images = few_digits()
    fit(
        model,
        Classification(images.classes),
        training_images(config),
        images.split("val").samples,
        config,
        run,
        Progress(run, goes_on=True),
        continuation=continuation,
    )
    return model


def with_settings(run: Run) -> Run:
    """With the run.json that `train` would have written; several processes may do so at once."""
    write_atomically(run.folder / "run.json", json.dumps({"schema": 1, "config": SETTINGS.to_dict()}))
    return run


def without_seconds(run: Run) -> list[dict[str, float]]:
    return [{k: v for k, v in numbers.items() if k not in ("seconds", "waiting")} for numbers in run.metrics]


def assert_same_end(expected: tuple[Run, dict[str, Tensor]], folder: Path, model: Swin) -> None:
    """Weights, curve and best model of a run that was stopped are those of one that was not."""
    (run, weights), found = expected, weights_of(model)
    assert [name for name in weights if not torch.equal(weights[name], found[name])] == []
    assert without_seconds(run) == without_seconds(Run(folder))
    expected_best, best = load(run.best).state_dict(), load(Run(folder).best).state_dict()
    assert all(torch.equal(expected_best[name], tensor) for name, tensor in best.items())


@pytest.mark.parametrize("after", range(1, STEPS + 1))
def test_an_interrupted_run_goes_on_bit_for_bit(
    after: int, undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        disturb(patched, after=after, by=lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Interrupted, match=f"step {after} of {STEPS}"):
            begin(tmp_path)
    torch.manual_seed(99)  # another process has other random numbers

    model = go_on(Run(tmp_path))

    assert_same_end(undisturbed, tmp_path, model)


@pytest.mark.parametrize("after", [1, 4, 6])
def test_with_everything_on_it_goes_on_bit_for_bit_too(
    after: int,
    undisturbed_with_everything: tuple[Run, dict[str, Tensor]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        disturb(patched, after=after, by=lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Interrupted):
            begin(tmp_path, EVERYTHING)

    model = go_on(Run(tmp_path), replace(EVERYTHING, workers=1))

    assert_same_end(undisturbed_with_everything, tmp_path, model)


@pytest.mark.parametrize("after", [3, 6])
def test_a_killed_run_goes_on_from_the_last_epoch_to_the_same_end(
    after: int, undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill() -> None:
        raise Stopped

    with monkeypatch.context() as patched:
        disturb(patched, after=after, by=kill)
        with pytest.raises(Stopped):
            begin(tmp_path)

    found = weights_of(go_on(Run(tmp_path)))

    expected = undisturbed[1]
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_a_run_that_is_stopped_while_it_looks_at_val_looks_again(
    undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate_for_real = loop.validate_together

    def validate(*arguments: object, **settings: object) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        return validate_for_real(*arguments, **settings)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(loop, "validate_together", validate)
        with pytest.raises(Interrupted, match=f"step 4 of {STEPS}"):
            begin(tmp_path)

    assert_same_end(undisturbed, tmp_path, go_on(Run(tmp_path)))


@pytest.mark.parametrize("what", ["best.safetensors", "metrics.jsonl"])
def test_a_run_killed_between_checkpoint_and_what_follows_makes_up_for_it(
    what: str, undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path
) -> None:
    run, _ = begin(tmp_path)
    (run.folder / what).write_bytes(b"of the epoch before")

    assert_same_end(undisturbed, tmp_path, go_on(run))


def test_two_runs_with_one_seed_are_equal_and_with_another_are_not(
    undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path
) -> None:
    expected = undisturbed[1]
    _, again = begin(tmp_path / "again")
    _, other = begin(tmp_path / "other", replace(SETTINGS, seed=1))

    assert all(torch.equal(expected[name], tensor) for name, tensor in weights_of(again).items())
    assert any(not torch.equal(expected[name], tensor) for name, tensor in weights_of(other).items())


def test_a_process_that_loads_beside_the_training_changes_no_bit(
    undisturbed: tuple[Run, dict[str, Tensor]], tmp_path: Path
) -> None:
    _, model = begin(tmp_path, replace(SETTINGS, workers=1))

    expected = undisturbed[1]
    assert all(torch.equal(expected[name], tensor) for name, tensor in weights_of(model).items())


def test_training_leaves_the_callers_random_numbers_and_threads_alone(tmp_path: Path) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()

    begin(tmp_path, replace(SETTINGS, epochs=1, threads=threads + 1))

    assert torch.equal(state, torch.get_rng_state())
    assert threads == torch.get_num_threads()


def test_the_signal_handlers_of_the_caller_come_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    begin(tmp_path, replace(SETTINGS, epochs=1))

    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss_for_real = Classification.loss

    def loss(self: Classification, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        return loss_for_real(self, outputs, targets, label_smoothing=label_smoothing) * float("nan")

    monkeypatch.setattr(Classification, "loss", loss)

    with pytest.raises(RunError, match="broke down at step 0: loss nan") as caught:
        begin(tmp_path)

    assert "smaller learning rate" in caught.value.hint
    model, continuation = load_checkpoint(with_settings(Run(tmp_path)))
    assert continuation.position.step == 0
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_a_module_that_overflows_is_named_and_what_was_saved_has_numbers_only(tmp_path: Path) -> None:
    model = fresh_model(SETTINGS, CLASSES)
    model.stages[1].blocks[0].mlp.fc1.weight.detach().fill_(3e38)
    images = few_digits()

    with pytest.raises(RunError, match=r"comes from stages\.1\.blocks\.0\.mlp\.fc1"):
        fit(
            model,
            Classification(CLASSES),
            training_images(SETTINGS),
            images.split("val").samples,
            SETTINGS,
            Run(tmp_path),
            Progress(Run(tmp_path)),
        )

    saved, _ = load_checkpoint(with_settings(Run(tmp_path)))
    assert all(tensor.isfinite().all() for tensor in saved.state_dict().values())


@pytest.mark.parametrize("lr", [1e2, 1e30], ids=str)
def test_an_absurd_rate_is_noticed_within_a_hundred_steps(lr: float, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        begin(tmp_path, replace(SETTINGS, epochs=25, batch=8, lr=lr, warmup=0.0))

    assert "--lr" in caught.value.hint
    saved, continuation = load_checkpoint(with_settings(Run(tmp_path)))
    assert continuation.position.step <= 100
    assert all(tensor.isfinite().all() for tensor in saved.state_dict().values())


def test_a_step_that_runs_out_of_memory_is_done_again_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what was found out is remembered by a resumed run."""
    learn_for_real = step_module.learn

    def learn(
        model: Swin, task: Classification, part: Part, *arguments: object, **settings: object
    ) -> Tensor:
        if part.stop - part.start > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 266.00 MiB.")
        return learn_for_real(model, task, part, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(step_module, "learn", learn)

    run, model = begin(tmp_path / "limited")

    monkeypatch.undo()
    _, expected = begin(tmp_path / "unlimited")
    assert 2 == capsys.readouterr().err.count("memory ran out (another 266.00 MiB")
    assert 2 == load_checkpoint(with_settings(run))[1].position.at_once
    torch.testing.assert_close(model.head.weight, expected.head.weight, atol=1e-5, rtol=1e-5)


def test_the_best_model_is_that_of_the_epoch_with_the_best_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first epoch is declared the best, so what follows must not replace its file."""
    monkeypatch.setattr(Classification, "rank", lambda self, numbers: (-numbers["loss_rank"],))
    validated = iter([1.0, 2.0, 3.0])
    validate_for_real = loop.validate_together
    seen: list[dict[str, Tensor]] = []

    def validate(model: Swin, *arguments: Any, **settings: Any) -> dict[str, float]:
        seen.append(weights_of(model))
        return {**validate_for_real(model, *arguments, **settings), "loss_rank": next(validated)}

    monkeypatch.setattr(loop, "validate_together", validate)

    run, _ = begin(tmp_path, replace(SETTINGS, epochs=3))

    best = load(run.best).state_dict()
    assert all(torch.equal(seen[0][name], tensor) for name, tensor in best.items())
    assert any(not torch.equal(seen[2][name], tensor) for name, tensor in best.items())


def test_the_average_is_what_is_looked_at_and_kept(tmp_path: Path) -> None:
    config = replace(SETTINGS, ema=0.9)
    run, model = begin(tmp_path, config)

    _, continuation = load_checkpoint(with_settings(run))

    assert continuation.average is not None
    best = load(run.best).state_dict()
    assert 2 == best_epoch(Classification(CLASSES), None, run.metrics)
    assert all(torch.equal(continuation.average[name], tensor) for name, tensor in best.items())
    assert any(not torch.equal(model.state_dict()[name], tensor) for name, tensor in best.items())


@pytest.mark.parametrize("accumulation", [1, 3])
def test_recomputed_activations_change_no_bit(accumulation: int, tmp_path: Path) -> None:
    config = replace(SETTINGS, epochs=1, accumulation=accumulation)

    _, kept = begin(tmp_path / "kept", config)
    _, recomputed = begin(tmp_path / "recomputed", replace(config, checkpointing=True))

    expected = weights_of(kept)
    assert all(torch.equal(expected[name], tensor) for name, tensor in weights_of(recomputed).items())


@pytest.mark.parametrize("stages", [1, 2])
def test_frozen_stages_stay_as_they_were(stages: int, tmp_path: Path) -> None:
    before = weights_of(fresh_model(SETTINGS, CLASSES))

    _, model = begin(tmp_path, replace(SETTINGS, frozen_stages=stages))

    after = weights_of(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = ("patch_embed.", *(f"stages.{stage}." for stage in range(stages)))
    assert changed == {name for name in before if not name.startswith(frozen)}


def test_training_ends_when_nothing_gets_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = iter([0.1, 0.5, 0.4, 0.5, 0.3])
    monkeypatch.setattr(
        loop,
        "validate_together",
        lambda *_, **__: {"balanced_accuracy": next(results), "loss": 1.0, "accuracy": 0.5},
    )

    run, _ = begin(tmp_path, replace(SETTINGS, epochs=9, patience=3))

    assert 5 == len(run.metrics)
    assert "stopped after epoch 5: none of the last 3 was better than epoch 2" in capsys.readouterr().err


def test_only_the_last_checkpoint_is_kept(undisturbed: tuple[Run, dict[str, Tensor]]) -> None:
    run = undisturbed[0]

    assert ["8", "current.json"] == sorted(path.name for path in run.last.iterdir())
    assert {"step": STEPS} == json.loads((run.last / "current.json").read_text())


def test_metrics_have_a_line_an_epoch_with_steps_and_losses(
    undisturbed: tuple[Run, dict[str, Tensor]],
) -> None:
    metrics = undisturbed[0].metrics

    assert [(1, 4), (2, 8)] == [(numbers["epoch"], numbers["step"]) for numbers in metrics]
    assert {"train_loss", "loss", "accuracy", "balanced_accuracy", "top5", "seconds"} <= metrics[0].keys()
    assert all(0 < numbers["waiting"] < 1 for numbers in metrics)
    assert 0 < metrics[-1]["lr"] < metrics[0]["lr"]  # it falls after the warm-up


def test_a_loss_is_the_mean_over_pictures_also_when_the_last_batch_is_short(tmp_path: Path) -> None:
    """With a learning rate of next to nothing, the mean does not depend on the size of batches."""
    still = replace(SETTINGS, epochs=1, lr=1e-12, drop_path=0.0)

    whole, _ = begin(tmp_path / "whole", replace(still, batch=28))
    parts, _ = begin(tmp_path / "parts", replace(still, batch=8))

    assert whole.metrics[0]["train_loss"] == pytest.approx(parts.metrics[0]["train_loss"], rel=1e-5)


def test_a_picture_that_vanishes_in_an_epoch_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = training_images(SETTINGS)
    file = save(tmp_path / "one.png")
    some = replace(images, samples=[replace(images.samples[0], source=file), *images.samples[1:]])
    monkeypatch.setattr("tests.engine.small_runs.training_images", lambda config: some)
    file.unlink()

    run, _ = begin(tmp_path / "run")

    assert [1, 1] == [numbers["left_out"] for numbers in run.metrics]
    assert 1 == capsys.readouterr().err.count(f"left out {file}")


@dataclass(frozen=True)
class Brightness:
    """A task the engine has never heard of: one output shall be a number between 0 and 1."""

    name: str = "brightness"
    classes: tuple[str, ...] = ("brightness",)

    def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        return ((outputs[:, 0].float() - targets / 10) ** 2).mean()

    def targets(self, samples: Sequence[Sample]) -> Tensor:
        return torch.tensor([int(sample.label or 0) for sample in samples])

    def scores(self) -> BrightnessScores:
        return BrightnessScores([])

    def rank(self, numbers: dict[str, float]) -> tuple[float, ...]:
        return (-numbers["error"],)

    def headline(self, numbers: dict[str, float]) -> str:
        return f"error {numbers['error']:.3f}"

    def decode(self, outputs: Tensor, *, top: int) -> list[dict[str, float]]:
        return [{"brightness": value} for value in outputs[:, 0].tolist()]


@dataclass
class BrightnessScores:
    errors: list[float]

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        self.errors += (outputs[:, 0] - targets / 10).abs().tolist()

    def result(self) -> dict[str, float]:
        return {"error": sum(self.errors) / len(self.errors)}


def test_a_task_plugs_into_the_loop_without_the_loop_knowing_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = begin(tmp_path, replace(SETTINGS, epochs=6, lr=5e-3), task=Brightness())  # type: ignore[arg-type]

    assert run.metrics[-1]["train_loss"] < run.metrics[0]["train_loss"]
    assert run.best.exists()
    assert "error 0." in capsys.readouterr().err
