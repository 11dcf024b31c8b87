VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# Nothing of the developer's own settings, no file left behind.
CLEAN := env ENV_FILE=/dev/null REDIS_URL= DATABASE_POOL= DATABASE_URL=sqlite:///:memory:
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run test bench check format messages lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/runtime ## start the site on 127.0.0.1:8000 (PORT=8001 for another port)
	@$(BIN)/python manage.py bootstrap
	@$(BIN)/python manage.py runserver 127.0.0.1:$(PORT)

test: $(VENV)/development ## run the whole suite on SQLite, and on MariaDB and Redis
	@$(BIN)/python -m tests.binaries
	$(BIN)/python -m tests

bench: $(VENV)/development ## measure beside the alternatives, in ratios (BENCH=pool for one part)
	@$(BIN)/python -m tests.binaries
	$(BIN)/python -m tests.benchmarks $(BENCH)

check: $(VENV)/development ## format, lint, types, import rule, migrations, deployment settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djade --target-version 5.2 --check $$(git ls-files '*.html')
	$(BIN)/djhtml --tabwidth 2 --check templates core
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(CLEAN) DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	$(CLEAN) SECRET_KEY=$$(head -c 48 /dev/urandom | base64) ALLOWED_HOSTS=example.com DEBUG=0 \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/development ## rewrite Python and templates in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djade --target-version 5.2 $$(git ls-files '*.html') || true
	$(BIN)/djhtml --tabwidth 2 templates core

messages: $(VENV)/development ## collect the strings to translate and compile the catalogue (needs gettext)
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-location --ignore .venv --ignore tests
	$(BIN)/python manage.py compilemessages --locale zh_Hans --ignore .venv

lock: $(VENV)/development ## pin the newest allowed versions in requirements*.txt
	$(LOCK) --upgrade requirements.in -o requirements.txt
	$(LOCK) --upgrade requirements-server.in -o requirements-server.txt
	$(LOCK) --upgrade requirements-dev.in -o requirements-dev.txt

clean: ## remove the virtual environment and downloaded test servers, keep the data
	rm -rf $(VENV) .servers

$(VENV)/runtime: requirements.txt
	@test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
