"""What only shows in a process of its own: its memory, its end, its output, the same bytes as in another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.job_request import PLAIN_OUTPUT

ROOT = Path(__file__).resolve().parents[2]


def test_the_whole_corpus_needs_little_memory() -> None:
    """One process decodes everything with 200 MB of address space beyond what the imports took, and grows by less than 80 MB."""
    code = """
import resource
from tests.unit.badfiles import corpus
from studio.errors import ImageError
from studio.imaging.codec import decode
def field(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
files = corpus()
limit = field("VmSize") * 1024 + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before, survivors = field("VmHWM"), []
for name, data, _ in files:
    try:
        decode(data)
        survivors.append(name)
    except ImageError as error:
        if "fit into memory" in str(error):
            survivors.append(name)
print(survivors, field("VmHWM") - before < 80_000)
"""
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[-2] == "[] True"


FINGERPRINTS = """
import hashlib, itertools, numpy as np
from studio.imaging.encode import encode
from studio.destination import Encoding
y, x = np.mgrid[:60, :80]
rgba = np.stack([x * 3, y * 4, x + y, 255 - x], axis=-1).astype(np.uint8)
for kind, bands in itertools.product(("jpeg", "png", "webp", "avif"), (3, 4)):
    if (kind, bands) != ("jpeg", 4):
        image = np.ascontiguousarray(rgba[..., :bands])
        print(hashlib.sha256(encode(image, Encoding(format=kind), max_bytes=10**6, source_type="x").data).hexdigest())
"""


def test_bytes_are_the_same_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    other = subprocess.run([sys.executable, "-c", FINGERPRINTS], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for _ in range(2):
        exec(FINGERPRINTS, {})
        assert capsys.readouterr().out == other
    assert len(other.split()) == 7


def test_a_poisoned_item_ends_the_process() -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from studio.models.registry import Registry\n"
        "m = Registry(Path(), configured={'fake-matte': 'poison=#ff00ff'}).create('fake-matte')\n"
        "item = np.full((64, 64, 3), 200, np.uint8); m.predict([item]); item[20:40, 20:40] = (250, 4, 255)\n"
        "sys.stdout.write('alive'); sys.stdout.flush(); m.predict([item]); sys.stdout.write('still alive')"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "alive")


def test_a_job_prints_plain_text_whatever_it_inherits() -> None:
    code = "from rich.console import Console; print(Console(stderr=True).is_terminal)"
    env = {"PATH": "/usr/bin", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    said = [
        subprocess.run([sys.executable, "-c", code], env=e, capture_output=True, text=True).stdout
        for e in (env, {**env, **PLAIN_OUTPUT})
    ]
    assert said == ["True\n", "False\n"]
