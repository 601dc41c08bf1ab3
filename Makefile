# Every target sets up its environment first, if it is missing or older than pyproject.toml or the
# versions it is made of.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST = $(shell .ci/find-python 3.11)
NEWEST = $(shell .ci/find-python 3.13 3.12 3.11)
NEWEST_VERSION = $(shell $(NEWEST) -c 'import platform; print(platform.python_version())')
# What depends most on the versions of Python and JAX.
SWEEP_TESTS := identity store axes kernel lanes grid devices exactness costs surroundings \
	cluster store_processes
CORE_TESTS := tests/test_core.py tests/test_descend.py tests/test_verdicts.py \
	tests/experiments/test_fit_line.py \
	jdescent/sweeps $(SWEEP_TESTS:%=tests/sweeps/test_%.py)
export PYTHONUNBUFFERED := 1

.PHONY: figures check play test test-newest test-oldest fuzz lint bench clean help

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

figures: $(READY)  ## regenerate every figure in paper_figures/
	$(BIN)/python -m experiments

check: $(READY)    ## rerun the figures and compare their numbers with those committed
	$(BIN)/python -m experiments --check

play: $(READY)     ## open the playground in the browser
	$(BIN)/jdescent play

test: $(READY)     ## run the tests, the examples in docstrings and the README
	$(BIN)/python -m pytest -n 2 --dist loadscope $(TESTS)

test-newest:       ## run the core of the tests on the newest Python, compiled as users do
	XLA_FLAGS= $(MAKE) test PYTHON=$(NEWEST) VENV=.venv-$(NEWEST_VERSION) EXTRAS=test TESTS="$(CORE_TESTS)"

test-oldest:       ## run the tests of the library with the oldest versions it supports
	$(MAKE) test PYTHON=$(OLDEST) VENV=.venv-oldest EXTRAS=test CONSTRAINTS=constraints-oldest.txt \
		TESTS="tests jdescent README.md --ignore tests/experiments"

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

$(READY): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
	touch $(READY)

clean:             ## remove what was set up and cached
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis
