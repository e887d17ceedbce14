# Two commands do everything on a fresh machine: `make run` and `make test`. `make` alone says what else there is.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help run test test-unit check bench hooks install install-dev format lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: install ## the demo: the whole loop on SQLite and the Genesys emulator; ARGS="--events 500"
	@exec $(BIN)/session-keeper demo $(ARGS)

test: install-dev ## every test, real database servers included: minutes; ARGS="-k words"
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(ARGS)

test-unit: install-dev ## the rules alone, with few examples, without servers or processes: seconds
	KEEPER_TEST_SCALE=$${KEEPER_TEST_SCALE:-0.05} $(BIN)/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 --dist=loadfile tests/unit $(ARGS)

check: install-dev ## lint, format, import contracts, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	$(BIN)/mypy

bench: install-dev ## beside Express, Fastify and FastAPI, into docs/performance.md: 25 minutes; ARGS="--quick", ARGS=--help
	$(BIN)/python -m benchmarks.bench $(ARGS)

hooks: ## a git hook that runs `make check` before each commit
	@hook=$$(git rev-parse --git-path hooks)/pre-commit; \
	if [ -e "$$hook" ] && ! grep -q 'make check' "$$hook"; then echo "there is another hook already: $$hook" >&2; exit 1; fi; \
	mkdir -p "$$(dirname "$$hook")" && printf '#!/bin/sh\nexec make check\n' > "$$hook" && chmod +x "$$hook" && echo "$$hook runs make check"

format: install-dev ## mends what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed ## leaves .venv/bin/session-keeper
install-dev: .venv/installed-dev ## the same, and what tests and checks need

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Session Keeper needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	@echo "Making a virtual environment in .venv ($$($(PYTHON) --version)) …"
	@$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.txt pyproject.toml
	@echo "Installing what the service needs ($$(grep -c '^[a-z]' requirements.txt) packages, hashes checked): about a minute …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@echo "Installing session-keeper itself …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing what tests and checks need ($$(grep -c '^[a-z]' requirements-dev.txt) packages, hashes checked): a minute or two …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

lock: ## renew the pins; needs uv on the PATH
	uv pip compile requirements.in -o requirements.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --quiet
	uv pip compile requirements-dev.in -c requirements.txt -o requirements-dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --quiet

clean: ## removes .venv and whatever was made
	rm -rf .venv .cache build dist
