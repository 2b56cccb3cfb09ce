"""Networks of timm on the whole road: trained, interrupted, scored, asked, compared."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from swinkit.backbones.opening import open_model
from swinkit.data import digits
from swinkit.engine import learner
from swinkit.engine.run import Run
from swinkit.errors import CheckpointError, ConfigError, RunError
from swinkit.verbs.compare import compare
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.inspect import inspect
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import convert, load
from tests.verbs.clocks import without_time

timm = pytest.importorskip("timm", reason="timm is not installed")

RESNET = "timm:test_resnet"  # batch norms, and any size of picture
SMALL = {"image_size": 32, "epochs": 2, "batch": 16, "precision": "fp32"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans of the digits 0, 1 and 7."""
    folder = tmp_path_factory.mktemp("pictures")
    names = {"0": "zero", "1": "one", "7": "seven"}
    for sample in digits().samples[:200]:
        if sample.label in names:
            place = folder / names[sample.label]
            place.mkdir(exist_ok=True)
            Image.fromarray(sample.pixels()).save(place / f"{sample.name}.png")
    return folder


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "resnet"
    return train(pictures, out=out, model=RESNET, **SMALL)  # type: ignore[arg-type]


def test_a_run_says_what_was_trained_and_why_from_scratch(run: Run) -> None:
    log = (run.folder / "log.txt").read_text()

    assert RESNET == run.config.model
    assert "PyTorch" == run.facts["kernel"]
    assert timm.__version__ == run.facts["versions"]["timm"]
    assert f"model: {RESNET} from scratch, as asked" in log
    assert f"published weights of {RESNET} could not be had. Warning: " in log
    assert "asking for timm:test_resnet.r160_in1k, licence apache-2.0" in log


def test_predict_evaluate_and_the_run_agree_to_the_last_bit(run: Run, pictures: Path) -> None:
    rows = [line.split(",") for line in run.split.read_text().splitlines()[1:]]
    held_out = [pictures / name for name, _, split in rows if split == "val"]

    evaluation, predictions = evaluate(pictures, run.folder), predict(held_out, run.best)

    assert [p.probabilities for p in evaluation.predictions] == [p.probabilities for p in predictions]
    assert json.loads(json.dumps(evaluation.to_dict()))["confusion"] == run.evaluation["confusion"]
    assert run.evaluation["cost"]["macs"] > 0
    assert "PyTorch" == run.evaluation["cost"]["kernel"]


def test_what_is_interrupted_goes_on_as_if_nothing_had_happened(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    step = learner.training_step

    def interrupting(*args: Any, **settings: Any) -> float:
        steps.append(1)
        if len(steps) == 4:
            signal.raise_signal(signal.SIGINT)
        return step(*args, **settings)

    monkeypatch.setattr(learner, "training_step", interrupting)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, out=tmp_path / "run", model=RESNET, **SMALL)  # type: ignore[arg-type]
    monkeypatch.undo()

    resumed = train(resume=tmp_path / "run")

    assert without_time(run.evaluation) == {**without_time(resumed.evaluation), "weights": str(run.best)}
    expected, found = open_model(run.best).state_dict(), open_model(resumed.best).state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_resuming_without_timm_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(RunError, match=r"cannot resume: .* need timm, which is not installed") as caught:
        train(resume=run.folder)

    assert 'pip install "swinkit[timm]"' == caught.value.hint


def test_a_run_is_what_another_training_can_start_from(run: Run, pictures: Path, tmp_path: Path) -> None:
    tuned = train(
        pictures, weights=run.folder, out=tmp_path / "tuned", epochs=1, lr=1e-9, batch=16, precision="fp32"
    )

    before, after = open_model(run.best), open_model(tuned.best)
    assert str(run.folder) == tuned.config.weights
    assert before.labels == after.labels
    learnt = {name for name, _ in before.named_parameters()}
    expected, found = before.state_dict(), after.state_dict()
    assert all(torch.allclose(expected[name], found[name], atol=1e-6) for name in learnt)


def test_a_swin_and_a_resnet_are_compared_on_the_same_pictures(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    swin = train(pictures, out=tmp_path / "swin", model="swin_pico", image_size=16, epochs=1, batch=16)

    found = compare([run.folder, swin.folder], out=tmp_path / "both")

    assert [RESNET, "swin_pico"] == [one.model for one in found.contenders]
    assert RESNET in (tmp_path / "both" / "compare.html").read_text()


def test_inspect_says_what_a_file_holds_without_timm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)

    found = inspect(run.best)

    assert found.loads
    assert RESNET == found.size
    assert ("one", "seven", "zero") == found.labels
    assert "classification" == found.task


def test_without_timm_one_sentence_says_how_to_get_it(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)

    with pytest.raises(CheckpointError, match=r"holds timm:test_resnet: .* which is not installed") as caught:
        predict(pictures, run.folder)
    assert 'pip install "swinkit[timm]"' == caught.value.hint
    with pytest.raises(ConfigError, match="networks of timm need timm"):
        train(pictures, model=RESNET, dry_run=True)


def test_verbs_that_are_about_swin_say_so(run: Run, tmp_path: Path) -> None:
    for act in (
        lambda: load(run.folder),
        lambda: convert(run.best, tmp_path / "file.pth", "microsoft"),
    ):
        with pytest.raises(CheckpointError, match="holds timm:test_resnet, which is no Swin") as caught:
            act()
        assert "predict" in caught.value.hint


def test_a_file_of_another_timm_that_does_not_fit_says_which_one_does(run: Run, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(run.best, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        text = file.metadata()["swinkit"].replace('"version": "', '"version": "0.')
    del tensors["network.conv1.0.weight"]
    save_file(tensors, tmp_path / "other.safetensors", {"format": "pt", "swinkit": text})

    with pytest.raises(CheckpointError, match=r"written with timm 0\.\d.*builds another test_resnet"):
        open_model(tmp_path / "other.safetensors")


def test_a_window_attention_is_not_chosen_for_who_has_none(pictures: Path) -> None:
    with pytest.raises(ConfigError, match="kernel chooses a Swin's window attention"):
        train(pictures, model=RESNET, kernel="native", dry_run=True)
