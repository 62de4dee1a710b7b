# `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
soak: STEPS ?= 200000
soak: SEED := $(or $(SEED),$(shell echo $$RANDOM))
# What asks the database anything; it runs on PostgreSQL too.
DATABASE_TESTS := tests/booking tests/services tests/security tests/journeys \
	tests/test_bench.py tests/test_outages.py

# What waits for its browser more than it works, and takes as long as all else.
JOURNEYS := tests/journeys

# Settings as in production, for the checks. Nothing listens at these addresses.
PRODUCTION := env ENV_FILE=/dev/null DEBUG=false \
	SECRET_KEY=for-checks-only-$(shell printf 'abcdefghij%.0s' 1 2 3 4 5) \
	FIELD_KEYS=Zm9yLWNoZWNrcy1vbmx5LW5vdC1hLXNlY3JldC1rZXk= \
	SITE_URL=https://clinic.example ALLOWED_HOSTS=clinic.example \
	TRUSTED_PROXIES=1 DATABASE_URL=sqlite:///:memory: \
	EMAIL_URL=smtps://mail.clinic.example:587 \
	DEFAULT_FROM_EMAIL=front-desk@clinic.example CLINIC_PHONE=212-555-0143

.PHONY: help run test test-on-sqlite test-on-postgresql test-journeys soak check catalogues lock messages bench lighthouse memory tools

help: ## List these commands
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 17

run: $(VENV)/installed ## Serve the demo on 127.0.0.1:8000 (HOST=, PORT=)
	@exec $(BIN)/python deploy/develop.py

# All at once: one waits for its browser or its database while the others work. Then the
# races, which want the machine to themselves.
test: $(VENV)/installed-tests $(VENV)/installed-checkers ## Run every test, on SQLite and PostgreSQL (PYTEST_ARGS=)
ifdef PYTEST_ARGS
	TEST_DATABASE=sqlite $(BIN)/pytest $(PYTEST_ARGS)
	TEST_DATABASE=postgresql $(BIN)/pytest \
		$(if $(filter tests/%,$(PYTEST_ARGS)),,$(DATABASE_TESTS) tests/race) $(PYTEST_ARGS)
else
	export TEST_MADE=$$(mktemp -d); trap 'rm -rf "$$TEST_MADE"' EXIT; \
	$(MAKE) --no-print-directory --jobs=3 --output-sync \
		test-on-postgresql test-on-sqlite test-journeys; \
	$(MAKE) --no-print-directory --jobs=2 --output-sync \
		races-on-postgresql races-on-sqlite
endif

test-on-sqlite:
	TEST_DATABASE=sqlite $(BIN)/pytest --ignore=tests/race --ignore=$(JOURNEYS)

test-journeys:
	TEST_DATABASE=sqlite $(BIN)/pytest $(JOURNEYS)

test-on-postgresql:
	TEST_DATABASE=postgresql $(BIN)/pytest $(DATABASE_TESTS)

races-on-%:
	TEST_DATABASE=$* $(BIN)/pytest tests/race

soak: $(VENV)/installed-tests ## Mix 200,000 acts at random on each database (STEPS=, SEED=)
	@echo "To repeat this run: make soak STEPS=$(STEPS) SEED=$(SEED)"
	for database in sqlite postgresql; do \
		STEPS=$(STEPS) TEST_DATABASE=$$database $(BIN)/pytest \
			tests/booking/test_any_mix_of_acts.py --hypothesis-seed=$(SEED); \
	done

check: $(VENV)/installed-tests ## Check style, types, templates, migrations, settings, packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PRODUCTION) $(BIN)/mypy
	find templates -name '*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/pip check

catalogues: $(VENV)/installed ## Bring the languages' catalogues up to date (needs gettext)
	$(PRODUCTION) $(BIN)/python manage.py makemessages --all
	$(PRODUCTION) $(BIN)/python manage.py compilemessages --ignore=$(VENV)

lock: ## Write the requirements anew from pyproject.toml (needs uv and npm)
	@command -v uv > /dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 \
		--no-emit-index-url --custom-compile-command "make lock" \
		pyproject.toml -o requirements.txt
	uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 \
		--no-emit-index-url --custom-compile-command "make lock" \
		--group test -c requirements.txt -o tests/requirements.txt
	npm update --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
		--prefix tests

messages: $(VENV)/installed-tests ## Write docs/messages.md anew from templates/emails
	WRITE=1 TEST_DATABASE=sqlite $(BIN)/pytest -q tests/booking/test_messages_doc.py

bench: $(VENV)/installed-tests ## Measure the speed of booking on SQLite and PostgreSQL (VISITS=)
	$(BIN)/python -m tests.bench

# With Chromium, nginx, openssl and npm; LIGHTHOUSE= names another program than npm's.
lighthouse: $(VENV)/installed-tests ## Look at the pages of patients with Lighthouse (RUNS=, PYTEST_ARGS=)
	TEST_DATABASE=sqlite $(BIN)/pytest -qs tests/journeys/lighthouse.py $(PYTEST_ARGS)

memory: $(VENV)/installed-tests ## Measure web processes over 100,000 requests (REQUESTS=)
	TEST_DATABASE=sqlite $(BIN)/pytest -qs tests/journeys/memory.py

# --- What those need --------------------------------------------------------------

# pip comes last, so an environment that was not finished is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed. If it has another name: make run PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3.11-venv"; exit 1; }
	@echo "Making a virtual environment ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(BIN)/pip
	@echo "Installing the packages in requirements.txt ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/installed-tests: tests/requirements.txt $(VENV)/installed
	@echo "Installing the packages in tests/requirements.txt ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What no Python package carries. Their scripts would download more.
$(VENV)/installed-checkers: tests/package-lock.json | $(BIN)/pip tools
	@echo "Installing the packages in tests/package-lock.json ..."
	@mkdir -p $(VENV)/npm
	@cp tests/package.json tests/package-lock.json $(VENV)/npm/
	@cd $(VENV)/npm && npm ci --silent --ignore-scripts
	@touch $@

tools:
	@missing=""; \
	command -v chromium-headless-shell chromium > /dev/null || missing="$$missing chromium-headless-shell"; \
	[ -n "$$(fc-list 2> /dev/null)" ] || missing="$$missing fontconfig fonts-dejavu-core"; \
	java -version > /dev/null 2>&1 || missing="$$missing default-jre-headless"; \
	command -v npm > /dev/null || missing="$$missing npm"; \
	command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || missing="$$missing postgresql"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then \
		echo "The tests need Chromium, a font, Java, npm and PostgreSQL's programs. Install:$$missing"; exit 1; \
	fi; \
	echo "Installing$$missing ..."; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing
