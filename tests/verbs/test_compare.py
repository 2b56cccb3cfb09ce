from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

import swinkit
from swinkit.cli.main import main
from swinkit.data import digits
from swinkit.errors import ConfigError, DataError
from swinkit.models import create_model
from swinkit.weights import save


def pictures(folder: Path, numbers: range) -> Path:
    for sample in (digits().samples[number] for number in numbers):
        if sample.label in ("0", "1", "2"):
            place = folder / f"digit {sample.label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sample.pixels()).save(place / f"{sample.name}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("weights")
    models = (
        create_model("swin_pico", classes=("digit 0", "digit 1", "digit 2"), image_size=16) for _ in "ab"
    )
    return [save(model, folder / f"{name}.safetensors") for name, model in zip("ab", models, strict=True)]


@pytest.fixture(scope="module")
def scored(weights: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models, each scored on 60 scans under other names, of which 40 are the same."""
    root = tmp_path_factory.mktemp("scored")
    for source, name, numbers in zip(weights, "ab", (range(60), range(20, 80)), strict=True):
        data = pictures(root / f"data {name}", numbers)
        for path in data.rglob("*.png"):
            path.rename(path.with_name(f"{name}-{path.name}"))
        swinkit.evaluate(data, source, out=root / name)
    return [root / name for name in "ab"]


def test_only_the_pictures_that_both_have_count_whatever_their_names(scored: list[Path]) -> None:
    found = swinkit.compare(scored)

    shared = sum(digits().samples[number].label in ("0", "1", "2") for number in range(20, 60))
    either = sum(digits().samples[number].label in ("0", "1", "2") for number in range(80))
    assert (shared, either - shared) == (found.pictures, found.left_out)
    assert ["a", "b"] == [one.name for one in found.contenders]
    (duel,) = found.duels
    assert found.contenders[1].accuracy.value - found.contenders[0].accuracy.value == pytest.approx(
        duel.accuracy.value
    )


def test_a_model_beside_itself_differs_in_nothing(scored: list[Path], tmp_path: Path) -> None:
    for name in ("evaluation.json", "predictions.csv"):
        (tmp_path / name).write_bytes((scored[0] / name).read_bytes())

    (duel,) = swinkit.compare([scored[0], tmp_path]).duels

    assert (0, 0, 1.0, False) == (duel.only_first, duel.only_second, duel.p, duel.decided)


def test_runs_without_a_picture_in_common_are_refused(
    weights: list[Path], scored: list[Path], tmp_path: Path
) -> None:
    swinkit.evaluate(pictures(tmp_path / "data", range(200, 240)), weights[1], out=tmp_path / "other")

    with pytest.raises(DataError, match="no picture in common") as caught:
        swinkit.compare([scored[0], tmp_path / "other"])

    assert "swinkit evaluate DATA" in caught.value.hint


def test_runs_that_disagree_on_what_a_picture_shows_are_refused(scored: list[Path], tmp_path: Path) -> None:
    rows = list(csv.reader((scored[1] / "predictions.csv").read_text("utf-8").splitlines()))
    place = rows[0].index("label")
    for row in rows[1:]:
        row[place] = "digit 0"
    with (tmp_path / "predictions.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (tmp_path / "evaluation.json").write_bytes((scored[1] / "evaluation.json").read_bytes())

    with pytest.raises(DataError, match=r"disagree on what \d+ of the same pictures show"):
        swinkit.compare([scored[0], tmp_path])


def test_a_run_that_was_scored_in_another_way_is_told_how_to_be_scored_anew(
    scored: list[Path], tmp_path: Path
) -> None:
    old = tmp_path / "my run"
    old.mkdir()
    (old / "run.json").write_text("{}")
    (old / "evaluation.json").write_text("{}")
    (old / "predictions.csv").write_text("label,predicted\na,a\n")

    with pytest.raises(ConfigError, match="was scored in another way") as caught:
        swinkit.compare([scored[0], old])

    assert f"swinkit evaluate --weights '{old}' --out FOLDER" in caught.value.hint


def test_what_is_no_scored_run_is_named_with_what_to_do(scored: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has not been scored: it lacks evaluation\.json") as caught:
        swinkit.compare([scored[0], tmp_path])
    assert "--resume" in caught.value.hint

    for few in ([], [scored[0]], [scored[0], scored[0]]):
        with pytest.raises(ConfigError, match="two or more different runs"):
            swinkit.compare(few)


def test_the_command_prints_both_tables_and_writes_the_page(
    scored: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(["compare", *map(str, scored), "--out", str(tmp_path)])

    printed = capsys.readouterr()
    assert "balanced accuracy, second less first" in printed.out
    assert "compare.html" in printed.err
    written = json.loads((tmp_path / "comparison.json").read_text())
    assert written["duels"][0]["p"] == swinkit.compare(scored).duels[0].p
    assert (tmp_path / "compare.html").stat().st_size > 1000
    assert 0 == main(["compare", *map(str, scored), "--json"])
    assert json.loads(capsys.readouterr().out)["pictures"] == written["pictures"]


def test_a_folder_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no run .*absent"):
        swinkit.compare([tmp_path / "absent", tmp_path / "gone"])
