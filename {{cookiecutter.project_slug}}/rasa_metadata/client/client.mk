# A typed client for front ends, in client/: the npm package in this folder, with your contract.

LOCKS += lock-client

.PHONY: client lock-client

client: $(INSTALLED) | $(UV) ## write a typed client for front ends, in TypeScript, into client/
	@mkdir -p client
	@cp rasa_metadata/client/*.json rasa_metadata/client/*.ts client/
	@$(PYTHON) -m rasa_metadata openapi > client/openapi.json
	@$(NPM) --prefix client $(NPM_CI)
	@$(NODE) client/node_modules/openapi-typescript/bin/cli.js client/openapi.json \
		--empty-objects-unknown --output client/api.d.ts
	@echo "The client is in client/. After a change of a slot, run 'make client' again."

lock-client: lock-npm
	@$(NPM) --prefix rasa_metadata/client $(NPM_LOCK)
