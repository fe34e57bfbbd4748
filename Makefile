# make demo   set up, then run the main job end to end; the report lands in demo/report/index.html
# make test   set up, then check everything that takes minutes
# make soak   what takes longer: many kills, faults, full disks
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
OUT    ?= demo

.PHONY: setup demo test check soak s3 clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

demo: setup
	$(BIN)/osprep demo --out $(OUT)

test: setup check $(if $(CI),s3)
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: setup
	$(BIN)/python -m pytest -m soak --timeout 7200

# A real S3 server for the tests (Ceph RADOS gateway); Debian and Ubuntu.
s3:
	command -v radosgw ceph-osd ceph-mon ceph-mgr >/dev/null || { \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			radosgw ceph-mon ceph-osd ceph-mgr ceph-common; }

clean:
	rm -rf $(VENV) demo build dist *.egg-info
