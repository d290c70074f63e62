# The commands of the deployment; the Makefile includes them.

SECRETS := deploy/.env
LOCKS += lock-actions

.PHONY: migrate lock-actions

$(SECRETS): | .env # once: PostgreSQL keeps its first password
	@umask 077; { cat .env; printf 'DB_PASSWORD=%s\nREDIS_PASSWORD=%s\n' \
		$$(python3 -c 'import secrets; print(secrets.token_hex(32), secrets.token_hex(32))'); } > $@
	@echo "Created passwords in $@; keep them out of git." >&2

lock-actions: $(UV) ## choose the versions in deploy/requirements-actions.txt anew
	@$(UV) pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.10 \
		--constraint requirements.txt --custom-compile-command "make lock-actions" \
		--output-file deploy/requirements-actions.txt deploy/requirements-actions.in

migrate: $(INSTALLED) ## copy conversations.db to PostgreSQL (DB_URL=postgresql://...)
	@$(PYTHON) -W ignore -m deploy.migrate conversations.db
