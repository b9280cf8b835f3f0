"""Kustomizations are rendered, amounts are read; what is not understood is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cluster.manifests.documents import quantity, selects
from cluster.manifests.kustomize import render
from studio.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resourcs: [a.yaml]", "'resourcs' is not understood"),
        ("resources: [b.yaml]", "b.yaml"),
        ("resources: [a.yaml, a.yaml]", "two ConfigMap"),
        ("resources: [a.yaml]\npatches: [{target: {kind: ConfigMap, name: y}, patch: '[]'}]", "not there"),
        (
            "resources: [a.yaml]\npatches: [{target: {kind: ConfigMap, name: x}, patch: '[{op: replace, path: /data/b, value: c}]'}]",
            "nothing",
        ),
        ("resources: [a.yaml]\nresources: [a.yaml]", "given twice"),
        ("resources: [c.yaml]", "without apiVersion"),
    ],
)
def test_broken_kustomizations_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n")
    (tmp_path / "c.yaml").write_text("kind: ConfigMap\n")
    (tmp_path / "kustomization.yaml").write_text(text)
    with pytest.raises(SettingsError, match=re.escape(said)):
        render(tmp_path)


@pytest.mark.parametrize(("text", "value"), [("500m", 0.5), ("2Gi", 2**31), ("16", 16), (8, 8), ("1.5", 1.5), ("1k", 1000)])
def test_amounts(text: str, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize("text", ["", "x", "5 Gi", "Gi", None, "-1"])
def test_no_amounts(text: str | None) -> None:
    with pytest.raises(ValueError, match="no amount"):
        quantity(text)


def test_what_aliases_share_is_patched_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {a: &a {b: [1]}, c: *a}\n")
    patch = "[{op: add, path: /spec/a/b/-, value: 2}, {op: remove, path: /spec/c/b/0}, {op: add, path: /spec/a/~1d, value: e}]"
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [a.yaml]\nnamespace: n\npatches: [{{target: {{kind: Pod, name: x}}, patch: '{patch}'}}]"
    )
    (document,) = render(tmp_path)
    assert document["spec"] == {"a": {"b": [1, 2], "/d": "e"}, "c": {"b": []}}
    assert document["metadata"] == {"name": "x", "namespace": "n"}


@pytest.mark.parametrize(
    ("image", "rule", "made"),
    [
        ("a", "{name: a, newName: r/a, newTag: 1}", "r/a:1"),
        ("a:0", "{name: a, newTag: '1'}", "a:1"),
        ("host:5000/a:0", "{name: 'host:5000/a', newTag: '1'}", "host:5000/a:1"),
        ("a:0", "{name: a, digest: 'sha256:ff'}", "a@sha256:ff"),
        ("a@sha256:ee", "{name: a, newName: b}", "b@sha256:ee"),
        ("b:0", "{name: a, newTag: '1'}", "b:0"),
    ],
)
def test_images(tmp_path: Path, image: str, rule: str, made: str) -> None:
    (tmp_path / "a.yaml").write_text(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{containers: [{{image: '{image}'}}]}}\n"
    )
    (tmp_path / "kustomization.yaml").write_text(f"resources: [a.yaml]\nimages: [{rule}]")
    assert render(tmp_path)[0]["spec"]["containers"][0]["image"] == made


def test_selectors() -> None:
    assert selects({}, {"a": "b"})
    assert selects({"matchLabels": {"a": "b"}}, {"a": "b", "c": "d"})
    assert not selects({"matchLabels": {"a": "b"}}, {"a": "c"})
