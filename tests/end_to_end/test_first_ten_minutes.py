"""The first ten minutes with swinkit: commands as a person types them, on a folder as found in the wild."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from swinkit.data import digits
from tests.end_to_end.messy_folder import Messy, make_messy_folder

LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Typed:
    """What a command answered."""

    code: int
    out: str
    err: str


def typed(command: str, folder: Path) -> Typed:
    """Run `swinkit …` in a folder, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "swinkit", *command.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Typed(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the person types, with `photos/` and, nobody has said of what, `new/`."""
    desk = tmp_path_factory.mktemp("desk")
    new = desk / "new"
    new.mkdir()
    for sample in digits().samples[-40:]:
        if sample.label in ("0", "1", "7"):
            Image.fromarray(sample.pixels()).save(new / f"{sample.label} {sample.name}.png")
    (new / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return desk


@pytest.fixture(scope="module")
def messy(desk: Path) -> Messy:
    return make_messy_folder(desk / "photos")


@pytest.fixture(scope="module")
def checked(desk: Path, messy: Messy) -> Typed:
    before = contents(messy.root)
    answer = typed("check photos", desk)
    assert before == contents(messy.root), "check wrote into the user's data"
    return answer


@pytest.fixture(scope="module")
def findings(desk: Path, checked: Typed) -> list[dict[str, str]]:
    with (desk / "runs" / "check-photos" / "findings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(desk: Path, messy: Messy, checked: Typed) -> Typed:
    before = contents(messy.root)
    settings = "--weights none --model swin_pico --image-size 32 --epochs 12"
    answer = typed(f"train photos --resplit {settings}", desk)
    assert before == contents(messy.root), "train wrote into the user's data"
    return answer


@pytest.fixture(scope="module")
def run(desk: Path, trained: Typed) -> Path:
    assert 0 == trained.code, trained.err
    return desk / "runs" / "photos-1"


def test_doctor_finds_this_machine_ready(desk: Path) -> None:
    answer = typed("doctor", desk)

    assert 0 == answer.code, answer.err
    assert "ready" in answer.out


def test_check_says_no_and_names_what_it_wrote(desk: Path, checked: Typed) -> None:
    assert 1 == checked.code, checked.err
    said = checked.out + checked.err
    for name in ("check.html", "findings.csv", "split.csv"):
        assert (desk / "runs" / "check-photos" / name).is_file()
        assert name in said
    assert "swinkit train photos" in said


@pytest.mark.parametrize(
    "kind",
    [
        "unreadable",
        "too large",
        "wrong extension",
        "cmyk",
        "rotated",
        "16 bits",
        "alpha",
        "animated",
        "one pixel",
        "long and thin",
        "two labels",
        "empty class",
    ],
)
def test_every_planted_defect_is_named_with_its_path(
    kind: str, messy: Messy, findings: list[dict[str, str]]
) -> None:
    named = "\n".join(" ".join(str(value) for value in row.values()) for row in findings)
    missing = [path for path in messy.planted[kind] if path not in named]

    assert not missing


@pytest.mark.parametrize("kind", ["exact", "encoded again", "mirrored"])
def test_both_sides_of_every_copy_across_splits_are_named(
    kind: str, messy: Messy, findings: list[dict[str, str]]
) -> None:
    errors = "\n".join(
        " ".join(str(value) for value in row.values()) for row in findings if row["severity"] == "error"
    )

    assert [] == [pair for pair in messy.pairs[kind] if not all(path in errors for path in pair)]


def test_a_class_without_validation_pictures_the_imbalance_and_the_giveaway_are_named(
    findings: list[dict[str, str]],
) -> None:
    said = "\n".join(row["message"] for row in findings if row["severity"] == "warning")

    assert "seven" in said  # no pictures in val
    assert "bit" in said  # sixteen bits in one class alone


def test_train_says_its_plan_before_it_starts_and_where_everything_is_at_the_end(
    run: Path, trained: Typed
) -> None:
    said = trained.err
    assert said.index("learning rate:") < said.index("epoch")
    assert "truncated.jpg" in said
    assert str(Path("runs") / "photos-1") in said.splitlines()[-1]
    for name in ("best.safetensors", "evaluation.json", "predictions.csv", "report.html", "split.csv"):
        assert (run / name).is_file()


def test_copies_are_on_one_side_of_the_new_split(run: Path, messy: Messy) -> None:
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        split = {row["name"]: row["split"] for row in csv.DictReader(file)}

    for pairs in messy.pairs.values():
        for one, other in pairs:
            assert split.get(one, "left out") == split.get(other, "left out"), (one, other)


def test_the_report_is_one_page_that_names_the_trouble(run: Path, desk: Path) -> None:
    page = (run / "report.html").read_text("utf-8")

    assert "truncated.jpg" in page
    assert str(desk) not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_predict_answers_each_file_as_evaluate_did(run: Path, desk: Path) -> None:
    answer = typed("predict new --weights runs/photos-1 --json", desk)

    assert 0 == answer.code, answer.err
    said = {Path(one["image"]).name: one for one in json.loads(answer.out)}
    assert len(said) == len(list((desk / "new").iterdir()))
    assert said["cut.jpg"]["error"]
    assert all(one["label"] in ("zero", "one", "seven") for name, one in said.items() if name != "cut.jpg")

    with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        scored = {row["image"]: row for row in csv.DictReader(file)}
    name = next(iter(scored))
    again = json.loads(typed(f"predict photos/{name} --weights runs/photos-1 --json", desk).out)
    assert scored[name]["predicted"] == again[0]["label"]
    assert float(scored[name]["probability"]) == pytest.approx(again[0]["probability"], abs=1e-6)


def test_a_slip_of_the_pen_gets_one_sentence(desk: Path, messy: Messy) -> None:
    answer = typed("check foto", desk)

    assert 2 == answer.code
    assert "photos" in answer.err
