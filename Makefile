# Everything a newcomer needs: `make run` and `make test`.
PYTHON ?= python3
PORT ?= 8000
DATA ?= var
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check bench setup setup-test lock messages format clean

run: setup
	@exec $(BIN)/portico serve --demo --port $(PORT) --data $(DATA)

setup:
	@$(PYTHON) tools/setup.py run

setup-test:
	@$(PYTHON) tools/setup.py test

check: setup-test
	@$(BIN)/python tools/check.py

test: setup-test
	@$(BIN)/python tools/check.py
	@$(BIN)/python tools/test.py

bench: setup-test
	@$(BIN)/python -m benchmarks

messages: setup
	@$(BIN)/python tools/messages.py update

lock:
	@$(BIN)/python tools/lock.py

format:
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-clients node_modules .mypy_cache .ruff_cache
