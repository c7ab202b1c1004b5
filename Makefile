.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt bench wheel test-wheel lock

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CODE := executor admin_bridge scheduler handlers tests bench

help:  ## show these commands
	@sed -n 's/^\([a-z-]*\):.*  ## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: $(STAMP)  ## make .venv with everything in it, from the lock file (Python 3.11 to 3.15)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 15) or sys.exit("Python 3.11 to 3.15 is needed, this is %d.%d: make PYTHON=python3.12 setup" % v)'
	@echo "making .venv: takes a minute, once"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup  ## show the service at work: PostgreSQL, an Admin that triggers, handlers, rows
	$(BIN)/qooerp-scheduler demo $(ARGS)

test: setup  ## run all tests, on real parts (make test ARGS="-k journal" runs some)
	$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

check: setup  ## lint, format, types, import contracts; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

fmt: setup  ## format, mend what can be mended, write config.yaml anew
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/qooerp-scheduler config --default >config.yaml.new && mv config.yaml.new config.yaml

bench: setup  ## measure us and our peers (make bench ARGS="beat kill --quick"); see bench/README.md
	$(BIN)/python -m bench $(or $(ARGS),all)

wheel: setup  ## build dist/*.whl, its run path compiled (needs a C compiler and Python's headers)
	@rm -rf dist && $(BIN)/hatchling build -t sdist -d dist >/dev/null
	@echo "compiling: takes a minute"
	@HATCH_BUILD_HOOK_ENABLE_MYPYC=1 $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	@ls dist/*.whl

test-wheel: wheel  ## run the tests of the executor on what that wheel has compiled
	@rm -rf build/wheel && $(BIN)/python -m zipfile --extract dist/*.whl build/wheel
	@PYTHONPATH=build/wheel $(BIN)/python -P -c 'import executor.lane as m; assert m.__file__.endswith(".so"), m.__file__'
	PYTHONPATH=$(CURDIR)/build/wheel $(BIN)/python -m pytest -n 3 --dist loadfile --override-ini "pythonpath=build/wheel ." -m "not sources and not postgresql" $(ARGS)

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

lock: setup  ## write the lock files anew, with the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/$(LOCK) --upgrade --group dev --output-file requirements.lock
	$(BIN)/$(LOCK) --constraint requirements.lock --output-file requirements-run.lock
