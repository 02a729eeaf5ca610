# Everything runs from .venv at the project root; any target makes it first where it needs it.
PY := .venv/bin/python
# Programs besides Python packages that the tests start; `scripts/ensure` knows how to get them.
TEST_PROGRAMS := mariadb chromium
# How many tests run at once; each process starts its own MariaDB. Many of them mostly wait.
JOBS ?= 3
PYTEST := .venv/bin/pytest
FAST_TESTS := tests/unit tests/integration/db/test_sqlite_plans.py tests/integration/http

export PYTHON

.DEFAULT_GOAL := help
.PHONY: help serve install install-test test check dev test-fast test-long bench bench-search bench-hostile bench-migration lock format types types-check web web-check web-pictures

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Make .venv with what the server needs
	@scripts/install runtime

install-test: ## Make .venv with what the tests need, and install MariaDB where it is missing
	@scripts/install test
	@scripts/ensure $(TEST_PROGRAMS)

serve: install ## Run the server (embedded database, no key needed); settings come from the environment
	@exec .venv/bin/aimo serve

test: install-test check ## Check style and types, then run every test but the long ones
	$(PYTEST) -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not long" --durations 10 tests

check: install-test types-check ## Check style and types only
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

types: install-test ## Generate the TypeScript types of packages/dto again (needs node)
	scripts/types write

types-check: ## Compile the TypeScript types with a client that uses them, where node is present
	scripts/types check

web: install-test ## Build the web client again into src/aimo/http/web (takes node from PATH or PyPI)
	scripts/web build

web-check: install-test ## Compile and test the web client, and compare its build with what is committed
	scripts/web check

web-pictures: install-test ## Take the README's pictures of the web client, and of every page into build/web-pictures
	$(PY) -m tests.web.screenshots build/web-pictures

dev: install-test ## Run the server and start it again whenever the code changes
	@exec .venv/bin/watchfiles --filter python --sigint-timeout 8 ".venv/bin/aimo serve" src/aimo

test-fast: install-test ## Run in a minute what most changes break: unit tests, the HTTP layers, and query plans of SQLite
	$(PYTEST) -n $(JOBS) --dist loadscope -m "not long" $(FAST_TESTS)

test-long: install-test ## Run the long tests: endurance, crashes, clusters, large data
	@scripts/ensure galera haproxy
	$(PYTEST) -n $(JOBS) --dist loadfile -m long tests

bench: install-test ## Measure requests a second and their latency over HTTP
	$(PY) -m bench.http

bench-search: install-test ## Measure how well search finds, on the labelled bilingual set
	$(PY) -m bench.search_quality

bench-hostile: install-test ## Measure how long others wait while somebody sends expensive requests
	$(PY) -m bench.hostile

bench-migration: install-test ## Measure how fast a legacy database is migrated
	$(PY) -m bench.migration

lock: ## Pin all dependencies again from requirements/*.in (needs uv; UPGRADE=1 takes newer versions)
	scripts/lock $(if $(UPGRADE),--upgrade)

format: install-test ## Rewrite the code in the project's style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
