# Everything works on a machine that has Python 3.11 or later and a package registry: the first target that needs it
# builds .venv and installs into it, the others share it.
#
#   make demo             play the whole story on an embedded PostgreSQL, about a minute
#   make test             the whole test suite but chaos and packaging
#   make lint             ruff, mypy --strict, import contracts
#   make versions         the Alembic integration with other versions of Alembic and SQLAlchemy, and with pytest-alembic
#   make chaos            kill processes and servers at random: SECONDS=600 for each test
#   make bench            measure; results are in benchmarks/README.md
#   make examples         write the generated files of examples/ anew, after a change of a template or a kind
#
# ARGS="…" is passed on, as in: make test ARGS="tests/gate -k fence"
# MIGRATOR_TEST_POSTGRES=14 chooses the server; "tests/fetch_postgres 14" brings one.

VENV := .venv
READY := $(VENV)/.ready
# One more than there are processors: tests wait a good deal.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
SECONDS ?= 600
# The first that is new enough; the plain name first, so that an activated environment wins.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test versions chaos lint bench examples clean

help:
	@sed -n 's/^#   \(make .*\)/\1/p' Makefile

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or later is needed; name it with PYTHON=…" >&2; exit 2; }
	@echo "setting up $(VENV) with $(PYTHON), once"
	@$(PYTHON) -m venv $(VENV) || { echo "error: this Python has no venv (Debian: apt install python3-venv)" >&2; exit 2; }
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[embedded]" --group dev
	@touch $@

demo: $(READY)
	@$(VENV)/bin/migrator demo $(ARGS)

test: $(READY)
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not chaos and not packaging" $(ARGS)

versions: $(READY)
	$(VENV)/bin/python -m pytest -m packaging tests/packaging/test_alembic_versions.py $(ARGS)

chaos: $(READY)
	MIGRATOR_CHAOS_SECONDS=$(SECONDS) $(VENV)/bin/python -m pytest -m chaos --timeout 0 $(ARGS)

lint: $(READY)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(READY)
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(VENV)/bin/python "$$file" $(ARGS); done

examples: $(READY)
	@$(VENV)/bin/python -m tests.test_examples

clean:
	rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
