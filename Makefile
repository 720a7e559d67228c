# `make` lists the targets. Each creates .venv first if it is missing.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Options of `make bench`: QUICK=1 for a smoke run, ROUNDS=5 for more rounds, DATA_DIR for cal_housing.data
ROUNDS ?= 3
DATA_DIR ?=
STORE ?= mlruns
QUICKLY := $(if $(QUICK),--quick)

# Options of `make test`: K=backends for the quick tests of one package or name, SLOW=1 for all of them
K ?=
SLOW ?=
PACKAGE := $(if $(wildcard tests/$(K)),tests/$(K) $(wildcard search/$(K)),tests -k $(K))

.PHONY: help run test faults bench docs notebook pictures screenshots check lint types clean-env

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## search Fashion-MNIST: python -m search run fashion
	$(BIN)/python -m search run fashion

test: $(READY) ## run all tests; K=backends: the quick tests of one package
ifeq ($(K),)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
else
	$(BIN)/python -m pytest -n auto --dist loadfile $(if $(SLOW),,-m "not slow") $(PACKAGE)
endif

check: $(READY) lint types test ## run what CI runs: lint, types, test

lint: $(READY) ## check style and format with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## check types with mypy
	$(BIN)/mypy

faults: $(READY) ## run every fault that a study must survive (a short form is part of `make test`)
	$(BIN)/python -m pytest tests/faults --faults-all

docs: $(READY) ## write the reference of the Python names to docs/api/
	$(BIN)/python docs/reference.py

notebook: $(READY) ## run the notebook of examples/ and store its outputs
	$(BIN)/python docs/tutorial.py

pictures: $(READY) ## draw the pictures of docs/problems.md from the studies in STORE
	$(BIN)/python -m benchmarks.pictures --store $(STORE)

screenshots: $(READY) ## take the pictures of pages in docs/images/ (needs Chromium)
	$(BIN)/python docs/screenshots.py

bench: $(READY) ## run all benchmarks, hours (QUICK=1: minutes)
	$(BIN)/python -m benchmarks.peers $(QUICKLY) --repeats $(ROUNDS) $(if $(DATA_DIR),--data-dir $(DATA_DIR))
	$(BIN)/python -m benchmarks.hyperband $(QUICKLY) --repeats $(ROUNDS)
	$(BIN)/python -m benchmarks.limit $(QUICKLY)
	$(BIN)/python -m benchmarks.scaling $(QUICKLY) --repeats $(ROUNDS)
	$(BIN)/python -m benchmarks.simulator $(QUICKLY)
	$(BIN)/python -m benchmarks.memory $(QUICKLY)
	$(BIN)/python -m benchmarks.coordinator $(QUICKLY)
	$(BIN)/python -m benchmarks.first_paint $(QUICKLY) --repeats $(ROUNDS)
	$(BIN)/python -m benchmarks.charts $(QUICKLY) --repeats $(ROUNDS)
	$(BIN)/python -m benchmarks.report $(QUICKLY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean-env: ## delete .venv
	rm -rf $(VENV)
