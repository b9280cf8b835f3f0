"""The Dockerfile: as it is nothing is wrong, and whatever is seeded into it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.manifests.dockerfile import careless

ROOT = Path(__file__).resolve().parents[2]
DOCKER: dict[str, tuple[str, str, str]] = {
    "latest base": ("ARG BASE=python:3.11.14-slim-bookworm", "ARG BASE=python:latest", "DL3007"),
    "base without a version": ("ARG BASE=python:3.11.14-slim-bookworm", "ARG BASE=python", "DL3006"),
    "base that moves": ("ARG BASE=python:3.11.14-slim-bookworm", "ARG BASE=python:3.11-slim", "moves"),
    "root": ("USER 1000:1000", "USER root", "DL3002"),
    "no user": ("USER 1000:1000\n", "", "DL3002"),
    "user nought": ("USER 1000:1000", "USER 0", "DL3002"),
    "no health check": ("HEALTHCHECK --interval", "LABEL interval", "0 HEALTHCHECK"),
    "shell form": ('ENTRYPOINT ["packshot"]', "ENTRYPOINT packshot", "DL3025"),
    "misspelt instruction": ("WORKDIR /src", "WORKDIRR /src", "no instruction"),
    "relative folder": ("WORKDIR /src", "WORKDIR src", "DL3000"),
    "ADD": ("COPY studio studio", "ADD studio studio", "DL3020"),
    "pip's cache": ("wheel --no-cache-dir --no-deps --wheel-dir /dist .", "install torch==1", "DL3042"),
    "no version": ("--constraint constraints.txt /dist/*.whl \\", "packshot \\", "DL3013"),
    "secret": ("EXPOSE 8000", "ENV AWS_SECRET_ACCESS_KEY=abc", "a secret in ENV"),
    "sudo": ("RUN groupadd", "RUN sudo groupadd", "DL3004"),
    "download and run": ("RUN groupadd", "RUN curl https://example.com/x | sh && groupadd", "just downloaded"),
    "apt": ("RUN groupadd", "RUN apt-get install wget && groupadd", "DL3015"),
    "folder that is kept out": ("COPY templates templates", "COPY examples examples", "keeps examples out"),
}


def test_the_image_is_clean() -> None:
    assert careless(ROOT / "Dockerfile") == []


@pytest.mark.parametrize("name", DOCKER)
def test_what_is_seeded_into_the_dockerfile_is_found(tmp_path: Path, name: str) -> None:
    old, new, said = DOCKER[name]
    text = (ROOT / "Dockerfile").read_text()
    assert old in text
    path = tmp_path / "Dockerfile"
    path.write_text(text.replace(old, new, 1))
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
    for source in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "constraints.txt",
        "studio",
        "connectors",
        "templates",
        "cluster",
        "pipelines",
    ):
        (tmp_path / source).touch()
    (tmp_path / "serve_apps").touch()
    lines = careless(path)
    assert [line for line in lines if said in line], lines
