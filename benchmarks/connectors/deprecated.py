"""Deprecated operations, fields and arguments of Shopify's Admin API 2026-10 that we use: counted by the tests that walk every
query of ours through the vendor's schema."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from benchmarks.goods import ROOT

TESTS = "tests/unit/test_shopify_queries.py"


def run() -> dict[str, Any]:
    """How those tests ended; 0 used where all passed, and nothing known where the schema is not at hand."""
    command = [sys.executable, "-m", "pytest", "-q", TESTS, "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    said = done.stdout.strip().splitlines()[-1]
    return {"tests": TESTS, "said": said, "used": 0 if done.returncode == 0 and "skipped" not in said else "unknown"}


if __name__ == "__main__":
    print(run())
