"""The page about a model as text: true to the files beside it, safe, self-contained, and not too large."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from swinkit.data import ImageSet
from swinkit.report.background import Trained
from swinkit.report.model_page import report, write_report
from swinkit.report.page import displayable
from tests.report.many import many_classes
from tests.report.names import EVIL
from tests.report.runs import Finished
from tests.report.test_page import Reader


def page_of(run: Finished) -> str:
    return report(run.found, run.images, trained=Trained(facts=run.facts, history=run.history))


@pytest.fixture(scope="module")
def page(run: Finished) -> str:
    return page_of(run)


def files_of(run: Finished, folder: Path) -> dict[str, Any]:
    """What stands in the files beside the page, by their names."""
    run.write(folder)
    with (folder / "split.csv").open(newline="") as file:
        split: dict[str, dict[str, int]] = {}
        for row in csv.DictReader(file):
            counts = split.setdefault(row["split"], dict.fromkeys(run.images.classes, 0))
            counts[row["label"]] += 1
    with (folder / "predictions.csv").open(newline="") as file:
        predictions = [
            {k: float(v) if "prob" in k else v for k, v in row.items()} for row in csv.DictReader(file)
        ]
    return {
        "evaluation.json": json.loads((folder / "evaluation.json").read_text()),
        "run.json": json.loads((folder / "run.json").read_text()),
        "split.csv": split,
        "predictions.csv": predictions,
    }


def looked_up(values: Any, pointer: str) -> float:
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        values = values[int(key) if isinstance(values, list) else key]
    return len(values) if isinstance(values, list | dict) else values


def test_every_number_stands_in_a_file_beside_the_page(run: Finished, page: str, tmp_path: Path) -> None:
    files = files_of(run, tmp_path)
    numbers = [attributes for tag, attributes in Reader(page).tags if tag == "data"]
    assert len(numbers) > 300
    for number in numbers:
        file, _, pointer = str(number["data-fact"]).partition("#")
        assert float(str(number["value"])) == looked_up(files[file], pointer), number
    assert set(files) == {str(number["data-fact"]).partition("#")[0] for number in numbers}


def test_no_figure_of_the_text_stands_outside_a_number(page: str) -> None:
    """But for what names things: classes and files of digits, levels of robustness, words such as 95 %."""
    body = page[page.index("<header>") : page.index('<section id="training">')]
    for marked in ("svg", "data", "bdi", "code", "th", "nav"):
        body = re.sub(rf"<{marked}\b.*?</{marked}>", "", body, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", body)
    found = {figure for figure in re.findall(r"\d+", text)}
    assert found <= {
        "95",  # % intervals
        "80",  # %, of which four in five
        "1",  # F1
        "12",  # pictures a cell
    }


def test_the_page_has_what_it_promises(page: str) -> None:
    elements = Reader(page).tags
    ids = [str(attributes["id"]) for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {str(a["href"])[1:] for tag, a in elements if tag == "a"}
    assert links <= set(ids)
    for section in ("mistakes", "classes", "losses", "labels", "looked", "calibration", "robustness"):
        assert section in links
    for section in ("data", "training", "cost"):
        assert section in links


def test_what_is_not_known_is_left_out(run: Finished) -> None:
    bare = replace(
        run.found,
        baselines=None,
        calibration=None,
        suspects=(),
        suspects_skipped="fewer than 100 pictures",
        robustness=(),
        looked=(),
        cost=None,
    )
    page = report(bare, run.images)
    ids = {attributes.get("id") for _, attributes in Reader(page).tags}
    assert not ids & {"calibration", "looked", "robustness", "cost", "training", "data"}
    assert "Wrong labels were not looked for: fewer than 100 pictures." in page


def test_nothing_is_fetched_and_every_picture_is_bare(page: str) -> None:
    for tag, attributes in Reader(page).tags:
        for name in ("src", "href", "srcset", "action"):
            target = attributes.get(name) or ""
            assert target == "" or target.startswith(("data:", "#")), f"<{tag} {name}={target[:40]}>"
        if tag == "img":
            assert attributes["alt"]
            image = Image.open(io.BytesIO(base64.b64decode(str(attributes["src"]).partition(",")[2])))
            assert {} == dict(image.getexif())


def renamed(run: Finished) -> Finished:
    """The same run with classes and files called as badly as can be."""
    label = {name: EVIL[i % len(EVIL)] + str(i) for i, name in enumerate(run.images.classes)}
    image = {s.name: f"{EVIL[i % len(EVIL)]}{i}" for i, s in enumerate(run.images.samples)}
    found, evaluation = run.found, run.found.evaluation
    evaluation = replace(
        evaluation,
        classes=tuple(label.values()),
        per_class={label[name]: score for name, score in evaluation.per_class.items()},
        data=EVIL[0],
        skipped=(
            (f"/home/annabel/secret/cat/{EVIL[0]}", f"cannot read /home/annabel/secret/x/{EVIL[1]}: broken"),
        ),
    )
    assert found.baselines is not None
    return replace(
        run,
        found=replace(
            found,
            evaluation=evaluation,
            per_class={label[name]: score for name, score in found.per_class.items()},
            pictures=tuple(
                replace(p, image=image[p.image], label=label[p.label], predicted=label[p.predicted])
                for p in found.pictures
            ),
            baselines=replace(found.baselines, majority_class=EVIL[1], probe_features=EVIL[2]),
            suspects=tuple(
                replace(s, image=image[s.image], label=label[s.label], suggested=label[s.suggested])
                for s in found.suspects
            ),
            looked=tuple(
                replace(one, image=image[one.image], label=label[one.label], predicted=label[one.predicted])
                for one in found.looked
            ),
        ),
        images=ImageSet(
            name=EVIL[0],
            samples=tuple(
                replace(s, name=image[s.name], label=label[str(s.label)]) for s in run.images.samples
            ),
            classes=tuple(label.values()),
        ),
        facts={
            **run.facts,
            "config": {**run.facts["config"], "data": f"/home/annabel/secret/{EVIL[0]}"},
            "reasons": [f"data: /home/annabel/secret/photos, {EVIL[0]}"],
        },
    )


def test_names_stay_text_whatever_they_hold(run: Finished, tmp_path: Path) -> None:
    evil = renamed(run)
    trained = Trained(facts=evil.facts, history=evil.history)
    page = write_report(tmp_path, evil.found, evil.images, trained=trained).read_text("utf-8")
    read = Reader(page)
    plain = {tag for tag, _ in Reader(page_of(run)).tags}
    assert plain >= {tag for tag, _ in read.tags}
    assert not [a for _, attributes in read.tags for a in attributes if a.startswith("on")]
    for name in evil.images.classes:
        assert displayable(name) in read.text


def test_no_folder_of_the_machine_is_told(run: Finished, tmp_path: Path) -> None:
    evil = renamed(run)
    page = report(evil.found, evil.images, trained=Trained(facts=evil.facts, history=evil.history))
    for folder in ("/home", "secret", str(tmp_path), str(Path.cwd())):
        assert folder not in page


def test_a_thousand_classes_and_fifty_thousand_pictures_stay_below_ten_megabytes() -> None:
    found, images = many_classes(classes=1_000, pictures=50_000)
    page = report(found, images)
    assert len(page.encode("utf-8")) < 10_000_000
    assert "Pictures are shown until the page is about as large as one can send" in page
    assert "Only the commonest are listed" in page
