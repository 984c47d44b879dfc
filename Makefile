# Everything stays inside this folder: .venv/, node_modules/, static/vendor/, staticfiles/, var/.
PYTHON ?= python3
PY := .venv/bin/python
# Compiles the locks; versions already locked stay unless UPGRADE=--upgrade is given.
LOCK = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(UPGRADE)

.PHONY: help install run demo test lint bench fuzz soak lock messages screenshots assets locale \
	staticfiles wheel sbom findings migrations

help:
	@echo "make install      everything that is needed, into .venv/"
	@echo "make demo         the console with a sandbox of GitHub beside it"
	@echo "make run          the console for your own enterprise"
	@echo "make test         the tests, on SQLite or on DATABASE_URL"
	@echo "make lint         style, types, migrations, translations, the description of the API"
	@echo "make bench soak   measurements; long runs with faults and kills"
	@echo "make fuzz         both APIs from their descriptions, for two minutes each"
	@echo "make wheel        dist/licsync-VERSION-py3-none-any.whl, with all that a page needs"
	@echo "make sbom         dist/licsync.cdx.json, the bill of materials of the lock"
	@echo "make findings     bandit and pip-audit, each finding answered"
	@echo "make migrations   whether each can run beside the version before (on DATABASE_URL)"
	@echo "make lock         the locks of requirements (UPGRADE=--upgrade for newer versions)"
	@echo "make messages     collect what is to be translated (needs gettext)"
	@echo "make screenshots  the pictures of the documentation"

install: staticfiles

# uv is quicker, but does not read pip's configuration (a mirror, say): then pip itself installs.
.venv/.installed: requirements-uv.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12")'
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --require-hashes -r requirements-uv.txt
	$(PY) -m uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.txt || \
		$(PY) -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

assets: .venv/.installed
	@$(PY) scripts/build_assets.py

locale: .venv/.installed
	@$(PY) scripts/compile_messages.py

# Looked at when it runs, since the target before it may have written there.
staticfiles: assets locale
	@if [ ! -e .venv/.static ] || [ ! -d staticfiles ] || \
		[ -n "$$(find static .venv/.installed -newer .venv/.static -print -quit)" ]; then \
		$(PY) manage.py collectstatic --noinput --clear --verbosity 0 && touch .venv/.static; fi

run: install
	@$(PY) manage.py up

demo: install
	@$(PY) -m sandbox.demo

test: install
	$(PY) -m pytest -n auto

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) scripts/compile_messages.py --check
	$(PY) scripts/openapi.py --check

bench: install
	@set -e; for file in tests/bench/bench_*.py; do $(PY) -m tests.bench.$$(basename $$file .py); done

# In an environment of its own, since its plug-in would slow the start of every test run.
.venv/fuzz/.installed: requirements-fuzz.txt .venv/.installed
	test -x .venv/fuzz/bin/python || $(PYTHON) -m venv .venv/fuzz
	$(PY) -m uv pip install --quiet --python .venv/fuzz/bin/python --require-hashes -r $< || \
		.venv/fuzz/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

fuzz: install .venv/fuzz/.installed
	$(PY) -m tests.fuzz

soak: install
	$(PY) -m pytest -m 'soak or slow' -n 2 tests/system

wheel: install
	@rm -rf build dist/*.whl
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .
	@rm -rf build licsync.egg-info

sbom: install
	@mkdir -p dist
	$(PY) -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --sv 1.6 --of JSON -o dist/licsync.cdx.json

findings: install
	$(PY) scripts/security_findings.py

migrations: install
	$(PY) scripts/check_migrations.py

lock: .venv/.installed
	$(LOCK) pyproject.toml --extra sentry -o requirements.txt
	$(LOCK) pyproject.toml --extra sentry --group dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) --group pyproject.toml:uv -o requirements-uv.txt
	$(LOCK) --group pyproject.toml:node -o requirements-node.txt
	$(LOCK) --group pyproject.toml:fuzz -o requirements-fuzz.txt

messages: .venv/.installed
	$(PY) manage.py makemessages --locale de --locale zh_Hans --no-obsolete --add-location file \
		--ignore '.venv' --ignore 'node_modules' --ignore 'staticfiles' --ignore 'var' \
		--ignore 'tests' --ignore 'sandbox' --ignore 'build'

screenshots: install
	LICSYNC_TEST_SCREENSHOTS=docs/images $(PY) -m pytest tests/browser/test_pictures.py
