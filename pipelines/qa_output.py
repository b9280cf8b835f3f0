"""What `packshot qa` says: a table for people, JSON and JUnit XML for machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from studio.destination import Destination
from studio.errors import PackshotError
from studio.qa.annotate import sentence
from studio.qa.preflight import Finding, left_out

_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its findings, or why it could not be read."""

    file: Path
    findings: tuple[Finding, ...] = ()
    error: PackshotError | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return self.error is None and all(finding.passed for finding in self.findings)


def table(console: Console, files: Sequence[Checked], where: Destination) -> None:
    """A table a file: rule, value, limit, source."""
    for one in files:
        state = "[green]passes[/green]" if one.passed else "[red]does not pass[/red]"
        console.print(f"{escape(str(one.file))}: {state} for {where.id}")
        if one.error is not None:
            console.print(f"  {escape(one.error.message)} ({one.error.code})")
            continue
        rows = Table("", "rule", "value", "wanted", "unit", "source")
        for finding in one.findings:
            value = "not measured" if finding.value is None else f"{finding.value:.6g}"
            mark = "[green]ok[/green]" if finding.passed else "[red]FAIL[/red]"
            rows.add_row(mark, finding.rule.name, value, finding.wanted, finding.rule.unit, escape(finding.source))
        console.print(rows)
        if one.note:
            console.print(f"  {escape(one.note)}")
    if left_out(where):
        console.print(f"not for files of others: {', '.join(left_out(where))} (compared with the photo)")


def document(files: Sequence[Checked], where: Destination) -> dict[str, Any]:
    """The same as JSON-able data."""
    return {
        "destination": where.id,
        "passed": all(one.passed for one in files),
        "left_out": list(left_out(where)),
        "files": [
            {
                "file": str(one.file),
                "passed": one.passed,
                "error": None if one.error is None else {"code": one.error.code, "message": one.error.message},
                "note": one.note,
                "findings": [_finding(finding) for finding in one.findings],
            }
            for one in files
        ],
    }


def junit(files: Sequence[Checked], where: Destination) -> bytes:
    """The same as JUnit XML: a suite a file, a case a rule; a file that cannot be read is a case with an error."""
    root = Xml.Element("testsuites", name=f"packshot qa {where.id}")
    for one in files:
        failed = sum(not finding.passed for finding in one.findings)
        counts = {"tests": str(max(1, len(one.findings))), "failures": str(failed), "errors": str(int(one.error is not None))}
        suite = Xml.SubElement(root, "testsuite", {"name": _clean(str(one.file)), **counts})
        if one.error is not None:
            case = Xml.SubElement(suite, "testcase", classname=where.id, name="readable")
            Xml.SubElement(case, "error", type=one.error.code, message=_clean(one.error.message))
        for finding in one.findings:
            case = Xml.SubElement(suite, "testcase", classname=where.id, name=finding.rule.name)
            if not finding.passed:
                failure = Xml.SubElement(case, "failure", type=finding.rule.name, message=sentence(finding))
                failure.text = finding.source
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.name,
        "about": finding.rule.about,
        "value": finding.value,
        "unit": finding.rule.unit,
        "min": finding.limit.min,
        "max": finding.limit.max,
        "passed": finding.passed,
        "source": finding.source,
    }


def _clean(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
