from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.data import digits
from swinkit.engine import distributed, learner
from swinkit.engine.claim import alone_in
from swinkit.engine.distributed import Processes
from swinkit.engine.run import Run
from swinkit.errors import ConfigError, DataError, RunError
from swinkit.recipes.facts import Machine
from swinkit.recipes.wishes import seconds_in
from swinkit.verbs import machine, planning
from swinkit.verbs.check import check
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import load
from tests.verbs.clocks import without_time

FILES = {
    "best.safetensors",
    "evaluation.json",
    "report.html",
    "features.safetensors",
    "last",
    "log.txt",
    "metrics.jsonl",
    "predictions.csv",
    "run.json",
    "split.csv",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans of the digits 0, 1 and 7 in class folders called zero, one and seven."""
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
    out = tmp_path_factory.mktemp("runs") / "small"
    return train(pictures, out=out, model="swin_pico", image_size=16, epochs=3, batch=8, precision="fp32")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_run_folder_holds_what_is_promised(run: Run) -> None:
    assert FILES == {path.name for path in run.folder.iterdir()}


def test_a_run_says_how_it_was_made(run: Run, pictures: Path) -> None:
    facts = run.facts

    assert 1 == facts["schema"]
    assert str(pictures) == run.config.data
    assert (3, 8, "swin_pico", (16, 16)) == (
        run.config.epochs,
        run.config.batch,
        run.config.model,
        run.config.image_size,
    )
    assert ["one", "seven", "zero"] == facts["data"]["classes"]
    assert torch.__version__ == facts["versions"]["torch"]
    assert facts["kernel"] in ("native", "torch")  # as there is a compiler or none
    assert any(reason.startswith("epochs: 3, as asked") for reason in facts["reasons"])


def test_the_log_holds_the_plan_every_epoch_and_the_result(run: Run) -> None:
    log = (run.folder / "log.txt").read_text()

    for part in ("data: ", "epoch 3 of 3", "accuracy", "swinkit predict"):
        assert part in log


def test_the_saved_split_divides_each_class(run: Run) -> None:
    rows = [line.split(",") for line in run.split.read_text().splitlines()[1:]]

    assert {("one", "val"), ("seven", "val"), ("zero", "val"), ("one", "train")} <= {
        (r[1], r[2]) for r in rows
    }


def test_predict_evaluate_and_validation_agree_to_the_last_bit(run: Run, pictures: Path) -> None:
    best = max(run.metrics, key=lambda numbers: (numbers["balanced_accuracy"], -numbers["loss"]))
    rows = [line.split(",") for line in run.split.read_text().splitlines()[1:]]
    held_out = [pictures / name for name, _, split in rows if split == "val"]

    evaluation = evaluate(pictures, run.folder)
    predictions = predict(held_out, run.folder)

    assert best["accuracy"] == evaluation.accuracy
    assert best["loss"] == evaluation.loss
    assert [p.probabilities for p in evaluation.predictions] == [p.probabilities for p in predictions]
    written = [line.split(",") for line in (run.folder / "predictions.csv").read_text().splitlines()[1:]]
    assert [(row[2], float(row[3])) for row in written] == [(p.label, p.probability) for p in predictions]
    assert json.loads(json.dumps(evaluation.to_dict()))["confusion"] == run.evaluation["confusion"]


def test_the_best_model_is_a_file_that_says_all_of_itself(run: Run) -> None:
    model = load(run.best)

    assert ("one", "seven", "zero") == model.labels
    assert model.preprocess is not None
    extra = model.load_report.extra
    assert "classification" == extra["task"]
    assert extra["scores"]["accuracy"] == run.evaluation["accuracy"]


def test_nothing_is_written_into_the_data(pictures: Path, tmp_path: Path) -> None:
    before = contents(pictures)

    train(pictures, out=tmp_path / "run", model="swin_pico", image_size=8, epochs=1)

    assert before == contents(pictures)


def test_nothing_is_written_into_the_data_even_from_inside_it(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "digits"
    shutil.copytree(pictures, data)
    monkeypatch.chdir(data)

    run = train(".", model="swin_pico", epochs=1, dry_run=True)

    assert tmp_path / "runs" / "digits-1" == run.folder
    with pytest.raises(ConfigError, match="run lies inside the data"):
        train(data, out=data / "run", model="swin_pico", epochs=1, dry_run=True)


def test_a_run_that_was_begun_while_another_was_planned_is_not_replaced(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    plan = planning.planned

    def planned(*arguments: Any, **settings: Any) -> Any:
        found = plan(*arguments, **settings)
        shutil.copytree(run.folder, folder)
        return found

    monkeypatch.setattr(planning, "planned", planned)
    with pytest.raises(RunError, match=r"there is a run in .* already"):
        train(pictures, out=folder, model="swin_pico", image_size=8, epochs=1)

    assert contents(run.folder) == contents(folder)


def test_a_dry_run_says_the_plan_and_writes_nothing(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(pictures, out=tmp_path / "run", model="swin_pico", epochs=2, dry_run=True)

    said = capsys.readouterr()
    assert "" == said.out
    assert "epochs: 2, as asked" in said.err
    assert [] == list(tmp_path.iterdir())


def test_blank_pictures_do_not_say_how_large_pictures_are(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(pictures, data)
    for number in range(200):
        Image.new("L", (90, 60), number).save(data / "one" / f"blank {number}.png")

    train(data, out=tmp_path / "run", model="swin_pico", epochs=1, dry_run=True)

    assert "pictures are 32 × 32 (median)" in capsys.readouterr().err


def test_a_taken_folder_is_refused_with_what_can_be_done(run: Run, pictures: Path) -> None:
    before = contents(run.folder)

    with pytest.raises(RunError, match="there is a run in") as caught:
        train(pictures, out=run.folder)

    assert "--resume" in caught.value.hint
    assert "--overwrite" in caught.value.hint
    assert before == contents(run.folder)


def test_a_folder_that_is_no_run_is_not_even_overwritten(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(RunError, match="is no run"):
        train(pictures, out=tmp_path, overwrite=True)

    assert "years of work" == (tmp_path / "thesis.txt").read_text()


def test_overwriting_replaces_the_run_and_leaves_other_files(pictures: Path, tmp_path: Path) -> None:
    settings = {"out": tmp_path / "run", "model": "swin_pico", "image_size": 8}
    train(pictures, epochs=2, **settings)  # type: ignore[arg-type]
    (tmp_path / "run" / "notes.txt").write_text("mine")

    again = train(pictures, epochs=1, overwrite=True, **settings)  # type: ignore[arg-type]

    assert 1 == len(again.metrics)
    assert "mine" == (again.folder / "notes.txt").read_text()


def test_runs_without_a_name_are_numbered(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    found = [train(pictures, model="swin_pico", image_size=8, epochs=1).folder.as_posix() for _ in range(2)]

    assert [f"runs/{pictures.name}-1", f"runs/{pictures.name}-2"] == found


def test_an_interrupt_saves_and_says_how_to_go_on_and_the_end_is_the_same(
    run: Run,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step_for_real = learner.training_step

    def training_step(*arguments: object, step: int, lr: float, **settings: object) -> float:
        loss = step_for_real(*arguments, step=step, lr=lr, **settings)  # type: ignore[arg-type]
        if step == 9 and lr:  # not while the pace is measured
            signal.raise_signal(signal.SIGINT)
        return loss

    out = tmp_path / "run"
    settings = {"model": "swin_pico", "image_size": 16, "epochs": 3, "batch": 8, "precision": "fp32"}
    with monkeypatch.context() as patched:
        patched.setattr(learner, "training_step", training_step)
        with pytest.raises(KeyboardInterrupt):
            train(pictures, out=out, **settings)  # type: ignore[arg-type]
    assert f"swinkit train --resume {out}" in capsys.readouterr().err
    assert not (out / "evaluation.json").exists()

    resumed = train(resume=out)

    assert without_time(run.evaluation) == {**without_time(resumed.evaluation), "weights": str(run.best)}
    expected, found = load(run.best).state_dict(), load(resumed.best).state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_resuming_a_finished_run_changes_nothing(run: Run) -> None:
    metrics, evaluation = run.metrics, run.evaluation

    again = train(resume=run.folder)

    assert metrics == again.metrics
    assert without_time(evaluation) == without_time(again.evaluation)


def test_a_resumed_run_takes_no_other_settings(run: Run) -> None:
    with pytest.raises(ConfigError, match="keeps its settings"):
        train(resume=run.folder, epochs=100)


def test_resuming_with_other_pictures_is_refused(pictures: Path, tmp_path: Path) -> None:
    own = tmp_path / "pictures"
    for path in sorted(pictures.rglob("*.png")):
        (own / path.parent.name).mkdir(parents=True, exist_ok=True)
        (own / path.parent.name / path.name).write_bytes(path.read_bytes())
    run = train(own, out=tmp_path / "run", model="swin_pico", image_size=8, epochs=1)
    next((own / "zero").iterdir()).unlink()

    with pytest.raises(RunError, match="are not those it was begun with: 1 removed"):
        train(resume=run.folder)

    for name in ("new", "newer"):
        (own / "zero" / f"{name}.png").write_bytes(path.read_bytes())
    with pytest.raises(RunError, match="are not those it was begun with: 2 added and 1 removed"):
        train(resume=run.folder)


def test_a_folder_in_which_another_training_runs_is_left_to_it(run: Run) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}

    with alone_in(run), pytest.raises(RunError, match="another training is writing into"):
        train(resume=run.folder)

    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_resuming_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run"):
        train(resume=tmp_path)


def test_unreadable_pictures_are_left_out_named_and_not_asked_for_again(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "pictures"
    for path in sorted(pictures.rglob("*.png")):
        (own / path.parent.name).mkdir(parents=True, exist_ok=True)
        (own / path.parent.name / path.name).write_bytes(path.read_bytes())
    (own / "zero" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")

    run = train(own, out=tmp_path / "run", model="swin_pico", image_size=8, epochs=1)

    assert "broken.png" in capsys.readouterr().err
    assert [str(own / "zero" / "broken.png")] == [path for path, _ in run.facts["skipped"]]
    assert "broken" not in run.split.read_text()
    monkeypatch.chdir(own.parent)
    assert run.evaluation["accuracy"] == evaluate("pictures", run.folder).accuracy
    evaluation = run.evaluation
    assert without_time(evaluation) == without_time(train(resume=run.folder).evaluation)


def test_fine_tuning_keeps_what_was_learnt_for_classes_of_the_same_name(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    tuned = train(
        pictures, weights=run.folder, out=tmp_path / "tuned", epochs=1, lr=1e-9, batch=8, precision="fp32"
    )

    before, after = load(run.best).state_dict(), load(tuned.best).state_dict()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    assert str(run.folder) == tuned.config.weights


def test_a_table_is_learnt_in_the_order_of_a_list_of_classes_and_patients_are_never_parted(
    pictures: Path, tmp_path: Path
) -> None:
    """Every split that the table brings tears its patients apart; a resplit by patient does not."""
    rows = [
        (str(path), path.parent.name, f"p{number // 4}", ("train", "val")[number % 2])
        for number, path in enumerate(sorted(pictures.rglob("*.png")))
    ]
    lines = ["path,label,who,split", *(",".join(row) for row in rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "classes.txt").write_text("zero\nseven\none\n")

    run = train(
        tmp_path / "table.csv",
        labels=tmp_path / "classes.txt",
        group_by="who",
        resplit=True,
        out=tmp_path / "run",
        model="swin_pico",
        weights="none",
        image_size=16,
        epochs=1,
    )
    patient = {Path(path).as_posix(): who for path, _, who, _ in rows}
    parts: dict[str, set[str]] = {}
    for line in run.split.read_text().splitlines()[1:]:
        name, _, split = line.split(",")
        parts.setdefault(patient[name], set()).add(split)

    assert ("zero", "seven", "one") == load(run.best).labels == run.config.labels
    assert "who" == run.config.group_by
    assert {1} == {len(splits) for splits in parts.values()}
    assert {"train", "val"} == set().union(*parts.values())
    assert run.evaluation["per_class"].keys() == {"zero", "seven", "one"}
    assert evaluate(weights=run.folder).pictures == run.evaluation["pictures"]


def test_two_ways_to_say_how_long_are_refused_together_with_other_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        train(epochs=3, time="5m", batch=0, lr="seek", image_size=0)  # type: ignore[arg-type]

    for part in ("epochs and time", "batch is a count", "lr is a number, or find", "image_size is in pixels"):
        assert part in caught.value.message


@pytest.mark.parametrize("model", ["swin_tinny", "timm:resnet1"])
def test_a_model_that_nobody_knows_is_refused_before_any_picture_is_looked_at(
    model: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pictures, tmp_path / "own")
    (tmp_path / "own" / "zero" / "empty.png").write_bytes(b"")

    with pytest.raises(ConfigError, match="named"):
        train(tmp_path / "own", model=model, out=tmp_path / "run")

    assert "empty.png" not in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        train(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("3m", 180), ("1.5m", 90), ("1h", 3600), ("1h30m", 5400), ("2m 5s", 125)],
)
def test_a_length_of_time_is_understood(text: str, seconds: float) -> None:
    assert seconds == seconds_in(text)


@pytest.mark.parametrize("text", ["", "3", "soon", "-3m", "0s", "3m2", "1.2.3s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no length of time"):
        seconds_in(text)


def test_the_embedded_digits_are_learnt_without_any_files(tmp_path: Path) -> None:
    run = train(out=tmp_path / "run", model="swin_pico", epochs=1, batch=64)

    assert {"train": 1380, "val": 417} == run.facts["data"]["pictures"]
    assert np.shape(run.evaluation["confusion"]) == (10, 10)
    assert 417 == sum(map(sum, run.evaluation["confusion"]))


# Recipes, and classes of unequal size


def test_a_recipe_of_ones_own_is_followed_and_what_is_asked_for_goes_before_it(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "from swinkit.data.mixing import Mixing\n"
        "from swinkit.data.transforms import Augmentation\n"
        "from swinkit.engine.settings import TrainConfig\n\n"
        "def quick():\n"
        '    """Small and mixed."""\n'
        "    return TrainConfig(\n"
        '        model="swin_pico", image_size=(16, 16), epochs=9, batch=8, drop_path=0.2, repeats=2,\n'
        '        mixing=Mixing(), augmentation=Augmentation(padding=2, policy="trivial"),\n'
        "    )\n"
    )

    run = train(pictures, out=tmp_path / "run", recipe=f"{tmp_path / 'mine.py'}:quick", epochs=1)

    config = run.config
    assert (1, 8, 0.2, 2, "trivial") == (
        config.epochs,
        config.batch,
        config.drop_path,
        config.repeats,
        config.augmentation.policy,
    )
    assert config.mixing is not None
    assert "recipe: " in capsys.readouterr().err
    assert run.best.exists()


def test_unequal_classes_are_noticed_and_the_remedy_is_said(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, count in (("zero", 15), ("one", 2)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for path in sorted((pictures / name).iterdir())[:count]:
            (tmp_path / "data" / name / path.name).write_bytes(path.read_bytes())

    train(tmp_path / "data", out=tmp_path / "run", weights="none", dry_run=True)

    assert "zero has 12 pictures and one 1, 12.0 to 1, so the loss is corrected" in capsys.readouterr().err


def test_a_remedy_that_was_asked_for_is_a_setting_of_the_run(pictures: Path, tmp_path: Path) -> None:
    run = train(
        pictures, out=tmp_path, model="swin_pico", image_size=16, epochs=1, batch=8, imbalance="weights"
    )

    assert "weights" == run.config.imbalance
    with pytest.raises(ConfigError, match="keeps its settings"):
        train(resume=tmp_path, imbalance="none")


def test_a_teacher_is_named_in_the_plan_and_one_that_cannot_teach_is_refused(
    run: Run, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"model": "swin_pico", "image_size": 16, "epochs": 1, "batch": 8}

    taught = train(pictures, out=tmp_path / "run", teacher=run.folder, distillation="hard", **small)

    assert "50% of the loss comes from its answers" in capsys.readouterr().err
    assert taught.config.distillation is not None
    assert "hard" == taught.config.distillation.kind
    with pytest.raises(ConfigError, match="cannot teach all classes"):
        train(out=tmp_path / "digits", teacher=run.folder, **small)


def test_pictures_that_show_the_same_are_never_parted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A mirrored copy of every picture of one class: without looking, some would lie on either side."""
    rng = np.random.default_rng(0)
    for label in ("plain", "other"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(12):
            coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
            picture = coarse.resize((48, 48), Image.Resampling.BICUBIC)
            picture.save(tmp_path / "data" / label / f"{number}.png")
            if label == "plain":
                picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
                    tmp_path / "data" / label / f"{number}-mirrored.png"
                )

    run = train(
        tmp_path / "data", out=tmp_path / "run", model="swin_pico", weights="none", image_size=16, epochs=1
    )

    split = {row.split(",")[0]: row.split(",")[2] for row in run.split.read_text().splitlines()[1:]}
    assert {"train", "val"} == set(split.values())
    for number in range(12):
        assert split[f"plain/{number}.png"] == split[f"plain/{number}-mirrored.png"]
    assert "copies: 24 pictures show what another shows, kept in one split" in capsys.readouterr().err


def test_what_check_says_to_leave_out_is_left_out_and_copies_stay_together(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "pictures"
    shutil.copytree(pictures, own)
    some = sorted(own.glob("zero/*"))
    shutil.copy(some[0], own / "one" / "wrong.png")
    shutil.copy(some[1], own / "zero" / "again.png")
    found = check(own, out=tmp_path / "checked")

    run = train(
        own,
        exclude=found.folder / "findings.csv",
        out=tmp_path / "run",
        model="swin_pico",
        weights="none",
        image_size=8,
        epochs=1,
    )

    count = sum(1 for _ in own.rglob("*.png"))
    assert f"left out 2 of {count} pictures" in capsys.readouterr().err
    assert run.split.read_text() == (found.folder / "split.csv").read_text(), "as check said it would be"
    assert "one/wrong.png" not in run.split.read_text()
    assert run.evaluation["accuracy"] == evaluate(own, run.folder).accuracy


def test_bad_lines_of_a_table_are_found_left_out_on_request_and_known_to_the_run(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    shutil.copytree(pictures, own)
    named = [path.relative_to(own).as_posix() for path in sorted(own.rglob("*.png"))]
    lines = ["path,label", *(f"{name},{name.split('/')[0]}" for name in named), "gone.png,one"]
    (own / "labels.csv").write_text("\n".join(lines) + "\n")
    settings = {
        "model": "swin_pico",
        "weights": "none",
        "image_size": 8,
        "epochs": 1,
        "out": tmp_path / "run",
    }
    with pytest.raises(DataError, match=f"labels.csv:{len(lines)}: there is no file gone.png"):
        train(own, **settings)
    found = check(own, out=tmp_path / "checked")

    run = train(own, exclude=found.folder / "findings.csv", **settings)

    assert ("D006", (f"labels.csv:{len(lines)}",)) in {(one.code, one.files) for one in found.findings}
    assert "--exclude" in found.next_command
    assert f"left out 0 of {len(named)} pictures, and 1 line of a table" in capsys.readouterr().err
    assert run.evaluation["accuracy"] == evaluate(None, run.folder).accuracy


def test_copies_across_splits_are_named_on_the_screen(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "pictures"
    shutil.copytree(pictures, own / "train")
    for name in ("zero", "one"):
        (own / "val" / name).mkdir(parents=True)
        shutil.copy(min((own / "train" / name).iterdir()), own / "val" / name / "copy.png")

    train(own, out=tmp_path / "run", model="swin_pico", weights="none", image_size=8, dry_run=True)

    assert "2 pictures have a copy in another split" in capsys.readouterr().err


def test_a_file_that_is_none_of_findings_is_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("path,label\n")

    with pytest.raises(DataError, match="no file of findings"):
        train(pictures, exclude=tmp_path / "x.csv", out=tmp_path / "run")


def test_the_report_names_what_check_would(pictures: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(pictures, own)
    (own / "zero" / "empty.png").write_bytes(b"")
    run = train(
        own, out=tmp_path / "run", model="swin_pico", weights="none", image_size=16, epochs=1, batch=8
    )
    assert "D001" in [one["code"] for one in run.facts["data"]["findings"]]
    page = (run.folder / "report.html").read_text("utf-8")
    assert "zero/empty.png" in page and "cannot be read <small>D001, an error</small>" in page


@pytest.mark.parametrize("cache", ["ram", "disk"])
def test_pictures_are_kept_while_training_and_gone_afterwards(
    cache: Any, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = train(pictures, out=tmp_path / "run", cache=cache, model="swin_pico", image_size=8, epochs=1)

    said = capsys.readouterr().err
    assert f"kept in {cache}" in said
    assert ".lock" not in said
    assert FILES == {path.name for path in kept.folder.iterdir()}
    assert kept.config.cache == cache


def test_one_process_alone_cannot_share_out_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is the only one") as caught:
        train(out=tmp_path / "run", shard=True)

    assert "torchrun" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_a_model_too_large_for_one_process_is_shared_out_by_several(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be timed then, so that somebody has to say how long."""
    asked: dict[str, Any] = {"out": tmp_path / "run", "model": "swin_nano", "weights": "none"}
    asked |= {"image_size": 16, "batch": 8, "dry_run": True}
    little = Machine(device="cpu", threads=1, bf16=False, memory=15_000_000)
    two_cores = replace(machine.processor(), cores=2)
    monkeypatch.setattr(machine, "machine_for", lambda device: little)
    monkeypatch.setattr(machine, "processor", lambda: two_cores)
    monkeypatch.setattr(distributed, "_current", Processes(0, 4))
    monkeypatch.setattr(Processes, "_tell", lambda *what: None)  # there is nobody
    with pytest.raises(ConfigError, match="no process has room") as caught:
        train(pictures, **asked)

    train(pictures, **asked, epochs=3)

    assert "--epochs" in caught.value.hint
    said = capsys.readouterr().err
    assert "time: unknown" in said
    assert "with the model shared out" in said
