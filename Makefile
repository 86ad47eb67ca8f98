# IMS observability as code. `make help` lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMSOBS := $(BIN)/imsobs
READY := $(VENV)/.installed
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet

$(READY): requirements.lock pyproject.toml instrumentation/pyproject.toml \
		exporter/pyproject.toml
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV) ..."
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(UV) --require-hashes -r requirements.lock
	@$(UV) --no-deps --no-build-isolation -e . -e instrumentation -e exporter
	@touch $@

.PHONY: gameday help all install lock fmt lint render check validate verify test test-unit test-native \
	test-stack test-faults test-scale binaries up down status destroy demo spike drill preview bench \
	dialects secret-rules registry litellm recording \
	wheel sbom audit pin clean mutants

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

all: lint check verify test ## What CI runs: lint, drift check, real validators, all tests.

install: $(READY) ## Install the locked dependencies into .venv.

lock: $(READY) ## Resolve the dependencies of pyproject.toml anew into requirements.lock.
	$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --universal \
	  --python-version 3.11 --no-header --no-annotate --no-emit-index-url -q -o requirements.lock
	cd tests/gateways/litellm && $(CURDIR)/$(BIN)/uv pip compile requirements.in --generate-hashes --universal \
	  --python-version 3.11 --no-header --no-annotate --no-emit-index-url -q -o requirements.txt

fmt: $(READY) ## Format and fix what can be fixed.
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(READY) ## Style, types and the direction of imports.
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

validate: $(READY) ## Check the spec and print every problem.
	@$(IMSOBS) validate

render: $(READY) ## Render everything from spec/ims.yaml.
	@$(IMSOBS) render

check: $(READY) ## Fail when a rendered file differs from the spec.
	@$(IMSOBS) render --check

verify: $(READY) ## Let the real software judge the rendered files.
	@$(IMSOBS) verify

test: test-unit test-native test-stack test-faults ## All tests.

# What Grafana publishes for npm: the grammar of LogQL, the types of dashboards.
PUBLISHED := $(patsubst %,tests/%/node_modules/.package-lock.json,logql grafana)
$(PUBLISHED): %/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix $*; \
	else echo "no npm: the tests that hold $* against what Grafana publishes will be skipped"; fi

test-unit: $(READY) $(PUBLISHED) ## Tests that need Python alone, on all cores.
	$(BIN)/pytest -n auto --dist loadfile -m "not native and not stack and not faults and not scale"

test-native: $(READY) binaries ## Tests against the native binaries, and in a browser.
	@tests/native/chromium
	@$(IMSOBS) binaries prometheus-page || echo "without Prometheus' page its tests will be skipped"
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m native

test-stack: $(READY) binaries ## Tests in containers; without a Docker engine, Debian's is tried.
	PYTHON=$(BIN)/python tests/stack/run

test-faults: $(READY) binaries ## Break the native stack and see nothing lost.
	$(BIN)/pytest -m faults

test-scale: $(READY) ## More than one of each process, under faults; what it needs is built on request.
	@$(IMSOBS) binaries --scale
	$(BIN)/pytest -m scale

gameday: $(READY) binaries ## Play incidents on a stack of its own: who is told what, and when (INCIDENTS=name ...).
	PYTHONPATH=examples $(BIN)/python -m bench.gameday $(INCIDENTS)

binaries: $(READY) ## Build or find the native binaries.
	@$(IMSOBS) binaries

up: $(READY) ## Start the stack: Docker where there is one, else natively.
	@$(IMSOBS) up

down: $(READY) ## Stop the stack; data stay.
	@$(IMSOBS) down

status: $(READY) ## Show what runs and what it sees.
	@$(IMSOBS) status

destroy: $(READY) ## Stop the stack and delete its data (asks first).
	@$(IMSOBS) destroy

demo: $(READY) ## Start the stack and a demo service, send traffic, show what is seen.
	@$(IMSOBS) up --first
	@PYTHONPATH=examples $(BIN)/python -m gateway.demo --meanwhile "$(IMSOBS) up"
	@# 4: alerts fire, as that on components which were still being compiled a minute ago.
	@$(IMSOBS) status || [ $$? -eq 4 ]
	@$(IMSOBS) preview --serve --background

spike: $(READY) ## With the stack up: three minutes of errors, until CriticalErrorRate fires.
	@PYTHONPATH=examples $(BIN)/python -m gateway.demo --steady 0 --hostile 0 --spike 240
	@$(IMSOBS) status

drill: $(READY) ## Fire every alert for real and watch it arrive and resolve.
	@$(IMSOBS) drill

preview: $(READY) ## Serve live pages of the dashboards from the running stack.
	@$(IMSOBS) preview --serve

dialects: $(READY) binaries ## Record what each dialect's package sends, anew; results in tests/golden/dialects.
	@PYTHONPATH=examples $(BIN)/python -m tests.dialects.record

litellm: $(READY) binaries ## Run the LiteLLM proxy by the guide; what was expected and found in docs/reference.
	@PYTHONPATH=examples $(BIN)/python -m tests.gateways.page

recording: $(READY) binaries ## Play a fresh folder to dashboards with data, by the clock, into docs/guide.
	@PYTHONPATH=examples $(BIN)/python -m tests.gateways.recording

registry: $(READY) binaries ## Collect the names of the outside world anew: conventions, instruments, series of the stack.
	@PYTHONPATH=examples $(BIN)/python -m release.registry

secret-rules: $(READY) ## Compile gitleaks' rules anew, of the version in data/builds.yaml.
	@$(BIN)/python -m release.secret_rules
	@$(BIN)/python -m release.secret_rules.corpus

bench: $(READY) binaries ## Measure everything anew (more than three hours); results in docs/reference/benchmarks.
	for table in start dashboards overhead encoding collector redaction senders held generator load series faults incidents backtest scale scale.growth scale.hop scale.sizes; do \
	  PYTHONPATH=examples $(BIN)/python -m bench.$$table || exit 1; done
	PYTHONPATH=examples $(BIN)/python -m bench.load --workers 4

mutants: $(READY) binaries ## Change the planning modules in a thousand ways and see which a test of values notices.
	@$(BIN)/python -m bench.mutants --sample 60

wheel: $(READY) ## Build the wheels into dist/: the same bytes for the same commit.
	@$(BIN)/python -m release.wheel

sbom: $(READY) ## Write the bill of materials (CycloneDX) into dist/.
	@$(BIN)/python -m release.sbom

audit: $(READY) ## Ask for known vulnerabilities; says what could not be asked (exit 3).
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m release.audit

pin: $(READY) ## Ask the registries for the images' digests; update what is shipped.
	@$(IMSOBS) pin --write

clean: ## Remove the virtual environment and caches; rendered files and data stay.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
