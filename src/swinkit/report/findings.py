"""What `check` found in the data, as pages show it: by rule, the gravest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from swinkit.health.findings import RULES, Finding, Severity
from swinkit.report import words

SHOWN = 50
"""Findings of one rule that are told one by one."""


@dataclass(frozen=True, slots=True)
class Group:
    """All that one rule found. more: whether there are others than those told."""

    code: str
    severity: Severity
    title: str
    fix: str
    told: tuple[Markup, ...]
    more: bool


def grouped(findings: Sequence[Finding]) -> list[Group]:
    """Findings by their rule; codes are in the order of severity already."""
    ordered = sorted(findings, key=lambda finding: finding.code)
    return [_group(code, list(those)) for code, those in groupby(ordered, key=lambda finding: finding.code)]


def _group(code: str, those: Sequence[Finding]) -> Group:
    rule = RULES[code]
    return Group(
        code=code,
        severity=those[0].severity,
        title=rule.title,
        fix=rule.fix,
        told=tuple(words.finding(finding) for finding in those[:SHOWN]),
        more=len(those) > SHOWN,
    )


def stored(findings: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Findings as run.json holds them."""
    return [
        Finding(code=one["code"], message=one["message"], files=tuple(one.get("files", ())))
        for one in findings
    ]
