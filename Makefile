# What one does here, each from a fresh clone: `make demo` shows it, `make test` proves it, `make help` lists the rest.
# All is installed into .venv and .venvs; a second call finds it there and starts at once.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:

# $(call python,VERSIONS,TEST): the first Python among VERSIONS, on the PATH or kept by pyenv, that passes and can make a venv.
python = $(shell for p in $(foreach v,$(1),python$(v) $(HOME)/.pyenv/versions/$(v).*/bin/python); do \
	$$p -c 'import sys, ensurepip, venv; v = sys.version_info[:2]; sys.exit(not ($(2)))' 2>/dev/null && command -v $$p && break; done)

# Another one: make PYTHON=/usr/bin/python3.12
PYTHON ?= $(call python,3 3.11 3.12 3.13,v >= (3, 11))
PYTHON311 ?= $(call python,3 3.11,v == (3, 11))
PYTHON313 ?= $(call python,3 3.13,v == (3, 13))

# The laboratory (PyTorch for the CPU, LiteRT's converter) takes 2 GB: `make test TRAIN=no` leaves it out, and its tests with it.
TRAIN ?= yes
TORCH_FOR_CPU := https://download.pytorch.org/whl/cpu

# What some tests need of the system; installed where that can be done, else those tests are skipped with a reason.
SYSTEM_PACKAGES := shellcheck systemd

BIN := .venv/bin
PIP := -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --no-compile
STACK = $(if $(filter 3.11,$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')),bookworm,trixie)
TESTED := test,screen

.DEFAULT_GOAL := help
.PHONY: help demo bench test static check test-stacks bench-container bench-soak bench-pi bench-pi-short ansible-check test-arm64 size wheel format clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 17

demo: .venv/base.stamp ## the whole chain on an embedded scene, no hardware needed; leaves demo.mp4 and demo.png
	$(BIN)/fer-pi demo

bench: .venv/base.stamp ## milliseconds a stage, frames per second, memory
	$(BIN)/fer-pi bench

test: .venv/test.stamp .venv/train-$(TRAIN).stamp ## every test, warnings as errors
	$(BIN)/python -m pytest

static: .venv/test.stamp .venv/train-$(TRAIN).stamp ## formatting, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases deploy/bench
	$(BIN)/lint-imports

check: static test ## static and test: what must pass before a commit

# Each stack with its TFLite runtime: Bookworm with LiteRT and with tflite-runtime, Trixie with LiteRT.
test-stacks: ## every test that needs no laboratory, on the stacks of Bookworm and Trixie
	@$(MAKE) --no-print-directory --keep-going \
	$(if $(PYTHON311),.venvs/bookworm.tested .venvs/tflite-runtime.tested,without-python-3.11) \
	$(if $(PYTHON313),.venvs/trixie.tested,without-python-3.13)

without-python-%:
	@echo "SKIPPED: the stack of Python $*, which is not on this machine (or say where: make PYTHON311=... PYTHON313=...)"

.PHONY: .venvs/bookworm.tested .venvs/tflite-runtime.tested .venvs/trixie.tested
.venvs/bookworm.tested .venvs/tflite-runtime.tested .venvs/trixie.tested: .venvs/%.tested: .venvs/%.stamp
	.venvs/$*/bin/python -m pytest

# Debian systems of their own on this computer: as root, and with mmdebstrap; what they are made of is kept in build/bench.
SYSTEMD_BENCH := $(filter-out %/test_arm64.py %/test_fleet.py %/test_soak.py,$(wildcard deploy/bench/service/test_*.py))
BENCH = $(BIN)/python -m pytest -p no:cacheprovider --bench-report build/$@

bench-container: .venv/test.stamp ## the service under a real systemd, in containers: installed, started, broken, removed
	$(BENCH) $(SYSTEMD_BENCH)

SOAK_S ?= 3600

bench-soak: .venv/test.stamp ## an hour of the service at 30 frames a second, or as long as SOAK_S= says: what grows?
	$(BENCH) --soak-s $(SOAK_S) deploy/bench/service/test_soak.py

# As root, on Debian or Ubuntu; what is missing is installed. The report lies in build/bench-pi. More: docs/bench.md.
BENCH_PI = deploy/bench/pi/build/tools.sh && $(BENCH) --override-ini=timeout=10800 deploy/bench/pi

bench-pi: .venv/test.stamp ## an emulated Pi with webcam, LED and screen, all that can break broken (docs/bench.md)
	$(BENCH_PI)

bench-pi-short: .venv/test.stamp ## the short form of it: install, boot, mood, unplug, bad config, kill, power cut
	$(BENCH_PI) -m short --times 2

ansible-check: .venv/test.stamp ## the role for many Pis: lint, and a real fleet in containers
	$(BENCH) deploy/bench/service/test_fleet.py

test-arm64: .venv/test.stamp ## both stacks of a Pi, emulated: installed offline, the nets, chosen tests
	$(BENCH) deploy/bench/service/test_arm64.py

size: .venv/test.stamp ## what the base install takes on disk, on a PC and on a Pi
	$(BIN)/python -m build --quiet --wheel --outdir dist
	deploy/measure_size.sh dist/fer_pi-*.whl $(PYTHON311) $(PYTHON313)

wheel: .venv/test.stamp ## dist/fer_pi-*.whl
	$(BIN)/python -m build --wheel --outdir dist

format: .venv/test.stamp ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## forget everything that was built or installed
	rm -rf .venv .venvs dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "fer_pi needs Python 3.11 or newer, with venv (on Debian: apt install python3 python3-venv);" \
	"if there is one: make PYTHON=/path/to/python3" >&2; exit 1; fi
	$(PYTHON) -m venv .venv

# As on a Pi, unless the laboratory is there, which needs a newer LiteRT.
.venv/base.stamp: pyproject.toml $(wildcard deploy/constraints-*.txt) | .venv/bin/python
	$(BIN)/python $(INSTALL) $(if $(wildcard .venv/train-yes.stamp),,--constraint deploy/constraints-$(STACK).txt) --editable .
	@touch $@

.venv/test.stamp: .venv/base.stamp
	$(BIN)/python $(INSTALL) --editable '.[$(TESTED)]'
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg --status $(SYSTEM_PACKAGES) >/dev/null 2>&1; then \
	apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends $(SYSTEM_PACKAGES) >/dev/null || \
	echo "SKIPPED: the tests that need $(SYSTEM_PACKAGES), which could not be installed"; fi
	@touch $@

# PyTorch comes first, and from where it comes without the 4 GB of CUDA; where that cannot be reached, from PyPI like the rest.
.venv/train-yes.stamp: .venv/test.stamp
	@echo "Installing the laboratory: 2 GB, some minutes. To do without: make test TRAIN=no"
	@$(BIN)/python $(INSTALL) --no-deps --timeout 10 --retries 1 --index-url $(TORCH_FOR_CPU) 'torch==2.13.*' || true
	@if $(BIN)/python $(INSTALL) --editable '.[$(TESTED),train]'; then touch $@; \
	else echo "SKIPPED: the tests of the training, for PyTorch or LiteRT's converter cannot be had here"; fi

.venv/train-no.stamp: .venv/test.stamp
	@touch $@

.venvs/bookworm.stamp .venvs/tflite-runtime.stamp .venvs/trixie.stamp: pyproject.toml $(wildcard deploy/constraints-*.txt)

.venvs/bookworm.stamp:
	$(PYTHON311) -m venv .venvs/bookworm
	.venvs/bookworm/bin/python $(INSTALL) --constraint deploy/constraints-bookworm.txt --editable '.[$(TESTED)]'
	@touch $@

.venvs/tflite-runtime.stamp:
	$(PYTHON311) -m venv .venvs/tflite-runtime
	.venvs/tflite-runtime/bin/python $(INSTALL) --constraint deploy/constraints-bookworm.txt --editable '.[$(TESTED),tflite-runtime]'
	.venvs/tflite-runtime/bin/python $(PIP) uninstall --yes ai-edge-litert
	@touch $@

.venvs/trixie.stamp:
	$(PYTHON313) -m venv .venvs/trixie
	.venvs/trixie/bin/python $(INSTALL) --constraint deploy/constraints-trixie.txt --editable '.[$(TESTED)]'
	@touch $@
