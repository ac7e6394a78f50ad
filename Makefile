# Every target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
PYTHON_IN_VENV := .venv/bin/python
PAGES := build/book_pages
BUILDER ?= html
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help run check test bench lab book student grade sheet export notebooks reproduce lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version + ". Name one: make PYTHON=python3.12 …")'
	@echo "Setting up .venv: a few minutes, about 6 GB. This happens once."
	$(PYTHON) -m venv .venv
	$(PYTHON_IN_VENV) -m pip install --require-hashes --progress-bar off --requirement requirements.lock
	$(PYTHON_IN_VENV) -m pip install --no-deps --no-build-isolation --quiet --editable .
	@touch $@

run: .venv/ready  ## execute every notebook into build/ and print the table
	$(PYTHON_IN_VENV) -m mnist_lr_helpers run $(ARGS)

check: .venv/ready  ## run the checks that take a minute: form, and units
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m pytest --numprocesses 2 -m "not slow and not notebook and not browser" $(ARGS)

test: .venv/ready  ## run every check
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m pytest --numprocesses 2 --durations 25 $(ARGS)

bench: .venv/ready  ## measure the course against what its readers would otherwise run: build/benchmark.json, about 10 minutes
	env -u OMP_WAIT_POLICY $(PYTHON_IN_VENV) tests/benchmarks/benchmark.py $(ARGS)  # as in a reader's own shell

lab: .venv/ready  ## open JupyterLab on the notebooks
	$(PYTHON_IN_VENV) -m jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

book: .venv/ready  ## build the book: open build/book/index.html; FROM=build/notebooks takes the notebooks as run here
	@$(if $(FROM),rm -rf $(PAGES) && cp -R notebooks $(PAGES) && cp $(FROM)/[0-9][0-9]_*.ipynb $(PAGES)/)
	$(PYTHON_IN_VENV) -m sphinx -q -E -W --keep-going -b $(BUILDER) -c notebooks -d build/doctrees $(if $(FROM),$(PAGES),notebooks) build/book

student: .venv/ready  ## write the students' edition, without solutions and outputs, into build/student
	$(PYTHON_IN_VENV) -m mnist_lr_helpers student $(ARGS)

grade: .venv/ready  ## mark what a class has handed in: FROM=folder; marks and a summary in build/marks
	$(PYTHON_IN_VENV) -m mnist_lr_helpers grade $(FROM) $(ARGS)

sheet: .venv/ready  ## write the sheet for your own digits, as PDF for the printer, into build/sheet
	$(PYTHON_IN_VENV) -m mnist_lr_helpers sheet $(ARGS)

export: .venv/ready  ## write a trained model as ONNX, with a card of its measured limits, into build/model
	$(PYTHON_IN_VENV) -m mnist_lr_helpers export $(ARGS)

notebooks: .venv/ready  ## execute every notebook on MNIST and make the results the committed ones
	$(PYTHON_IN_VENV) -m mnist_lr_helpers run --jobs 1 $(ARGS)
	$(PYTHON_IN_VENV) -m mnist_lr_helpers publish

reproduce: .venv/ready  ## run the studies behind the published claims on MNIST, and judge the claims
	$(PYTHON_IN_VENV) -m mnist_lr_helpers reproduce $(ARGS)
	$(PYTHON_IN_VENV) -m mnist_lr_helpers publish studies

lock: .venv/ready  ## choose new versions: requirements.lock and environment.yml
	.venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --upgrade --output-file requirements.lock
	$(PYTHON_IN_VENV) -m mnist_lr_helpers environment

clean:  ## delete build/ and .venv (the data stay)
	rm -rf build .venv
