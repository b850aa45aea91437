# Two commands are all that anybody needs: `make run` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MARK := $(VENV)/.installed
CONTRACT := tests/contract/node
PLAYGROUND := tests/playground/node
RUNTIME := build/runtime
SUPPLY := build/supply

.PHONY: run test test-long check lint types floors format bench faults faults-terms faults-short smoke pictures contract playground containers doctor clean \
	fuzz fuzz-short sbom audit-dependencies

run: $(MARK)
	@$(BIN)/esafety run

doctor: $(MARK)
	@$(BIN)/esafety doctor

# What was compiled is kept, whatever is said of it elsewhere: else each of the workers, and each program that they start,
# compiles all of it again, the tests themselves with it.
test test-long: export PYTHONDONTWRITEBYTECODE :=

test: $(MARK)-dev
	$(BIN)/python -m pytest -n 4

# The rest: stories on every chat and both databases, all pages in the browser, past versions, all refusals by every way in.
test-long: $(MARK)-dev
	$(BIN)/python -m pytest -n 4 -m long

check: lint types floors

lint: $(MARK)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(MARK)-dev
	$(BIN)/mypy

floors: $(MARK)-dev
	$(BIN)/lint-imports

format: $(MARK)-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Starts the program as `make run` does, on a port and a database of its own, and reports, sees and acknowledges by HTTP.
smoke: $(MARK)-dev
	$(BIN)/python -m tests.smoke

# The program, killed three hundred times at a thousand reports before chats that fail (docs/faults.md). ARGS="--seed 1" repeats a plan.
faults: $(MARK)-dev
	$(BIN)/python -m tests.faults $(ARGS)
	@$(MAKE) --no-print-directory faults-terms

# Whole terms at a school in which everything goes wrong, made up by Hypothesis, on both databases.
faults-terms: $(MARK)-dev
	$(BIN)/python -m pytest tests/faults/test_machine.py --hypothesis-profile=long -q -rs -p no:randomly

faults-short: $(MARK)-dev
	$(BIN)/python -m tests.faults --short $(ARGS)

# The program before a hundred thousand requests that mean it ill, on both databases. ARGS="--seed 1" repeats a run.
fuzz: $(MARK)-dev
	$(BIN)/python -m tests.fuzz $(ARGS)

fuzz-short: $(MARK)-dev
	$(BIN)/python -m tests.fuzz --short $(ARGS)

# What a fresh installation consists of, as CycloneDX, in build/sbom.json; and whether any of it has a fault that is known.
sbom: $(RUNTIME)/.installed $(SUPPLY)/.installed
	@$(SUPPLY)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json \
	$(RUNTIME)/bin/python
	@$(PYTHON) -m tests.supply.sbom build/sbom.json $(RUNTIME)/lib/python3.*/site-packages

audit-dependencies: $(RUNTIME)/.installed $(SUPPLY)/.installed
	@$(PYTHON) -m tests.supply.audit $(SUPPLY)/bin/pip-audit $(RUNTIME)/lib/python3.*/site-packages build/audit.json

$(RUNTIME)/.installed: pyproject.toml | $(VENV)/bin/pip
	@$(PYTHON) -m venv --clear --without-pip $(RUNTIME)
	@$(BIN)/pip --python $(RUNTIME)/bin/python install --quiet --disable-pip-version-check .
	@touch $@

# In a place of their own: what they need must not come into what they look at.
$(SUPPLY)/.installed: pyproject.toml | $(VENV)/bin/pip
	@$(PYTHON) -m venv --clear --without-pip $(SUPPLY)
	@$(BIN)/pip --python $(SUPPLY)/bin/python install --quiet --disable-pip-version-check --group supply
	@touch $@

pictures: $(MARK)-dev
	$(BIN)/python -m tests.browser.pictures

# Every card and form, and both manifests, held to what Slack and Microsoft publish for them. Needs Node, for nothing but this.
contract: $(MARK)-dev
	@{ command -v node && command -v npm; } >/dev/null || { echo "make contract needs Node 20 or later, and npm"; exit 1; }
	@cd $(CONTRACT) && { [ node_modules/.installed -nt package-lock.json ] || { npm ci --silent && touch node_modules/.installed; }; }
	@corpus=$$(mktemp) && trap 'rm -f "$$corpus"' EXIT && \
	$(BIN)/python -m tests.contract.export "$$corpus" && node $(CONTRACT)/check.js "$$corpus"

# The story in Microsoft's own client, in headless Chromium. With PICTURES=1 it takes docs/images/teams-*.png on the way.
playground: $(MARK)-dev
	@! command -v npm >/dev/null || { cd $(PLAYGROUND) && \
	{ [ node_modules/.installed -nt package-lock.json ] || { npm ci --silent && touch node_modules/.installed; }; }; }
	$(BIN)/python -m pytest tests/playground

# No container engine is needed: what is written is checked, nothing is built.
containers: $(MARK)
	@$(BIN)/pip install --quiet --disable-pip-version-check --group containers
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

# ARGS: the parts to run (all, if none), --write for docs/performance.md and its picture; --help has the rest.
bench: $(MARK)-dev
	$(BIN)/python -m tests.bench $(ARGS)

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	@echo "Setting up (once, about half a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

$(MARK): pyproject.toml | $(VENV)/bin/pip
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $(MARK)

$(MARK)-dev: $(MARK)
	@$(BIN)/pip install --quiet --disable-pip-version-check --group dev
	@touch $(MARK)-dev

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
