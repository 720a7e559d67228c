# Two commands do everything: `make run` and `make test`. Both make .venv first where it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Options of `make bench`: QUICK=1 for a smoke run, ROUNDS=5 for more rounds, DATA_DIR for cal_housing.data
ROUNDS ?= 3
DATA_DIR ?=
STORE ?= mlruns
QUICKLY := $(if $(QUICK),--quick)

.PHONY: run test faults bench docs notebook pictures screenshots check lint types clean-env

run: $(READY)
	$(BIN)/python -m search run fashion

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Every fault that a study must survive: longer than the short form that is part of `make test`
faults: $(READY)
	$(BIN)/python -m pytest tests/faults --faults-all

bench: $(READY)
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

# The pictures of pages in docs/images/, taken in a Chromium of the machine's
screenshots: $(READY)
	$(BIN)/python docs/screenshots.py

# the reference of the Python names, from their docstrings: docs/api/index.html
docs: $(READY)
	$(BIN)/python docs/reference.py

# the notebook of examples/, run whole; its outputs are stored in it
notebook: $(READY)
	$(BIN)/python docs/tutorial.py

# the pictures and the table of docs/problems.md, from a store with a default run of each problem
pictures: $(READY)
	$(BIN)/python -m benchmarks.pictures --store $(STORE)

check: $(READY) lint types test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean-env:
	rm -rf $(VENV)
