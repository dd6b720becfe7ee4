# The only entry point for people and CI. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.13
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The workers of one test run must collect the same tests in the same order.
export PYTHONHASHSEED := 0

DEV := .venv/.ready
LOCAL_AWS := .venv-aws/.ready
RUNTIME := .venv-runtime/.ready

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(DEV): requirements-dev.txt requirements-uv.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -q --require-hashes -r requirements-uv.txt
	$(BIN)/uv pip sync -q --system-certs --python $(BIN)/python --require-hashes requirements-dev.txt
	@touch $@

$(LOCAL_AWS): $(DEV) requirements-local-aws.txt
	$(PYTHON) -m venv --clear --without-pip .venv-aws
	$(BIN)/uv pip sync -q --system-certs --python .venv-aws/bin/python --require-hashes requirements-local-aws.txt
	@touch $@

$(RUNTIME): $(DEV) requirements-runtime.txt
	$(PYTHON) -m venv --clear --without-pip .venv-runtime
	$(BIN)/uv pip sync -q --system-certs --python .venv-runtime/bin/python --require-hashes requirements-runtime.txt
	@touch $@

.PHONY: setup
setup: $(DEV) $(LOCAL_AWS) ## Install what is missing (both environments)

COMPILE := $(BIN)/uv pip compile -q --system-certs --generate-hashes --no-header --no-annotate \
	--python-version 3.13 --python-platform linux
.PHONY: requirements
requirements: $(DEV) ## Compile the hashed requirements files from pyproject.toml
	$(COMPILE) pyproject.toml --group imaging --group dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o layers/core/requirements.txt
	$(COMPILE) --group imaging -c requirements-dev.txt -o layers/imaging/requirements.txt
	$(COMPILE) --group local-aws -o requirements-local-aws.txt
	$(COMPILE) --group runtime -c requirements-dev.txt -o requirements-runtime.txt
	$(COMPILE) --group uv -o requirements-uv.txt

.PHONY: openapi
openapi: $(DEV) ## Write docs/openapi.json from the routes of the jobs API
	PYTHONPATH=layers/core $(BIN)/python -m local.openapi

.PHONY: format lint types unit e2e soak test
format: $(DEV) ## Format the code
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

lint: $(DEV) ## Check style and the template
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/sam validate --lint

types: $(DEV) ## Check the types
	$(BIN)/mypy

unit: $(DEV) ## Run the tests that need no stack, with coverage
	$(BIN)/pytest -q -n 2 -m "not soak" --ignore tests/e2e --ignore tests/simulation --ignore tests/property \
		--cov --cov-report=term --cov-fail-under=95
	$(BIN)/pytest -q -n 2 --dist worksteal tests/simulation tests/property # untraced: they take their time

e2e: setup ## Run the end-to-end tests on local stacks of their own
	$(BIN)/pytest -q -n 3 --dist loadfile -m "not soak" tests/e2e

soak: setup ## Run the longest tests: kills, backfill, redrive, awkward keys, many damaged and the largest files
	$(BIN)/pytest -q -n 2 --dist loadfile -m soak tests/e2e tests/corpus

test: lint types unit e2e ## Run everything but `make soak`

# The local stack. PARAMS='Key=Value Key2=Value2', PROVIDERS=eachlabs,apiin, IMAGES=directory.
export PARAMS PROVIDERS IMAGES STACK ARCHITECTURE PREFIX WATCH STOP RESUME REASON

.PHONY: demo
demo: setup ## Cut out the sample images (or IMAGES=dir) on a local stack, into out/
	@$(BIN)/python -m local demo --params="$$PARAMS" --providers="$$PROVIDERS" --images="$${IMAGES:-samples}"

.PHONY: up
up: setup ## Start the local stack (PARAMS='Key=Value ...'); it stays up
	@$(BIN)/python -m local up --params="$$PARAMS" --providers="$$PROVIDERS"

.PHONY: down
down: setup ## Stop the local stack
	@$(BIN)/python -m local down

.PHONY: doctor
doctor: $(DEV) ## Look at a deployed stack (STACK=name, FIX=1, SEND=1, YES=1, JSON=1)
	@PYTHONPATH=layers/core $(BIN)/python -m tools.doctor $(if $(FIX),--fix) $(if $(SEND),--send) $(if $(YES),--yes) $(if $(JSON),--json) -- "$${STACK:?name the stack: make doctor STACK=name}"

.PHONY: backfill
backfill: $(DEV) ## Cut out what was there before (STACK=name, PREFIX=photos/ or ALL=1; WATCH=, STOP=, RESUME=id)
	@PYTHONPATH=layers/core $(BIN)/python -m tools.backfill $(if $(ALL),--prefix "",$(if $(PREFIX),--prefix "$$PREFIX")) $(if $(WATCH),--watch "$$WATCH") $(if $(STOP),--stop "$$STOP") $(if $(RESUME),--resume "$$RESUME") $(if $(YES),--yes) $(if $(JSON),--json) -- "$${STACK:?name the stack: make backfill STACK=name PREFIX=photos/}"

.PHONY: redrive
redrive: $(DEV) ## Try failed jobs again (STACK=name, REASON=code), or dead letters (DLQ=1)
	@PYTHONPATH=layers/core $(BIN)/python -m tools.redrive $(if $(REASON),--reason "$$REASON") $(if $(DLQ),--dead-letters) $(if $(YES),--yes) $(if $(JSON),--json) -- "$${STACK:?name the stack: make redrive STACK=name}"

.PHONY: bench
bench: setup $(RUNTIME) ## Measure speed, cost and cold starts, into docs/ (QUICK=1: a reduced run, into out/)
	@PYTHONPATH=layers/core $(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

.PHONY: deploy
deploy: $(DEV) ## Build, and deploy to AWS (STACK=cutout, ARCHITECTURE=x86_64, PARAMS='Key=Value ...')
	@PYTHONPATH=layers/core $(BIN)/python -m tools.deploy $(if $(ARCHITECTURE),--architecture "$$ARCHITECTURE") --params="$$PARAMS" -- "$${STACK:-cutout}"
