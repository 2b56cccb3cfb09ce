"""What check found, told by rule: the gravest first, with names as text and no folder of the machine."""

from __future__ import annotations

from swinkit.health.findings import Finding
from swinkit.report.background import Trained, not_told
from swinkit.report.findings import SHOWN, grouped
from swinkit.report.model_page import report
from tests.report.names import EVIL
from tests.report.runs import Finished
from tests.report.test_page import Reader


def test_findings_come_by_rule_the_gravest_first() -> None:
    found = [
        Finding(code="D201", message="b.jpg is turned"),
        Finding(code="D001", message="cannot read a.jpg"),
        Finding(code="D201", message="c.jpg is turned"),
    ]
    groups = grouped(found)
    assert [("D001", "error"), ("D201", "note")] == [(one.code, one.severity) for one in groups]
    assert ("b.jpg is turned", "c.jpg is turned") == groups[1].told


def test_a_finding_names_its_files_unless_its_message_does() -> None:
    (group,) = grouped(
        [
            Finding(code="D001", message="it is empty", files=("cat/a.jpg",)),
            Finding(code="D001", message="cat/b.jpg is empty", files=("cat/b.jpg",)),
        ]
    )
    assert ["cat/a.jpg: it is empty", "cat/b.jpg is empty"] == [Reader(one).text for one in group.told]


def test_very_many_of_a_kind_are_cut_and_that_is_said() -> None:
    (group,) = grouped([Finding(code="D001", message=f"{i}") for i in range(SHOWN + 1)])
    assert (SHOWN, True) == (len(group.told), group.more)
    (group,) = grouped([Finding(code="D001", message=f"{i}") for i in range(SHOWN)])
    assert not group.more


def test_the_report_tells_the_findings_of_the_training(run: Finished) -> None:
    messages = [
        {"code": "D002", "message": f"train/{EVIL[0]} = val/b.jpg"},
        {"code": "D001", "message": "cannot read /home/annabel/secret/cat/a.jpg: cut off"},
    ]
    facts = {**run.facts, "data": {**run.facts["data"], "findings": messages}}
    page = report(run.found, run.images, trained=Trained(facts=facts, history=run.history))
    text = Reader(page).text
    assert f"train/{EVIL[0]} = val/b.jpg" in text
    assert "copies across splits" in text and "D002, an error" in text
    assert "cannot read a.jpg: cut off" in text and "annabel" not in page


def test_a_file_that_a_finding_names_is_not_listed_a_second_time() -> None:
    findings = [
        Finding(code="D001", message="it is empty", files=("cat/a.jpg",)),
        Finding(code="D202", message="inks", files=("cat/b.jpg",)),
    ]
    skipped = [("/home/annabel/photos/cat/a.jpg", "it is empty"), ("/home/annabel/photos/cat/b.jpg", "gone")]

    assert [skipped[1]] == not_told(skipped, findings)
    assert skipped == not_told(skipped, [])
