# Every target sets up .venv first, if it is missing or older than pyproject.toml or constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export PYTHONUNBUFFERED := 1

.PHONY: figures check play test fuzz lint bench clean help

help:            ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

figures: $(READY)  ## regenerate every figure in paper_figures/
	$(BIN)/python -m experiments

check: $(READY)    ## rerun the figures and compare their numbers with those committed
	$(BIN)/python -m experiments --check

play: $(READY)     ## open the playground in the browser
	$(BIN)/jdescent play

test: $(READY)     ## run the tests, the examples in docstrings and the README
	$(BIN)/python -m pytest -n 2 --dist loadscope

FIRST ?= 0
COUNT ?= 1000
fuzz: $(READY)     ## try COUNT=1000 random programs from seed FIRST=0, and other libraries' own
	PYTHONPATH=tests $(BIN)/python -m fuzzing --libraries --first $(FIRST) --count $(COUNT)

lint: $(READY)     ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)    ## measure against peers and the floor, side by side
	$(BIN)/python -m benchmarks

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:             ## remove what was set up and cached
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
