# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check

run: .venv/installed
	$(BIN)/synthgain run

test: .venv/installed check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@# pip compiles on one core; what fails here are templates and tests of packages, which are no Python 3.
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@# Prefect's own database, which the first run would make otherwise, and does where this fails.
	-test -n "$$PREFECT_API_URL" || DO_NOT_TRACK=1 $(BIN)/prefect server database upgrade --yes
	touch $@

