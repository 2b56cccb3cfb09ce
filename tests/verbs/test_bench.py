"""`bench`: what it answers, whom it refuses, what it writes, what it says to a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import swinkit
from swinkit.benchmark import comparison, peers, timing
from swinkit.benchmark.peers import Peer
from swinkit.benchmark.ready import Job, Ready, eager
from swinkit.benchmark.results import Case, Memory
from swinkit.cli.main import main
from swinkit.errors import KernelRefused, RunError
from tests.report.test_model_page import looked_up
from tests.report.test_page import Reader


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """Small matrices, one call a turn, and no process of its own for memory (tests/benchmark has those)."""
    monkeypatch.setattr(timing, "SIDE", 64)
    monkeypatch.setattr(timing, "MOST_CALLS", 1)
    monkeypatch.setattr(comparison, "memory_of", lambda *_: Memory(working=1_000_000, process=3_000_000))


def off_by(share: float) -> Peer:
    """A peer whose logits are off by so much of the largest."""

    def build(job: Job) -> Ready:
        ready = eager(job.model, job.images, job.case, "altered")
        return Ready(
            call=ready.call,
            logits=lambda answer: answer + share * answer.abs().max(),
            settle=ready.settle,
            detail="altered",
        )

    return Peer(build, ())


def failing(job: Job) -> Ready:
    raise OSError("the library\nfell over")


def small(**settings) -> swinkit.verbs.bench.Benchmark:  # type: ignore[name-defined]
    return swinkit.bench("swin_pico", **{"kernel": "torch", "rounds": 2, "threads": 1, **settings})


def test_each_setting_may_have_several_values_and_every_case_is_measured(tmp_path: Path) -> None:
    found = small(batch=[1, 2], image_size=[32, (32, 64)], kernel=["torch", "reference"], out=tmp_path / "b")

    assert {(32, 32), (32, 64)} == {case.image_size for case in found.cases()}
    assert 4 == len(found.cases()) == len(found.rates)
    assert [["torch", "reference"]] * 4 == [[row.name for row in rows] for rows in found.cases().values()]
    for row in found.rows:
        assert 0 < row.wall.best <= row.wall.p50 <= row.wall.p95
        assert row.case.batch / row.wall.p50 == row.throughput
        assert 0 < row.share and 0 <= row.outside <= 1 and 0 < row.start
        assert row.off is not None and row.off < 1e-5 and row.agree == 1
    assert {1.0} == {rows[0].ratio for rows in found.cases().values()}


def test_what_was_measured_before_is_not_replaced(tmp_path: Path) -> None:
    measured, other = tmp_path / "b" / "bench.json", tmp_path / "c" / "thesis.txt"
    for path in (measured, other):
        path.parent.mkdir()
        path.write_text("work")

    for path, words in ((measured, "holds a benchmark"), (other, "exists and is not empty")):
        with pytest.raises(RunError, match=words) as caught:
            small(out=path.parent)
        assert "--out" in caught.value.hint
        assert "work" == path.read_text()


def test_what_is_written_is_what_is_answered(tmp_path: Path) -> None:
    found = small(out=tmp_path / "b")

    written = json.loads((tmp_path / "b" / "bench.json").read_text("utf-8"))
    assert json.loads(json.dumps(found.to_dict())) == written
    assert {"schema", "machine", "rows", "rates", "left_out", "rounds", "folder"} == written.keys()
    assert written["machine"]["versions"]["torch"] == torch.__version__


def test_what_was_measured_before_an_interruption_is_kept(tmp_path: Path, monkeypatch, capsys) -> None:
    for_real = comparison.compare

    def until_the_second(case: Case, *arguments: object, **settings: object) -> object:
        if case.batch == 2:
            raise KeyboardInterrupt
        return for_real(case, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(comparison, "compare", until_the_second)

    code = main(["bench", "swin_pico", "--image-size", "32", "--batch", "1,2", "--out", str(tmp_path / "b")])

    assert 130 == code
    assert "1 measured case is in" in capsys.readouterr().err
    written = json.loads((tmp_path / "b" / "bench.json").read_text("utf-8"))
    assert [1, 1] == [row["case"]["batch"] for row in written["rows"]]
    assert (tmp_path / "b" / "bench.html").is_file()


def test_the_fastest_other_is_named(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(peers.PEERS, "timm", off_by(0))
    found = small(peers="timm", out=tmp_path / "b")

    (case,) = found.cases()
    best = found.best_peer(case)
    assert best is not None
    assert ("timm", "torch") == (best.name, found.first(case).name)
    page = (tmp_path / "b" / "bench.html").read_text("utf-8")
    assert "Here the fastest other, timm, takes" in page


def test_every_number_of_the_page_stands_in_the_file(tmp_path: Path) -> None:
    small(image_size=[32, 64], out=tmp_path / "b")

    page = (tmp_path / "b" / "bench.html").read_text("utf-8")
    written = json.loads((tmp_path / "b" / "bench.json").read_text("utf-8"))
    numbers = [attributes for tag, attributes in Reader(page).tags if tag == "data"]
    assert len(numbers) > 20
    for number in numbers:
        file, _, pointer = str(number["data-fact"]).partition("#")
        assert ("bench.json", float(str(number["value"]))) == (file, looked_up(written, pointer))
    assert "Growth with the area" in page


def test_a_fast_wrong_answer_is_no_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(peers.PEERS, "timm", off_by(1e-3))

    found = small(peers="timm", out=tmp_path / "b")

    assert ["torch"] == [row.name for row in found.rows]
    (refused,) = found.left_out
    assert refused.name == "timm" and "off by 0.001 of the largest" in refused.why


def test_a_right_answer_is_timed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(peers.PEERS, "timm", off_by(1e-6))
    assert ["torch", "timm"] == [row.name for row in small(peers="timm", out=tmp_path / "b").rows]


def test_what_falls_over_is_left_out_and_its_reason_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(peers.PEERS, "timm", Peer(failing, ()))

    (left,) = small(peers="timm", out=tmp_path / "b").left_out

    assert "it failed with OSError: the library" == left.why


def test_a_peer_that_is_not_installed_is_named_with_the_line_that_installs_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(peers.PEERS, "openvino", Peer(failing, ("no_such_package",)))

    (left,) = small(peers="openvino", out=tmp_path / "b").left_out

    assert "not installed: pip install no_such_package" == left.why


def test_another_architecture_is_timed_without_being_compared(tmp_path: Path) -> None:
    (_, other) = small(vs="resnet18", out=tmp_path / "b").rows

    assert ("resnet18", "other", None) == (other.name, other.kind, other.off)


def test_where_nothing_can_run_that_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KernelRefused, match="torch: eager torch does not multiply int8"):
        small(dtype="int8", out=tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_model_of_ones_own_is_measured(tmp_path: Path) -> None:
    weights = swinkit.save(swinkit.create_model("swin_pico", classes=3), tmp_path / "own.safetensors")
    found = swinkit.bench(weights, kernel="torch", rounds=1, out=tmp_path / "b")
    assert str(weights) == found.rows[0].case.model


def test_threads_are_as_they_were_before(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    small(threads=before + 1, out=tmp_path / "b")
    assert before == torch.get_num_threads()


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys) -> None:
    command = ["bench", "swin_pico", "--kernel", "torch", "--rounds", "1", "--batch", "1,2"]

    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    table = capsys.readouterr()
    assert 2 == table.out.count("swin_pico, ") and "images/s" in table.out
    assert "wrote bench.json and bench.html" in table.err

    assert main([*command, "--out", str(tmp_path / "b"), "--json"]) == 0
    assert [1, 2] == [row["case"]["batch"] for row in json.loads(capsys.readouterr().out)["rows"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["swin_tinny"], "there is no size named 'swin_tinny'"),
        (["--dtype", "float8"], "bench knows no dtype 'float8'"),
        (["--peers", "tim"], "bench knows no peer 'tim'"),
        (["--kernel", "cuda"], "bench knows no kernel 'cuda'"),
        (["--vs", "resnet5O"], "there is no architecture named 'resnet5O'"),
        (["--batch", "0"], "--batch takes counts such as 1 or 1,8,32; got '0'"),
        (["--rounds", "0"], "rounds is a count from 1; got 0"),
        (["--image-size", "big"], "--image-size takes one side (224)"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_work(options: list[str], said: str, tmp_path, capsys) -> None:
    assert main(["bench", *options, "--out", str(tmp_path / "b")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
