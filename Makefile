# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Every target brings what it needs: a bare clone and a Python 3.10 to 3.13 are enough. With a sourced ROS 2 that one is
# used. PYTHON=... takes another interpreter, ARGS=... passes words on:  make demo ARGS="--json out/demo.json"

PYTHON ?= python3
ARGS ?=
SETUP = $(PYTHON) tools/setup_env.py $(if $(filter file default,$(origin PYTHON)),,--only-this-python)

# A sourced ROS 2 comes by PYTHONPATH; without one it could only lead to other packages than .venv's.
ifeq ($(ROS_DISTRO),)
unexport PYTHONPATH
endif
unexport PYTHONHOME VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE

.DEFAULT_GOAL := help
.PHONY: help setup demo doctor test check bench wasm clean python

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@command -v $(PYTHON) >/dev/null || { echo 'setup: no $(PYTHON) on PATH: install Python 3.10, 3.11, 3.12 or 3.13, or name one: make PYTHON=/path/to/python3.12' >&2; exit 2; }

setup: python  ## make .venv ready (every other target does so by itself)
	@$(SETUP)

demo: setup  ## run the synthetic operating room through the real nodes; ARGS="--json FILE"
	@.venv/bin/arsurg demo $(ARGS)

doctor: setup  ## say what was found here, what is wrong and the remedy
	@.venv/bin/arsurg doctor $(ARGS)

test: python  ## pytest; ARGS="-k words"
	@$(SETUP) test
	@.venv/bin/python -m pytest $(ARGS)

check: python  ## ruff, mypy, cargo test, and the kernels rebuilt and compared
	@$(SETUP) test check
	@.venv/bin/python tools/check.py $(ARGS)

bench: python  ## speed against peers in the same run -> out/bench.json, out/bench.png; ARGS="--only landmarks"
	@$(SETUP) bench
	@.venv/bin/python tools/bench $(ARGS)

wasm: python  ## build the kernels into wasm/bin (needs Rust; tools/build_wasm.py says what is missing)
	@$(PYTHON) tools/build_wasm.py $(ARGS)

clean:  ## remove what make has made here; the caches below ~/.cache stay
	@rm -rf .venv .venv.old-* .venv.lock out build dist install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis wasm/target
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
