# The chat page: its widget comes from npm, checked against the hashes in package-lock.json.

WIDGET := rasa_metadata/chat/node_modules/.package-lock.json
LOCKS += lock-chat

.PHONY: chat clean-chat lock-chat

run: | $(WIDGET)

chat: $(WIDGET) ## install the widget of the chat page

$(WIDGET): rasa_metadata/chat/package.json rasa_metadata/chat/package-lock.json | $(UV)
	@echo "Installing the chat widget into rasa_metadata/chat/node_modules ..."
	@$(NPM) --prefix rasa_metadata/chat $(NPM_CI) || \
		echo "It could not be installed; the bot runs without. Run 'make chat' to try again." >&2

lock-chat: lock-npm
	@$(NPM) --prefix rasa_metadata/chat $(NPM_LOCK)

clean: clean-chat

clean-chat:
	rm -rf rasa_metadata/chat/node_modules
