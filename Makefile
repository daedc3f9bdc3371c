# Two commands are enough: `make demo` and `make test`. `make` alone lists the others.
# Needs make and python3; everything else is made below this directory (.venv*, .local).

AIRFLOW ?= 3.3.1
VERSIONS := 3.2.1 3.3.1 3.3.2

# Versions other than the default have environments of their own.
venv = $(if $(filter 3.3.1,$(1)),.venv,.venv-$(1))
PYTHON := $(call venv,$(AIRFLOW))/bin/python
# The redirection keeps make 3.81, macOS's, from looking for a program named "command".
PYTHON3 := $(shell command -v python3 2>/dev/null || command -v python3.12 2>/dev/null || command -v python3.11 2>/dev/null)
# Isolated: what a shell has set for another project must not get in.
BOOTSTRAP := $(PYTHON3) -I -S include/nova_mme_local/bootstrap.py

export PYTHONPATH := $(CURDIR)/include
export MEDIA QUERIES OUTPUT AIRFLOW_PORT LOCAL_AWS_PORT
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME

.PHONY: help demo up down status env clean test test-core test-matrix test-browser picture lint format bench \
	evaluate mwaa lock environment python3

help:
	@echo 'make demo             embed the sample media on this machine, and search them; MEDIA=dir takes your own'
	@echo 'make test             all tests, with a real Airflow and local AWS'
	@echo
	@echo 'make up               start Airflow and local AWS, and leave them running'
	@echo 'make status           what runs, and where'
	@echo 'make down             stop them'
	@echo 'make env              what a shell needs for the command line: eval "$$(make env)"'
	@echo 'make clean            stop them, and remove what was made: .local, .venv*'
	@echo 'make test-core        the tests of the core only: seconds, no Airflow'
	@echo 'make test-matrix      the tests on every supported Airflow: $(VERSIONS)'
	@echo 'make test-browser     the tests of the page, in chromium or Google Chrome, which has to be installed'
	@echo 'make picture          a new deploy/pictures/search.png: the page in the UI of Airflow'
	@echo 'make lint, format     ruff and mypy'
	@echo 'make bench            throughput on this machine'
	@echo 'make evaluate         how good searches are, by dimension; QUERIES=file asks your own questions'
	@echo 'make mwaa             the package for Amazon MWAA'
	@echo 'make lock             renew deploy/locks after a change of requirements.txt'
	@echo
	@echo 'AIRFLOW=3.2.1 takes another Airflow. AIRFLOW_PORT (8080) and LOCAL_AWS_PORT (4566) move the ports.'

demo: environment
	@$(PYTHON) -m nova_mme_local demo $(if $(MEDIA),--media "$$MEDIA")

up down status: environment
	@$(PYTHON) -m nova_mme_local $@

# Its output is for eval: whatever else there is to say goes to stderr.
env: python3
	@$(BOOTSTRAP) --airflow $(AIRFLOW) --venv $(call venv,$(AIRFLOW)) >&2
	@$(PYTHON) -m nova_mme_local env

clean:
	@if [ -x $(PYTHON) ] && [ -e .local/stack.json ]; then $(PYTHON) -m nova_mme_local down; fi
	rm -rf .local .venv .venv-*

# Side by side: those with a real Airflow mostly wait for it. Their output follows the others'.
test: environment
	@mkdir -p .local; \
	$(PYTHON) -m pytest -m 'e2e and not browser' > .local/test-e2e.log 2>&1 & e2e=$$!; \
	$(PYTHON) -m pytest -m 'not e2e and not browser'; code=$$?; \
	echo 'Waiting for the tests with a real Airflow (.local/test-e2e.log) ...'; \
	wait $$e2e || code=$$?; cat .local/test-e2e.log; exit $$code

test-core: environment
	@$(PYTHON) -m pytest tests/core

# The default version runs everything; the others what Airflow's version can touch.
test-matrix: test
	@set -e; for version in $(filter-out $(AIRFLOW),$(VERSIONS)); do \
	    $(MAKE) --no-print-directory environment AIRFLOW=$$version; \
	    echo "Airflow $$version"; \
	    .venv-$$version/bin/python -m pytest tests/core tests/shell tests/e2e -m 'not matrix_default_only'; \
	done

# Playwright brings no browser of its own here; the tests say how to install one.
test-browser: environment
	@$(PYTHON) -m pytest tests/browser -m browser

picture: environment
	@$(PYTHON) -m pytest tests/browser/test_in_airflow.py -m browser --picture deploy/pictures/search.png

lint: environment
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy

format: environment
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

evaluate: environment
	@$(PYTHON) -m nova_mme_local.evaluation $(if $(QUERIES),--queries "$$QUERIES") $(if $(OUTPUT),--output "$$OUTPUT") $(OPTIONS)

bench mwaa: environment
	@$(PYTHON) -m nova_mme_local.$@

# Versions that a lock has are kept as long as requirements.txt allows them.
lock: environment
	@set -e; for version in $(VERSIONS); do \
	    echo "apache-airflow==$$version" | .venv-uv/uv-*/bin/uv pip compile --quiet --universal --python-version 3.11 \
	        --no-annotate --no-header requirements.txt - --output-file deploy/locks/airflow-$$version.txt; \
	done

environment: python3
	@$(BOOTSTRAP) --airflow $(AIRFLOW) --venv $(call venv,$(AIRFLOW))

python3:
	@test -n "$(PYTHON3)" || { \
	    echo 'There is no python3 on this machine. Install Python 3.12 (3.11 and 3.13 work too), then run this again:'; \
	    echo '  Debian, Ubuntu   sudo apt install python3 python3-venv'; \
	    echo '  Fedora           sudo dnf install python3.12'; \
	    echo '  macOS            brew install python@3.12'; \
	    exit 1; } >&2
