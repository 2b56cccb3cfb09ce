from __future__ import annotations

import json
from pathlib import Path

import pytest

from swinkit.engine.run import SCHEMA, Run, clear, new_run
from swinkit.errors import RunError
from tests.engine.small_runs import SETTINGS


def write_facts(folder: Path, **changes: object) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"schema": SCHEMA, "config": SETTINGS.to_dict(), **changes}
    (folder / "run.json").write_text(json.dumps(facts))
    return Run(folder)


def test_a_run_reads_back_its_settings(tmp_path: Path) -> None:
    assert SETTINGS == write_facts(tmp_path).config


def test_a_run_of_another_schema_is_refused(tmp_path: Path) -> None:
    run = write_facts(tmp_path, schema=SCHEMA + 1)

    with pytest.raises(RunError, match=f"schema {SCHEMA + 1}; this swinkit reads {SCHEMA}"):
        _ = run.facts


@pytest.mark.parametrize("content", ["", "{", "[1, 2]"])
def test_a_damaged_run_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)

    with pytest.raises(RunError, match="cannot read"):
        _ = Run(tmp_path).facts


def test_an_unfinished_run_has_no_metrics_yet_and_says_how_to_get_an_evaluation(tmp_path: Path) -> None:
    run = write_facts(tmp_path)

    assert [] == run.metrics
    with pytest.raises(RunError, match="is not finished") as caught:
        _ = run.evaluation
    assert "--resume" in caught.value.hint


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    assert tmp_path == new_run(tmp_path, name="x").folder


def test_asking_for_a_folder_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    new_run(None, name="x")
    new_run("somewhere", name="x")

    assert [] == list(tmp_path.iterdir())


def test_clearing_removes_what_a_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    run = write_facts(tmp_path)
    (run.last / "8").mkdir(parents=True)
    for name in ("best.safetensors", "log.txt", "mine.txt"):
        (tmp_path / name).write_text("")

    clear(run)

    assert ["mine.txt"] == [path.name for path in tmp_path.iterdir()]
