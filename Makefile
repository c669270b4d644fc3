# Each target sets up what it needs: Python 3.11 or later and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo crawl notebook test sample newsroom soak check bench bench-scale clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

setup: .venv/.ready ## install what a run needs
demo: .venv/.ready ## crawl the bundled newspaper
	$(BIN)/khobor demo

crawl: .venv/.ready ## one run of Kalbela (set KHOBOR_CONTACT first)
	$(BIN)/khobor crawl kalbela

notebook: .venv/.ready-notebook ## open notebooks/first-hour.ipynb, with pandas, polars and matplotlib
	$(BIN)/jupyter lab notebooks/first-hour.ipynb

test: .venv/.ready-dev ## the tests (those of tests/rules belong to `make check`)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --ignore tests/rules

sample: .venv/.ready-dev ## write data/sample again, from visits of the bundled newspaper
	$(BIN)/python -m tests.support.sample_data
	$(BIN)/khobor dictionary --write

pictures: .venv/.ready-dev ## write docs/images again from data/sample (needs Chromium and a Bengali font)
	$(BIN)/python -m tests.support.pictures

newsroom: .venv/.ready-dev ## play days of a newsroom in minutes (DAYS=7, SEED=1, MORE=--full-only)
	$(BIN)/python -m tests.newsroom --days $(or $(DAYS),7) --seed $(or $(SEED),1) $(MORE)

soak: .venv/.ready-dev ## half an hour of kills, power cuts, full disks and simulated nights (much of it as root only)
	$(BIN)/python -m pytest -m soak --capture=no

check: .venv/.ready-dev ## lint, format, spelling, types, layout and prose
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses auto tests/rules

bench: .venv/.ready-dev ## measure speed, side by side with other tools
	$(BIN)/python -m benchmarks

bench-scale: .venv/.ready-dev ## measure the cost of a million known stories and five years of data
	$(BIN)/python -m benchmarks scale

clean: ## remove the environment
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "khobor needs Python 3.11 or later; set PYTHON=…")'
	$(PYTHON) -m venv .venv

.venv/.ready: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.ready-notebook: .venv/.ready requirements-notebook.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-notebook.lock
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
