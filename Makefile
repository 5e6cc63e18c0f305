# `make help` lists every target in a line.
PYTHON ?= python3.13
BIN := .venv/bin
STORE ?= .store
# half more than there are processors: many tests wait for servers and browsers
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)

.DEFAULT_GOAL := help
.PHONY: help run test check prove audit sbom format lock build invoke cloud docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/uv: requirements/uv.txt
	@echo "making the environment in .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# into an environment; by pip, in some minutes, where uv, which does not read pip's settings, finds no packages
install = $(BIN)/uv pip install --quiet --python $(1)/bin/python $(2) || $(1)/bin/pip install --quiet --disable-pip-version-check $(2)

.venv/ready: .venv/uv requirements/dev.txt pyproject.toml
	@$(call install,.venv,--require-hashes -r requirements/dev.txt)
	@$(call install,.venv,--no-build-isolation --no-deps --editable .)
	@touch $@

.venv-sam/ready: .venv/uv requirements/sam.txt
	@echo "making the environment of the SAM command line in .venv-sam"
	@$(PYTHON) -m venv .venv-sam
	@$(call install,.venv-sam,--require-hashes -r requirements/sam.txt)
	@touch $@

.venv-checkov/ready: .venv/uv requirements/checkov.txt
	@echo "making the environment of checkov in .venv-checkov"
	@$(PYTHON) -m venv .venv-checkov
	@$(call install,.venv-checkov,--require-hashes -r requirements/checkov.txt)
	@touch $@

run: .venv/ready ## train `tickets` on synthetic rows, then serve it on :8000
	@$(BIN)/firesteel demo

test: check sbom .venv/ready .venv-sam/ready .venv-checkov/ready ## all checks and tests, with coverage
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term

check: .venv/ready ## style, types, direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

prove: .venv/ready ## the proofs of docs/reliability.md in full, some hours; PROOF=crashes for one
	@$(BIN)/python -m tests.proofs $(PROOF)

audit: .venv/ready ## what is known of the packages of every lock; needs the network
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip $(addprefix --requirement=,$(wildcard requirements/*.txt))

sbom: .venv/ready ## what each function is made of, as CycloneDX, in .sbom/
	@$(BIN)/python -m infra.sbom

format: .venv/ready ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/ready ## lock all requirements anew, with hashes
	@$(BIN)/python infra/lock.py

build: .venv-sam/ready ## build the functions and the layer with SAM
	@.venv-sam/bin/sam build

invoke: build .venv/ready ## the built function in the Lambda runtime emulator, no container
	@$(BIN)/firesteel invoke events/classify.json

cloud: build .venv/ready ## the whole stack here, from an upload to a rollback; KEEP=--keep leaves it running
	@$(BIN)/python -m infra.cloud $(KEEP)

docs: .venv/ready ## the documentation as a site, in site/
	@$(BIN)/python -m infra.reference
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean: ## remove what was built, keep the store
	@rm -rf .venv .venv-sam .venv-checkov .aws-sam .sbom .coverage .mypy_cache .ruff_cache .pytest_cache
