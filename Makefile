# `make` alone lists the commands. They need python3, make and git only, and install uv,
# Python 3.10 and everything else inside this folder.

UV := .uv/bin/uv
PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
DEMO := build/demo
BOT := {{cookiecutter.project_slug}}
# What tests generate from a bot's schema, and check it with; it conflicts with Rasa.
GENERATORS := datamodel-code-generator email-validator openapi-spec-validator schemathesis
# Runs a module with the Python of a bot that has a cluster, in the bot's folder.
IN_CLUSTER_BOT = cd build/cluster/metadata-bot && \
	PYTHONPATH='$(CURDIR):$(CURDIR)/tests' .venv/bin/python -W ignore -m
PYTHON_FILES := . --exclude '*/pyproject.toml' # which holds Jinja

.PHONY: help demo test test-static check fix hooks install bench bench-cluster cluster cluster-bot fuzz \
	life-cycle rasa-tests screenshots cast file-list lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## bake the default bot, talk to it with metadata, and show its slots
	@$(PYTHON) tools/demo.py $(DEMO)

test: test-static ## test the template and the bots that it bakes
	@$(PYTHON) -m pytest -m rasa --numprocesses 2 --dist loadgroup

test-static: $(INSTALLED) ## test the template without installing Rasa
	@$(PYTHON) -m pytest -m "not rasa" --numprocesses auto --dist loadgroup

check: $(INSTALLED) ## check style, types and spelling; this changes nothing
	@.venv/bin/ruff check --quiet --no-cache $(PYTHON_FILES)
	@.venv/bin/ruff format --quiet --no-cache --check $(PYTHON_FILES)
	@.venv/bin/yamllint --strict .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/codespell

fix: $(INSTALLED) ## repair the style as far as possible
	@.venv/bin/ruff check --quiet --no-cache --fix $(PYTHON_FILES) || true
	@.venv/bin/ruff format --quiet --no-cache $(PYTHON_FILES)

hooks: $(INSTALLED) ## run the checks at each git commit
	@.venv/bin/pre-commit install

install: $(INSTALLED) ## install cookiecutter and the tools of the tests into .venv

bench: $(INSTALLED) ## compare speed and memory with stock Rasa; write benchmarks/RESULTS.md
	@$(PYTHON) -m benchmarks build/bench

bench-cluster: cluster-bot ## measure one server against two, PostgreSQL and long conversations
	@$(IN_CLUSTER_BOT) benchmarks.cluster

cluster: cluster-bot ## run a bot here on several servers, with what they need (SERVERS=2 ACTIONS=2)
	@$(IN_CLUSTER_BOT) in_a_bot.local_cluster

cluster-bot: $(INSTALLED) ## bake and train the bot for both, in build/cluster
	@.venv/bin/cookiecutter . --no-input --overwrite-if-exists --output-dir build/cluster \
		deployment=compose
	@$(MAKE) --no-print-directory -C build/cluster/metadata-bot train

fuzz: $(INSTALLED) ## try many random inputs and conversations in a bot; takes hours
	@.venv/bin/cookiecutter . --no-input --overwrite-if-exists --output-dir build/fuzz
	@$(MAKE) --no-print-directory -C build/fuzz/metadata-bot install
	@FUZZ_SECONDS=600 $(PYTHON) -m tools.in_a_bot build/fuzz/metadata-bot live/hostile
	@KILLS=10 $(PYTHON) -m tools.in_a_bot build/fuzz/metadata-bot stores/test_servers.py -k kill_9
	@HYPOTHESIS_PROFILE=thorough $(PYTHON) -m tools.in_a_bot build/fuzz/metadata-bot \
		fast/test_fuzz.py fast/test_machine.py rasa_code

life-cycle: $(INSTALLED) ## run the life-cycle tests with stock Rasa too; write docs/life-cycle.md
	@$(PYTHON) -m tools.life_cycle build/life-cycle

rasa-tests: $(INSTALLED) ## run Rasa's own tests with our classes, from checkouts that you name
	@$(PYTHON) -m tools.rasa_tests build/rasa-tests '$(RASA_SOURCE)' '$(RASA_SDK_SOURCE)'

screenshots: $(INSTALLED) ## take the pictures of the chat page and the recipes again
	@SCREENSHOTS=$(CURDIR)/docs/images $(PYTHON) -m pytest tests/test_chat_page.py \
		tests/test_machinery.py -k "pictures or (machinerys and chat)"

cast: $(INSTALLED) ## record the first minute in a terminal; draw docs/images/first-minute.svg
	@$(PYTHON) -m tools.cast build/cast build/first-minute.cast
	@.uv/bin/uvx --quiet --python $(PYTHON) --with 'setuptools<81' termtosvg==1.1.0 render \
		build/first-minute.cast docs/images/first-minute.svg -D 4000 -m 150 -M 1200 -t window_frame

file-list: $(INSTALLED) ## bake each choice; write tests/files.yml, which tests compare with
	@$(PYTHON) -m tools.choices > /dev/null

lock: $(INSTALLED) ## update the versions in all requirements.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --upgrade --group test \
		--custom-compile-command "make lock" --output-file requirements.txt pyproject.toml
	@.venv/bin/cookiecutter . --no-input --overwrite-if-exists --output-dir build/lock \
		deployment=compose
	@$(MAKE) --no-print-directory -C build/lock/metadata-bot lock
	@cp build/lock/metadata-bot/requirements*.txt '$(BOT)'/
	@cp build/lock/metadata-bot/rasa_metadata/npm.txt '$(BOT)/rasa_metadata/'
	@for each in chat client; do cp build/lock/metadata-bot/rasa_metadata/$$each/package-lock.json \
		'$(BOT)/rasa_metadata/'$$each/; done
	@cp build/lock/metadata-bot/deploy/requirements-actions.txt '$(BOT)'/deploy/
	@$(UV) pip compile --quiet --universal --generate-hashes --upgrade --group in-a-bot \
		--python-version 3.10 --custom-compile-command "make lock" \
		--constraint '$(BOT)/requirements.txt' --output-file tests/in_a_bot/requirements.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-deps --upgrade \
		--python-version 3.10 --custom-compile-command "make lock" \
		--constraint '$(BOT)/requirements.txt' --output-file tools/with_our_classes/requirements.txt \
		tools/with_our_classes/requirements.in
	@printf '%s\n' $(GENERATORS) | $(UV) pip compile --quiet --universal --generate-hashes --upgrade \
		--python-version 3.10 --custom-compile-command "make lock" \
		--output-file tools/generators/requirements.txt -

clean: ## remove everything that these commands created
	rm -rf .uv .venv .mypy_cache .pytest_cache build

$(INSTALLED): requirements.txt | $(UV)
	@echo "Installing cookiecutter into .venv ..."
	@$(UV) venv --quiet --clear .venv 2>/dev/null || { echo "Rasa 3.6 needs Python 3.10, and \
	none could be found or downloaded: install it (python3.10) and run 'make' again." >&2; exit 1; }
	@$(UV) pip sync --quiet --require-hashes --python .venv requirements.txt
	@touch $@

$(UV):
	@echo "Installing uv into .uv ..."
	@python3 -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
