# Every target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
PYTHON_IN_VENV := .venv/bin/python
COURSE := $(PYTHON_IN_VENV) -m mnist_lr_helpers
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help run check test bench sabotage seeds mutants lab book pdf slides student grade sheet export notebooks reproduce release lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version + ". Name one: make PYTHON=python3.12 …")'
	@echo "Setting up .venv: about ten minutes and $(if $(CPU),2 GB,7 GB, of which CPU=1 saves four), and near its end some minutes without a word. This happens once."
	$(if $(CPU),$(PYTHON) -m mnist_lr_helpers environment --cpu build/cpu.lock)
	$(PYTHON) -m venv .venv
	$(PYTHON_IN_VENV) -m pip install --require-hashes --progress-bar off --requirement $(if $(CPU),build/cpu.lock,requirements.lock)
	$(PYTHON_IN_VENV) -m pip install --no-deps --no-build-isolation --quiet --editable .
	@touch $@

run: .venv/ready  ## execute every notebook into build/ and print the table
	$(COURSE) run $(ARGS)

check: .venv/ready  ## run the checks that take a minute: form, and units
	$(COURSE) check $(ARGS)

test: .venv/ready  ## run every check
	$(COURSE) test $(ARGS)

bench: .venv/ready  ## measure the course against what its readers would otherwise run: build/benchmark.json, about 10 minutes
	env -u OMP_WAIT_POLICY $(PYTHON_IN_VENV) tests/benchmarks/benchmark.py $(ARGS)  # as in a reader's own shell

sabotage: .venv/ready  ## make mistakes on purpose and see which conclusions fall, up to an hour; ARGS=--store keeps it
	$(PYTHON_IN_VENV) tests/sabotage sabotage $(ARGS)

seeds: .venv/ready  ## run all notebooks with five other seeds and count which conclusions hold; ARGS=--store keeps it
	$(PYTHON_IN_VENV) tests/sabotage seeds $(ARGS)

mutants: .venv/ready  ## change the helpers in small ways and see whether the unit tests notice, hours; ARGS=--store keeps it
	$(PYTHON_IN_VENV) tests/sabotage mutants $(ARGS)

lab: .venv/ready  ## open JupyterLab at the first lesson
	$(COURSE) lab $(ARGS)

book: .venv/ready  ## build the book: open build/book/index.html; FROM=build/notebooks takes the notebooks as run here
	$(COURSE) book $(if $(FROM),--from $(FROM)) $(ARGS)

pdf: .venv/ready  ## print lessons 00 to 05 as a book: build/core.pdf; needs Chromium
	$(COURSE) pdf

slides: .venv/ready  ## make slides of lessons 00 to 05: open build/slides/core.html
	$(COURSE) slides

student: .venv/ready  ## write the students' edition, without solutions and outputs, into build/student
	$(COURSE) student $(ARGS)

grade: .venv/ready  ## mark what a class has handed in: FROM=folder; marks and a summary in build/marks
	$(COURSE) grade $(FROM) $(ARGS)

sheet: .venv/ready  ## write the sheet for your own digits, as PDF for the printer, into build/sheet
	$(COURSE) sheet $(ARGS)

export: .venv/ready  ## write a trained model as ONNX, with a card of its measured limits, into build/model
	$(COURSE) export $(ARGS)

notebooks: .venv/ready  ## execute every notebook on MNIST and make the results the committed ones
	$(COURSE) run --jobs 1 $(ARGS)
	$(COURSE) publish

reproduce: .venv/ready  ## run the studies behind the published claims on MNIST, and judge the claims
	$(COURSE) reproduce $(ARGS)
	$(COURSE) publish studies

release: .venv/ready  ## write an archive of what is committed, and its checksum, into build/release
	$(COURSE) release

lock: .venv/ready  ## choose new versions: requirements.lock and environment.yml
	$(COURSE) lock $(ARGS)

clean:  ## delete build/ and .venv (the data stay)
	rm -rf build .venv
