"""Licences of the default install, and the bill of materials."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from pipelines.licences import KNOWN, Part, bad, judge, parts
from pipelines.sbom import sbom
from studio.models.registry import Registry


@cache
def installed() -> tuple[Part, ...]:
    return tuple(parts())


def test_the_default_install_holds_nothing_that_it_may_not() -> None:
    found = installed()
    assert {"packshot", "ray", "torch", "numpy"} <= {part.name for part in found}
    assert [(part.name, part.licence, part.verdict) for part in bad(found)] == []


def test_every_exception_is_still_needed() -> None:
    assert set(KNOWN) <= {part.name for part in installed()}


def test_what_only_tests_need_is_not_in_it() -> None:
    assert not {"pytest", "moto", "hypothesis", "schemathesis", "asyncssh"} & {part.name for part in installed()}


@pytest.mark.parametrize(
    "text", ["MIT", "Apache-2.0 OR BSD-3-Clause", "GPL-3.0-only OR MIT", "MIT AND (BSD-3-Clause)", "MPL-2.0 AND MIT"]
)
def test_permissive_licences_pass(text: str) -> None:
    assert judge("some-package", text) == ("fine", "")


@pytest.mark.parametrize(
    "text",
    [
        "GPL-3.0-only", "GPLv2", "AGPL-3.0-or-later", "GNU General Public License v3 (GPLv3)", "MIT AND GPL-2.0-only", "LGPL-3.0-only",
        "SSPL-1.0", "BUSL-1.1", "CC-BY-NC-4.0", "bria-rmbg-1.4 (non-commercial)", "Apache-2.0 AND CC-BY-NC-SA-4.0", "Proprietary",
    ],
)  # fmt: skip
def test_others_do_not(text: str) -> None:
    assert judge("some-package", text)[0] == "forbidden"


@pytest.mark.parametrize("text", ["", "see LICENSE", "Custom", "MITM", "UNKNOWN"])
def test_what_nobody_has_read_does_not_pass(text: str) -> None:
    assert judge("some-package", text)[0] == "unknown"


def test_an_exception_holds_for_the_licence_that_was_read() -> None:
    assert judge("psycopg", "LGPL-3.0-only")[0] == "known"
    assert judge("psycopg", "AGPL-3.0-only")[0] == "unknown"


def test_no_model_that_is_fetched_by_default_forbids_commercial_use() -> None:
    registry = Registry(Path("/nowhere"))
    cards = [registry.card(name) for name in registry.names()]
    assert [card.name for card in cards if not card.commercial_use and not card.optional and card.source] == []


def test_the_bill_of_materials_is_whole_and_the_same_every_time() -> None:
    registry = Registry(Path("/nowhere"))
    cards = [registry.card(name) for name in registry.names()]
    bill = sbom(installed(), cards)
    assert json.dumps(bill, sort_keys=True) == json.dumps(sbom(parts(), cards), sort_keys=True)
    refs = [component["bom-ref"] for component in bill["components"]] + [bill["metadata"]["component"]["bom-ref"]]
    assert len(refs) == len(set(refs)), "a bom-ref is used once (CycloneDX 1.6)"
    named = {ref for line in bill["dependencies"] for ref in (line["ref"], *line["dependsOn"])}
    assert named <= set(refs)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert all(component["version"] for component in bill["components"] if component["type"] == "library")
