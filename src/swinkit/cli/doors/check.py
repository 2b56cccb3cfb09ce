from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Flag, GroupBy, Json, option
from swinkit.cli.screen import many, percent, print_facts, print_json, print_table, say
from swinkit.verbs.check import Check as Answer
from swinkit.verbs.check import check
from swinkit.writing import printable

if TYPE_CHECKING:
    from swinkit.verbs.check import Finding

ERRORS, NOTES, CLASSES = 10, 3, 50  # shown at most


@dataclass(frozen=True, kw_only=True)
class Check:
    """Look through pictures before training on them: what cannot be read, copies, labels, splits.

    Reads every picture once and changes nothing. The page, the list of findings and the split that training
    would make are written into runs/check-NAME. Exit code 1 where errors were found, with --strict also where
    warnings were.

    examples:
      swinkit check photos/
      swinkit check photos/ --strict --json
    """

    data: Annotated[Positional[str], option("DATA", "required")]
    """Folder, table, parquet file or tar archive of pictures."""
    labels: Annotated[str | None, option("FILE", "by default the classes of train")] = None
    """Classes, one in each line."""
    group_by: GroupBy = None
    out: Annotated[str | None, option("FOLDER", "by default runs/check-NAME")] = None
    """Where to write the page and the tables."""
    seed: Annotated[int, option("NUMBER", "by default 0")] = 0
    """Decides the split."""
    strict: Flag = False
    """Let warnings make the check fail too."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = check(
            self.data,
            labels=self.labels,
            group_by=self.group_by,
            out=self.out,
            seed=self.seed,
            strict=self.strict,
        )
        if self.json:
            print_json(found.to_dict())
        else:
            print_facts(_facts(found))
            print()
            _print_counts(found)
            if found.findings:
                print()
                for line in _lines(found.findings):
                    print(printable(line))
        _say_the_end(found)
        return 0 if found.passed else 1


def _facts(found: Answer) -> dict[str, str]:
    return {
        "data": f"{found.data}: {found.layout}",
        "pictures": f"{many(found.pictures, 'picture')} that can be read, {found.unreadable} that cannot",
        "other files": f"{found.ignored} ignored" if found.ignored else "",
        "majority": f"{percent(found.majority)} are of the commonest class" if found.majority else "",
    }


def _print_counts(found: Answer) -> None:
    """A row for each class; of very many only the smallest."""
    rows = list(found.counts.items())
    if len(rows) > CLASSES:
        rows = sorted(rows, key=lambda row: sum(row[1].values()))[:CLASSES]
        say(f"of {len(found.counts)} classes, the {CLASSES} smallest are shown; --json has all")
    splits = list(next(iter(found.counts.values()), {}))
    cells = [[name, *(f"{counts[split]:,}" for split in splits)] for name, counts in rows]
    print_table(["class", *splits], cells, right=range(1, len(splits) + 1))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    """A heading for each code, then what was found; many notes in short."""
    for code, group in groupby(findings, key=lambda finding: finding.code):
        those = list(group)
        yield f"{code} {those[0].severity}  {len(those)} × {those[0].rule.title}"
        most = NOTES if those[0].severity == "note" else ERRORS
        yield from (f"    {_described(finding)}" for finding in those[:most])
        if len(those) > most:
            yield f"    … and {len(those) - most} more"
        if those[0].rule.fix:
            yield f"    to mend it: {those[0].rule.fix}"


def _described(finding: Finding) -> str:
    return f"{finding.files[0]}: {finding.message}" if len(finding.files) == 1 else finding.message


def _say_the_end(found: Answer) -> None:
    looked_at = found.pictures + found.unreadable
    say(
        f"looked at {many(looked_at, 'picture')} in {found.seconds:.1f} s,"
        f" {looked_at / max(found.seconds, 1e-9):.0f} a second; nothing was changed"
    )
    say(f"{many(found.errors, 'error')}, {many(found.warnings, 'warning')}, {many(found.notes, 'note')}")
    say(f"wrote {', '.join(found.written)} into {found.folder}")
    mended = "after mending that: " if not found.passed and "train" not in found.next_command else "next: "
    say(f"{mended}{found.next_command}")
