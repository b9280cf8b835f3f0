"""Kubernetes manifests and images, checked without a cluster and without a network: `python -m cluster.manifests`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from cluster.manifests import core, fields, hardening, references, secrets, serving
from cluster.manifests.kustomize import Document, render
from studio.errors import SettingsError

FOLDER = Path(__file__).parents[1] / "kuberay"


def overlays(folder: Path = FOLDER) -> list[Path]:
    """Everything that can be applied: the base and the overlays. Raises SettingsError where there is no such folder."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no manifests here; name a kustomization")
    return [folder / "base", *sorted(path for path in (folder / "overlays").iterdir() if path.is_dir())]


def problems(folder: Path, definitions: core.Validators | None = None) -> list[str]:
    """One line for each thing that is wrong in a kustomization; with KubeRay's own definitions where they are given."""
    try:
        return list(found(render(folder), secrets.expected(folder), definitions))
    except SettingsError as error:
        return [str(error)]


def found(
    documents: Sequence[Document], expects: Mapping[str, Sequence[str]], definitions: core.Validators | None = None
) -> Iterator[str]:
    """One line for each thing that is wrong in rendered documents."""
    well = True
    for document in documents:
        if fields.has_table(document):
            lines = [*fields.strange(document), *core.wrong_pods(document), *core.undefined(document, definitions or {})]
        else:
            lines = list(core.wrong(document))
        well = well and not lines
        yield from lines
    if not well:
        return  # the rest reads fields, which are not what they are called
    yield from secrets.unresolved(documents, expects)
    yield from references.dangling(documents)
    yield from hardening.soft(documents, version("packshot"), version("ray"))
    yield from serving.unserved(documents)
