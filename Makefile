# Two commands: `make demo` and `make test`. Each does all its own set-up.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export RAY_USAGE_STATS_ENABLED := 0
export HF_HUB_OFFLINE := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-unit test-ray test-integration check bench bench-serve bench-quality bench-studios bench-ops bench-connectors licences sbom fmt clean setup

setup: $(VENV)/.ready $(VENV)/.weights

$(VENV)/.ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "packshot needs Python 3.11: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	@$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e ".[dev]"
	@touch $@

$(VENV)/.weights: $(VENV)/.ready studio/models/registry.py studio/models/witnesses.py
	@$(BIN)/packshot models fetch u2netp span-x2 span-x4
	@touch $@

$(VENV)/.all-weights: $(VENV)/.weights studio/models/registry.py
	@$(BIN)/packshot models fetch --all
	@touch $@

demo: setup
	@$(BIN)/packshot plan examples/catalog/catalog.csv
	@$(BIN)/packshot run examples/catalog/catalog.csv --out out/demo || test $$? -eq 3

# Half of the files to each process, so that what a file shares is made in one of them; who has done takes from the other.
SPLIT := -n 2 --dist worksteal

test: setup $(VENV)/.all-weights
	@$(BIN)/python -m pytest -q $(SPLIT) tests/unit
	@$(BIN)/python -m pytest -q $(SPLIT) tests/contract tests/golden tests/local
	@$(BIN)/python -m pytest -q tests/ray

# For a change in hand: properties try a quarter of their examples; `make test` tries them all.
test-unit: setup
	@$(BIN)/python -m pytest -q $(SPLIT) --hypothesis-profile=quick tests/unit

test-ray: setup
	@$(BIN)/python -m pytest -q tests/ray

test-integration: setup
	@.ci/integration

check: $(VENV)/.ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/packshot audit licences
	@$(BIN)/python -m cluster.manifests $(if $(PACKSHOT_CRDS),--crds $(PACKSHOT_CRDS))
	@$(BIN)/python -m pytest -q tests/unit/test_architecture.py

bench: setup
	@$(BIN)/python -m benchmarks

bench-serve: setup
	@$(BIN)/python -m benchmarks --serve

bench-quality: setup
	@$(BIN)/python -m benchmarks.consistency
	@$(BIN)/python -m benchmarks.colour
	@$(BIN)/python -m benchmarks.defects report
	@$(BIN)/python -m benchmarks.preflight
	@$(BIN)/python -m benchmarks.cutout_quality
	@$(BIN)/python -m benchmarks.scene_reuse

bench-studios: setup $(VENV)/.all-weights
	@$(BIN)/python -m benchmarks.studios

bench-connectors: setup
	@$(BIN)/python -m benchmarks.connectors

licences: $(VENV)/.ready
	@$(BIN)/packshot audit licences

sbom: $(VENV)/.ready
	@$(BIN)/packshot audit sbom -o sbom.json

# Short sizes, some minutes; `make bench-ops LONG=1` takes those that are asked.
bench-ops: setup
	@$(BIN)/python -m benchmarks.ops.figures $(if $(LONG),--long)

fmt: $(VENV)/.ready
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .packshot out .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
