# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check install install-dev format lock clean

run: install ## the demo: the whole loop on SQLite and the Genesys emulator
	@exec $(BIN)/session-keeper demo $(ARGS)

test: install-dev ## everything, real database servers included
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(ARGS)

check: install-dev ## lint, format, import contracts, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	$(BIN)/mypy

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed ## leaves .venv/bin/session-keeper
install-dev: .venv/installed-dev

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Session Keeper needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

lock: ## renew the pins; needs uv on the PATH
	uv pip compile requirements.in -o requirements.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --quiet
	uv pip compile requirements-dev.in -c requirements.txt -o requirements-dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade --quiet

clean:
	rm -rf .venv .cache build dist
