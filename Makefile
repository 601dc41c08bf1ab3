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
# What takes seconds: no browser, figure, kernel or second process, nor all optimizers one by one.
FAST_TESTS := test_absorption test_command test_core test_core_errors test_descend test_descend_errors \
	test_docs test_imports test_numerics test_package test_partition test_trajectory \
	analysis/test_bowl_rates analysis/test_fractal analysis/test_principal analysis/test_rates \
	analysis/test_stability_limits analysis/test_stationary analysis/test_survival \
	losses/test_landscape optimizers/test_accelerated optimizers/test_hyperparameters \
	optimizers/test_identities optimizers/test_momentum optimizers/test_textbook \
	playground/test_catalog playground/test_curves playground/test_expressions \
	sweeps/test_axes sweeps/test_costs sweeps/test_store
# In the order of collection, which ends with many short modules, so that both processes end together.
IN_PARALLEL := -n 2 --dist loadscope --no-loadscope-reorder
export PYTHONUNBUFFERED := 1

.PHONY: figures check play lecture test test-fast test-newest test-oldest coverage mutants fuzz lint docs \
	wheel bench clean help

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

figures: $(READY)  ## regenerate every figure in paper_figures/
	$(BIN)/python -m experiments

check: $(READY)    ## rerun the figures and compare their numbers with those committed
	$(BIN)/python -m experiments --check

play: $(READY)     ## open the playground in the browser
	$(BIN)/jdescent play

lecture: $(READY)  ## write docs/lecture/index.html, the lecture that needs no server
	$(BIN)/python -m jdescent_playground.lecture

test: export OPENBLAS_NUM_THREADS ?= 1
test: $(READY)     ## run the tests, the examples in docstrings and the README
	$(BIN)/python -m pytest $(IN_PARALLEL) $(TESTS)

test-fast: $(READY) ## run the part of the tests that takes a minute
	$(BIN)/python -m pytest $(IN_PARALLEL) $(FAST_TESTS:%=tests/%.py)

test-newest:       ## run the core of the tests on the newest Python, compiled as users do
	XLA_FLAGS= $(MAKE) test PYTHON=$(NEWEST) VENV=.venv-$(NEWEST_VERSION) EXTRAS=test TESTS="$(CORE_TESTS)"

test-oldest:       ## run the tests of the library with the oldest versions it supports
	$(MAKE) test PYTHON=$(OLDEST) VENV=.venv-oldest EXTRAS=test CONSTRAINTS=constraints-oldest.txt \
		TESTS="tests jdescent README.md --ignore tests/experiments"

coverage: export OPENBLAS_NUM_THREADS ?= 1
coverage: $(READY) ## run the tests, and show which lines and branches they reach; htmlcov/index.html
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report=term --cov-report=html $(TESTS)

mutants: $(READY)  ## try COUNT=20 faults a module, sample SEED=0, MODULE= one of them or a file
	PYTHONPATH=tests $(BIN)/python -m mutating $(MODULE:%=--module %) \
		--count $(or $(COUNT),20) --seed $(or $(SEED),0)

fuzz: $(READY)     ## try COUNT=1000 random programs from seed FIRST=0, and other libraries' own
	PYTHONPATH=tests $(BIN)/python -m fuzzing --libraries --first $(or $(FIRST),0) \
		--count $(or $(COUNT),1000)

lint: $(READY)     ## formatting, lint and types; files of tests have names of their own
	@! find tests -name 'test_*.py' | sed 's|.*/||' | sort | uniq -d | grep . || \
		{ echo "pytest collects no two files of one name"; exit 1; }
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)     ## build the documentation in site/, the lecture in it, every link and public name checked
	$(BIN)/python -m mkdocs build --quiet
	@echo "site/index.html"

wheel:             ## build the wheel in dist/, and use it in an empty environment
	PYTHON=$(PYTHON) .ci/wheel

bench: $(READY)    ## the table of ratios to optax, goals beside them; benchmarks/results/ratios.json
	$(BIN)/python -m benchmarks

$(READY): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
	touch $(READY)

clean:             ## remove what was set up and cached
	rm -rf site dist .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis .jax_cache \
		.coverage .coverage.* htmlcov
