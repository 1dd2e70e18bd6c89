# Vera Edit: `make demo` shows it, `make test` tests it. Both set up what they need, once.
# TORCH_INDEX names the package index that torch is taken from; README "torch for CPU or CUDA". Left out: on Linux
# without an NVIDIA device PyTorch's own index of CPU builds, where it can be reached; else pip's own index.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

ENGINE := .venv/bin
BLENDER_45 := .venv-blender/bin
BLENDER_52 := .venv-blender52/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input
TORCH_INDEX_CHOSEN := $(if $(filter undefined,$(origin TORCH_INDEX)),,yes)
TORCH_INDEX ?= $(shell sh prerequisites.sh torch-index)
PYTEST_ARGUMENTS ?=
# Lanes of `make test` that run side by side; each is told as a whole when it is over, where make can do so (4.0).
LANES ?= 2
SIDE_BY_SIDE := --jobs=$(LANES) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# Tests start processes that compute beside each other: threads that spin while they wait would starve them.
export OMP_WAIT_POLICY ?= PASSIVE

# A stamp lies in the environment it speaks of, so that removing one removes the other.
ENGINE_READY := .venv/ready.stamp
BLENDER_45_READY := .venv-blender/ready.stamp
BLENDER_52_READY := $(if $(wildcard $(BLENDER_52)/python),.venv-blender52/ready.stamp,$(if $(shell sh prerequisites.sh python 3.13),.venv-blender52/ready.stamp))

# Blender's tests run in Blender's environment and reach the engine through its own.
BLENDER_TESTS := VERA_EDIT_PYTHON="$(CURDIR)/$(ENGINE)/python"

.PHONY: help
help:
	@echo "make demo    set up what is needed and edit a plate in a headless Blender; leaves demo/out/"
	@echo "make test    set up what is needed and run all checks and tests"
	@echo "make setup   only set up the environments: .venv, .venv-blender, .venv-blender52"
	@echo "make check   lint, types, import rules and generated code"
	@echo "make gpu-check  on a machine with a GPU: memory, time and layers of a model of real size; writes docs/gpu-check.md"
	@echo "make locks   resolve the lock files again (UPGRADE=1: to the newest versions)"
	@echo "make clean   remove caches and what the demo left"

.PHONY: prerequisites
prerequisites:
	@sh prerequisites.sh check

.PHONY: setup
setup: $(ENGINE_READY) $(BLENDER_45_READY) $(BLENDER_52_READY)
ifeq ($(BLENDER_52_READY),)
	@echo "Blender 5.2: skipped, no Python 3.13 was found (python3.13 on PATH, pyenv, uv)."
endif

# torch alone and first: the lock is content with whichever build of its version is there.
TORCH_FIRST = $(ENGINE)/python $(PIP_INSTALL) --retries 1 --timeout 15 --no-deps --index-url $(TORCH_INDEX) \
    $$(grep '^torch==' locks/engine.txt)
NO_CPU_BUILD = $(TORCH_INDEX) did not give torch: taking the build that pip's own index offers.

# $(call environment,FOLDER,PYTHON VERSION,LOCK): an environment's folder, with a word on what is about to happen.
define environment
	@echo "Setting up $(1) (Python $(2), locks/$(3).txt); the first time this downloads for some minutes."
	@test -x $(1)/bin/python || "$$(sh prerequisites.sh python $(2))" -m venv $(1)
endef

$(ENGINE_READY): locks/engine.txt pyproject.toml | prerequisites
	$(call environment,.venv,3.11,engine)
	$(if $(TORCH_INDEX),$(TORCH_FIRST) $(if $(TORCH_INDEX_CHOSEN),,|| echo "$(NO_CPU_BUILD)"))
	$(ENGINE)/python $(PIP_INSTALL) -r locks/engine.txt
	$(ENGINE)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(BLENDER_45_READY): locks/blender-4.5.txt | prerequisites
	$(call environment,.venv-blender,3.11,blender-4.5)
	$(BLENDER_45)/python $(PIP_INSTALL) -r locks/blender-4.5.txt
	@touch $@

.venv-blender52/ready.stamp: locks/blender-5.2.txt | prerequisites
	$(call environment,.venv-blender52,3.13,blender-5.2)
	$(BLENDER_52)/python $(PIP_INSTALL) -r locks/blender-5.2.txt
	@touch $@

.PHONY: demo
demo: $(ENGINE_READY) $(BLENDER_45_READY)
	$(ENGINE)/python demo/run.py

# Each lane runs even when one before it failed; one failing lane fails the whole.
.PHONY: test
test: setup
	@$(MAKE) --no-print-directory --keep-going $(SIDE_BY_SIDE) test-engine \
	    lint types import-rules generated-code test-client test-nuke test-blender-4.5 test-blender-5.2
	@echo "All lanes passed."

.PHONY: check lint types import-rules generated-code
check: lint types import-rules generated-code

lint: $(ENGINE_READY)
	@echo "== lint"
	$(ENGINE)/ruff check
	$(ENGINE)/ruff format --check

types: $(ENGINE_READY)
	@echo "== types"
	$(ENGINE)/mypy
	$(ENGINE)/mypy --python-version 3.10 plugins/client/vera_client plugins/nuke

import-rules: $(ENGINE_READY)
	@echo "== import rules"
	$(ENGINE)/lint-imports --no-cache --no-logo

generated-code: $(ENGINE_READY)
	@echo "== generated code"
	$(ENGINE)/python proto/generate.py --check

.PHONY: test-engine
test-engine: $(ENGINE_READY)
	@echo "== engine: Python 3.11, $$($(ENGINE)/python -c 'import torch; print("torch", torch.__version__)')"
	$(ENGINE)/python -m pytest --ignore=tests/client --ignore=tests/hosts $(PYTEST_ARGUMENTS)

.PHONY: test-client
test-client: $(ENGINE_READY)
	@echo "== client and bridge: Python 3.11"
	$(ENGINE)/python -m pytest tests/client $(PYTEST_ARGUMENTS)

.PHONY: test-nuke
test-nuke: $(ENGINE_READY)
	@echo "== Nuke, on a stand-in for it: Python 3.11"
	$(ENGINE)/python -m pytest tests/hosts/nuke $(PYTEST_ARGUMENTS)

.PHONY: test-blender-4.5
test-blender-4.5: $(ENGINE_READY) $(BLENDER_45_READY)
	@echo "== Blender 4.5"
	$(BLENDER_TESTS) $(BLENDER_45)/python -m pytest tests/hosts/blender $(PYTEST_ARGUMENTS)

.PHONY: test-blender-5.2
test-blender-5.2: $(ENGINE_READY) $(BLENDER_52_READY)
ifeq ($(BLENDER_52_READY),)
	@echo "== Blender 5.2: skipped, no Python 3.13 was found (python3.13 on PATH, pyenv, uv)"
else
	@echo "== Blender 5.2"
	$(BLENDER_TESTS) $(BLENDER_52)/python -m pytest tests/hosts/blender $(PYTEST_ARGUMENTS)
endif

.PHONY: gpu-check
gpu-check: $(ENGINE_READY)
	$(ENGINE)/python -m benchmarks.gpu_check --log docs/gpu-check.md $(GPU_CHECK_ARGUMENTS)

.PHONY: locks
locks: setup
	$(ENGINE)/python locks/update.py $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean:
	rm -rf demo/out demo/work build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find engine plugins proto tests demo locks -type d -name __pycache__ -prune -exec rm -rf {} +
