# The commands of this project; `make help` lists them. Needs Python 3.11 or newer. uv, where it is installed, makes the
# environment faster; nothing else depends on it.

PYTHON ?= python3
PAST ?= 21 # days of play that `make run` begins with; 0: none
BIN := .venv/bin

ifneq ($(shell command -v uv),)
install := uv pip install --quiet --python $(BIN)/python --require-hashes --requirement
else
install := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
endif

# Python's bytecode is kept whatever the machine says of it: the service imports some 1,700 modules, and without it every
# start compiles them anew, which takes longer than all else that a start does.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test chaos hang play clients pictures mutants bench evaluate lint fmt lock release-check clean
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf 'make %-13s %s\n' "$$name" "$$what"; done

# What is made along the way, secrets and players' data in it, is for nobody else on this machine to read.
run: .venv/runtime.stamp ## a fresh machine becomes a running service
	@umask 077; $(BIN)/python manage.py make_secret_key && $(BIN)/python manage.py migrate --verbosity 0 && \
	$(BIN)/python manage.py setup_sample --past $(PAST) && exec $(BIN)/python manage.py serve $(ARGS)

test: .venv/dev.stamp ## the whole suite; with DB_HOST, REDIS_HOST and RABBITMQ_URL set, against those servers
	$(BIN)/python -m pytest -n 2 $(ARGS)

chaos: .venv/dev.stamp ## 100,000 events while workers, RabbitMQ, PostgreSQL and Redis are killed; starts servers of its own
	$(BIN)/python -m tests.faults $(ARGS)

hang: .venv/dev.stamp ## PostgreSQL is stopped for 30 seconds: nobody waits; starts one of its own
	HANG_SECONDS=30 $(BIN)/python -m pytest tests/faults/test_hanging.py $(ARGS)

play: .venv/dev.stamp ## random play against edits, for longer than in the suite
	PLAY_EXAMPLES=300 PLAY_STEPS=60 $(BIN)/python -m pytest -q tests/pipeline/test_play_against_edits.py $(ARGS)

clients: .venv/dev.stamp ## what our clients know of the schema, made anew after a change of it; needs Node
	$(BIN)/python -m clients.generate
	cd clients/typescript && npm ci --no-audit --no-fund --ignore-scripts && npm run schema && npm run types

pictures: .venv/dev.stamp ## the pictures of docs/pictures, taken anew
	PICTURES=1 $(BIN)/python -m pytest -q -n 0 tests/console/test_pictures.py $(ARGS)

mutants: .venv/dev.stamp ## each guard taken out of a copy in turn: the faults must show it
	$(BIN)/python -m tests.faults.mutants $(ARGS)

bench: .venv/dev.stamp ## how fast, beside what a database can do at most
	$(BIN)/python -m benchmarks $(ARGS)

# Its table stands in docs/anti-cheat.md. SEED=… and HONEST=… (players of each of 52 kinds) make other players, MOST=… cuts each off.
evaluate: HONEST ?= 40
evaluate: CHEATS ?= 40
evaluate: SEED ?= 1
evaluate: MOST ?= 1000000
evaluate: .venv/dev.stamp ## anti-cheat's rules against labelled play: who is found, and whom they should not find
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/python -m benchmarks.labelled_play "$$folder" --honest $(HONEST) --cheats $(CHEATS) --seed $(SEED) --most $(MOST) && \
	$(BIN)/python manage.py evaluate_anticheat "$$folder/events.jsonl" --labels "$$folder/labels.csv" $(ARGS)

lint: .venv/dev.stamp ## what can be checked without running anything
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

fmt: .venv/dev.stamp ## put imports and layout right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# No uv.lock: it would record the package index of whoever ran this.
lock := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml
lock: export UV_CUSTOM_COMPILE_COMMAND = make lock
lock: ## after a change of dependencies; needs uv
	@command -v uv >/dev/null || { echo "make lock needs uv"; exit 1; }
	$(lock) --output-file requirements.txt
	$(lock) --output-file requirements-dev.txt --group dev --constraint requirements.txt
	$(lock) --output-file requirements-otel.txt --extra otel --constraint requirements-dev.txt

release-check: .venv/dev.stamp ## what stands in the way of releasing the version in pyproject.toml
	$(BIN)/python .ci/release

clean: ## remove what was made here
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles test-results

# A stamp says that this much is installed; a changed lock file makes it old.
.venv/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("gamification needs Python 3.11 or newer; name one: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime.stamp: requirements.txt .venv/venv.stamp
	$(install) requirements.txt
	@touch $@

# The development lock holds the runtime one whole.
.venv/dev.stamp: requirements-dev.txt .venv/venv.stamp
	$(install) requirements-dev.txt
	@touch .venv/runtime.stamp $@
