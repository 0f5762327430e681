# Every target makes .venv when it is missing and needs nothing but Python 3.11 with venv.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
DATA ?= $(VISAVOX_DATA)

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test check format real bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv and install Visavox with its offline encoders

$(STAMP): pyproject.toml constraints.txt requirements-offline.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-offline.txt
	@touch $@

quickstart: $(STAMP) ## the main job on a small generated set: prepare, split, train, evaluate, report
	$(BIN)/visavox run recipes/quickstart.yaml --out quickstart

test: $(STAMP) ## the tests
	$(BIN)/python -m pytest -n 2 $(ARGS)

check: $(STAMP) ## format, lint, types, tests
	$(BIN)/ruff format --check src tests scripts benchmarks
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

format: $(STAMP) ## let ruff rewrite the sources
	$(BIN)/ruff format src tests scripts benchmarks
	$(BIN)/ruff check --fix src tests scripts benchmarks

real: $(STAMP) ## the whole experiment on real faces and voices: make real DATA=folder
	@test -n "$(DATA)" || { echo "DATA must name the folder of the real data, as in: make real DATA=../data"; exit 2; }
	$(BIN)/visavox run recipes/real-small.yaml --data "$(DATA)" --out real

bench: $(STAMP) ## print the speeds that the documentation quotes
	$(BIN)/python benchmarks/speed.py

clean: ## remove what the targets made, not the environment
	rm -rf quickstart real runs
