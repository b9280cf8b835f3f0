"""Released versions do not change: what the lock holds, what it says when something would change, what it lets pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.errors import TemplateError, UnknownTemplate
from studio.keys import digest_of
from templates.library import Library
from templates.versions import LOCK, changed, content, content_digest, write_release
from tests.unit.test_layers import STYLE, folder

ROOT_STYLE = "styles/clog.yaml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with one released style over a base."""
    folder(tmp_path, {ROOT_STYLE: STYLE, "styles/base.yaml": "shadow: {contact: 0.5}\n"})
    write_release(tmp_path, Library(tmp_path).template("clog"))
    return tmp_path


def said(home: Path) -> str:
    with pytest.raises(TemplateError) as caught:
        Library(home)
    return caught.value.message


def test_an_unchanged_release_loads(home: Path) -> None:
    made = Library(home)
    assert made.locked() == ("clog@1",)
    assert made.released("clog@1") == made.template("clog")
    assert (home / LOCK).read_text().splitlines()[-1] == f"clog@1: {content_digest(made.template('clog'))}"


def test_a_changed_release_is_refused(home: Path) -> None:
    (home / ROOT_STYLE).write_text(STYLE + "shadow: {cast: 0.9}\nqa: {fill: {max: 0.9}}\n")
    changes = "qa.fill.max, qa.fill.on_fail, qa.fill.retry, shadow.cast"
    assert f"clog.yaml: version: clog@1 is released and would change in {changes}; raise version" in said(home)


def test_also_when_a_lower_layer_changes(home: Path) -> None:
    (home / "styles/base.yaml").write_text("shadow: {contact: 0.6}\n")
    assert "clog@1 is released and would change in shadow.contact; raise version" in said(home)


def test_a_raised_version_is_free_and_the_old_one_still_there(home: Path) -> None:
    (home / ROOT_STYLE).write_text(STYLE + "version: 2\nshadow: {contact: 0.9}\n")
    made = Library(home)
    assert (made.template("clog").version, made.template("clog").shadow.contact) == (2, 0.9)
    assert made.template("clog@1").shadow.contact == 0.5
    assert set(made.explained("clog@1")[1].values()) == {"released/clog@1.json"}
    with pytest.raises(UnknownTemplate, match="clog@2"):
        made.template("clog@3")
    with pytest.raises(UnknownTemplate):
        made.home(made.template("clog@1"))


def test_a_kept_file_of_the_old_version_is_held_to_its_lock(home: Path) -> None:
    (home / ROOT_STYLE).write_text(STYLE + "version: 2\n")
    (home / "styles/clog@1.yaml").write_text(STYLE + "shadow: {contact: 0.5}\n")
    assert Library(home).template("clog@1").shadow.contact == 0.5
    (home / "styles/clog@1.yaml").write_text(STYLE)
    assert "clog@1.yaml: version: clog@1 is released and would change in shadow.contact" in said(home)


@pytest.mark.parametrize("old", ["{}", "no json", '{"id": "clog"}'])
def test_a_damaged_release_is_told(home: Path, old: str) -> None:
    (home / ROOT_STYLE).write_text(STYLE + "shadow: {cast: 0.9}\n")
    (home / "released" / "clog@1.json").write_text(old)
    assert "clog@1.json" in said(home)


def test_a_field_that_the_schema_got_later_does_not_count(home: Path) -> None:
    """A release from before `harmonise` existed: its JSON lacks the field, its digest is of that JSON."""
    path = home / "released" / "clog@1.json"
    data = json.loads(path.read_text())
    del data["harmonise"], data["light"]["ratio"]
    path.write_text(json.dumps(data))
    (home / LOCK).write_text(f"clog@1: {digest_of(data)}\n")
    assert Library(home).template("clog").harmonise.edge == 0
    (home / ROOT_STYLE).write_text(STYLE + "harmonise: {edge: 0.5}\n")
    assert "would change in harmonise.edge; raise version" in said(home)


def test_a_lock_is_checked(home: Path) -> None:
    (home / LOCK).write_text("clog: abc\n")
    assert f"{LOCK}: clog: id@version: digest is expected" in said(home)


def test_a_lock_is_never_rewritten(home: Path) -> None:
    before = (home / LOCK).read_text()
    (home / "styles/base.yaml").unlink()
    (home / ROOT_STYLE).write_text(STYLE + "version: 2\n")
    write_release(home, Library(home).template("clog"))
    lines = (home / LOCK).read_text().splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == ["clog@1", "clog@2"]
    assert before.splitlines()[-1] in lines


def test_a_brand_is_no_part_of_it(home: Path) -> None:
    look = Library(home).template("clog")
    assert content_digest(look) == content_digest(look.model_copy(update={"brand": "acme"}))


def test_an_empty_group_is_no_change() -> None:
    assert changed({"qa": {}, "x": {}}, {"qa": {"fill": 1}}) == {"qa.fill": (None, 1)}


def test_changed_names_fields_on_both_sides(home: Path) -> None:
    look = Library(home).template("clog")
    other = look.model_copy(update={"title": "New", "outputs": ("shop", "web")})
    assert changed(content(look), content(other)) == {"title": ("Clog", "New"), "outputs": (["shop"], ["shop", "web"])}
    assert changed({"a": {"b": 1}}, {"a": {"c": 1}}) == {"a.b": (1, None), "a.c": (None, 1)}
