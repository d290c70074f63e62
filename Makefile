# `make` alone lists what it can do. All of it needs python3, make and git only: uv, and
# through it Python 3.10 and the rest, are installed inside this folder.

UV := .uv/bin/uv
PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
DEMO := build/demo
BOT := {{cookiecutter.project_slug}}
PYTHON_FILES := . --exclude '*/pyproject.toml' # which holds Jinja

.PHONY: help demo test test-static check fix hooks bench life-cycle lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## bake the default bot, talk to it with metadata, and show its slots
	@$(PYTHON) tools/demo.py $(DEMO)

test: $(INSTALLED) ## test the template, and bots baked from it with their own tests
	@$(PYTHON) -m pytest

test-static: $(INSTALLED) ## test the template without installing Rasa
	@$(PYTHON) -m pytest -m "not rasa"

check: $(INSTALLED) ## check the style; this changes nothing
	@.venv/bin/ruff check --quiet --no-cache $(PYTHON_FILES)
	@.venv/bin/ruff format --quiet --no-cache --check $(PYTHON_FILES)
	@.venv/bin/yamllint --strict .

fix: $(INSTALLED) ## repair the style where a program can
	@.venv/bin/ruff check --quiet --no-cache --fix $(PYTHON_FILES) || true
	@.venv/bin/ruff format --quiet --no-cache $(PYTHON_FILES)

hooks: $(INSTALLED) ## run the checks at each git commit
	@.venv/bin/pre-commit install

bench: $(INSTALLED) ## compare speed and memory with stock Rasa; write benchmarks/RESULTS.md
	@$(PYTHON) -m benchmarks build/bench

life-cycle: $(INSTALLED) ## take a bot's life-cycle tests with stock Rasa too; write docs/life-cycle.md
	@$(PYTHON) -m tools.life_cycle build/life-cycle

lock: $(INSTALLED) ## choose the versions in both requirements.txt anew
	@$(UV) pip compile --quiet --universal --generate-hashes --upgrade --group test \
		--custom-compile-command "make lock" --output-file requirements.txt pyproject.toml
	@.venv/bin/cookiecutter . --no-input --overwrite-if-exists --output-dir build/lock
	@$(MAKE) --no-print-directory -C build/lock/metadata-bot lock
	@cp build/lock/metadata-bot/requirements*.txt '$(BOT)'/

clean: ## remove all that these commands made
	rm -rf .uv .venv .pytest_cache build

$(INSTALLED): requirements.txt | $(UV)
	@echo "Installing cookiecutter into .venv ..."
	@$(UV) venv --quiet --clear .venv 2>/dev/null || { echo "Rasa 3.6 needs Python 3.10, and \
	none could be found or downloaded: install it (python3.10) and say 'make' again." >&2; exit 1; }
	@$(UV) pip sync --quiet --require-hashes --python .venv requirements.txt
	@touch $@

$(UV):
	@echo "Installing uv into .uv ..."
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
