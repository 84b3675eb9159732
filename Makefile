# The whole interface for people. Every target creates .venv and installs what it needs by itself.
# Pick another interpreter with PYTHON=python3.12, one chapter with CHAPTER=vgg, a profile with PROFILE=full.
# WHEELS=folder installs without network, on a machine that has PyTorch: what it lacks comes from that folder.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
CHAPTER ?=
PROFILE ?=
AGAIN ?=
SEEDS ?=
HOURS ?=
BESIDE ?=
ONLY ?=
ARGS ?=
SUBMISSIONS ?=
OUT ?=
JOBS ?=
SET ?=
NETWORK ?=
WIDGET ?=
STUDENT ?=
DUE ?=
UNSAFE ?=
COURSE ?=
SECRET ?=
CLASSES ?=
WHEELS ?=
PYTHON_VERSION ?= 3.12
CPU ?=
PAGES ?=
ZH ?=
DATA ?=
PY := $(VENV)/bin/python
SITE := _build/html
# A process for each core, which takes one file after the other, the long ones first (see conftest.py).
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest --nbval --nbval-kernel-name python3 --nbval-cell-timeout 600 -n logical \
  --dist loadfile --no-loadscope-reorder
NO_GPU := no CUDA device here, so nothing was tested: see nvidia-smi, or run it all on the processor with CPU=1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Threads that wait for each other sleep soon, and leave the processor to other programs: see d2lite/machine/threads.py.
export GOMP_SPINCOUNT ?= 1000

.DEFAULT_GOAL := help
.PHONY: help book serve test quick test-oldest execute sync colab colab-image colab-issue wheels gpu-test measure \
  pretrained bench bench-grading chinese publish-chinese pdf epub offline slides release publish assignments course grade sandbox lint new clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

# A new environment in the folder $(1). Some systems ship Python without ensurepip: then pip from outside fills it.
define new-environment
$(PYTHON) -m venv $(1) >/dev/null 2>&1 || { rm -rf $(1) && $(PYTHON) -m venv --without-pip $(1) && \
	  $(PYTHON) -m pip --python $(1)/bin/python install --quiet pip; }
endef

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 …"; exit 1; }
	@echo "creating $(VENV)"
ifeq ($(WHEELS),)
	@$(call new-environment,$(VENV))
else
	@$(PYTHON) -m tools.wheels enter $(VENV)
endif

$(VENV)/.book: requirements.txt | $(PY)
	@echo "installing the site's tools (under a minute)"
	$(PY) -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt pyproject.toml $(if $(WHEELS),$(wildcard $(WHEELS)/*.whl)) | $(PY)
ifeq ($(WHEELS),)
	@echo "installing d2lite, torch and the test tools (a few minutes the first time)"
	$(PY) -m pip install --quiet -e ".[dev]"
	@touch $@ $(VENV)/.book
else
	@echo "installing d2lite and what this machine lacks, without network"
	@$(PY) -m tools.wheels install "$(WHEELS)"
	@touch $@
endif

# Ruff is what mends; pre-commit keeps its tools, the same Ruff among them, in its cache.
$(VENV)/.lint: requirements-dev.txt | $(PY)
	@echo "installing pre-commit, which at first installs its tools (a minute or two)"
	@grep -E '^(pre-commit|ruff)[<>=]' requirements-dev.txt | $(PY) -m pip install --quiet -r /dev/stdin
	@touch $@

book: $(VENV)/.book  ## Build the site from stored outputs, and beside it zh/, the Chinese one
	@$(VENV)/bin/jupyter-book build book --config _config.yml --toc "$(CURDIR)/_toc.yml" --path-output . -W -n --keep-going
	@$(PY) -m tools.translate book
	@echo "the site: file://$(abspath $(SITE))/index.html"

serve: book  ## Build the site and serve it on PORT
	@echo "serving on http://localhost:$(PORT), stop with Ctrl-C"
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

chinese: $(VENV)/.book  ## Write the Chinese notebooks (OUT=folder), as the branch zh has them for Colab
	@$(PY) -m tools.translate notebooks $(if $(OUT),--out "$(OUT)")

publish-chinese:  ## Put the Chinese notebooks that this run of a workflow has made on the branch zh (needs git and gh)
	@python3 -m tools.translate.branch

pdf: book $(VENV)/.dev  ## The whole book on paper, A4 and Letter (PAGES="vgg nin": only these, ZH=1: in Chinese); needs a browser
	@$(PY) -m tools.editions.pdf $(if $(ZH),--chinese) $(PAGES)

epub: book $(VENV)/.dev  ## The whole book for e-readers (PAGES="vgg nin": only these, ZH=1: in Chinese); needs a browser, and Java to validate it
	@$(PY) -m tools.editions.epub $(if $(ZH),--chinese) $(PAGES)

offline: book $(VENV)/.dev  ## A zip that works without network: site, notebooks, d2lite (DATA=1: with Fashion-MNIST, where it is here)
	@$(PY) -m tools.editions.offline $(if $(DATA),--data)

slides: book $(VENV)/.dev  ## A deck of slides for each chapter (CHAPTER=), with notes for the presenter; opens without network
	@$(PY) -m tools.editions.slides $(CHAPTER)

release: book $(VENV)/.dev  ## All editions, with check sums and a citation; needs a browser, and Java to validate the EPUB
	@$(PY) -m tools.prepare browser font
	@$(PY) -m tools.editions.release

publish: $(VENV)/.dev  ## Publish what make release made, as the release of the tag in GITHUB_REF_NAME (needs gh)
	@$(PY) -m tools.editions.release --publish

test: $(VENV)/.dev  ## Everything: every cell of every chapter, the helper, the site in a browser, marking, the tools
	@$(PY) -m tools.prepare
	@$(PYTEST)

quick: $(VENV)/.dev  ## What takes three minutes: the helper, the structure of the book, and one chapter (CHAPTER=)
	@$(PYTEST) -m "not (slow or browser or marking)" tests book/$(or $(CHAPTER),comparison).ipynb

test-oldest:  ## The helper and the tools with the oldest versions that pyproject.toml allows, on Python 3.10
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' || \
	  { echo "the oldest versions need Python 3.10: make test-oldest PYTHON=/path/to/python3.10"; exit 1; }
	@$(VENV)-oldest/bin/python -c 'import pip' 2>/dev/null || { $(call new-environment,$(VENV)-oldest); }
	@echo "installing the oldest versions (a few minutes the first time)"
	@grep -v ^torch requirements-dev.txt | $(VENV)-oldest/bin/python -m pip install --quiet \
	  -r requirements-oldest.txt -r requirements.txt -r /dev/stdin
	@$(VENV)-oldest/bin/python -m pip install --quiet --no-deps -e .
	@$(VENV)-oldest/bin/python -m tools.prepare data
	@OMP_NUM_THREADS=1 $(VENV)-oldest/bin/python -m pytest -m "not (browser or marking)" -n logical --dist loadfile \
	  --no-loadscope-reorder --ignore tests/test_lint.py tests

execute: $(VENV)/.dev  ## Run chapters that changed, store outputs (CHAPTER=, PROFILE=quick|full, AGAIN=1: all, SEEDS="0 1" stores nothing)
	@$(PY) -m tools.export
	@$(PY) -m tools.execute $(CHAPTER) $(if $(PROFILE),--profile $(PROFILE)) $(if $(AGAIN),--again) \
	  $(if $(SEEDS),--seeds $(SEEDS))
	@$(if $(SEEDS),,$(PY) -m tools.sync $(CHAPTER))
	@$(if $(SEEDS),,$(PY) -m tools.pages)

sync: $(VENV)/.dev  ## After editing a chapter or problem set: write notebooks, models and generated pages
	@$(PY) -m tools.sync $(CHAPTER)
	@$(PY) -m assignments.grader sync
	@$(PY) -m tools.export
	@$(PY) -m tools.exercises
	@$(PY) -m tools.pages
	@$(PY) -m tools.translate extract

colab: ## Run the chapters (CHAPTER=) with the versions that Colab has; needs Python 3.11 to 3.13
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Colab's versions need Python 3.11 to 3.13, and $(PYTHON) is $$($(PYTHON) -V 2>&1):" \
	  "make colab PYTHON=/path/to/python3.13"; exit 1; }
	@test "$$($(VENV)-colab/bin/python -c 'import pip, sys; print(sys.version)' 2>&1)" = \
	  "$$($(PYTHON) -c 'import sys; print(sys.version)')" || { echo "creating $(VENV)-colab" && rm -rf $(VENV)-colab && \
	  $(call new-environment,$(VENV)-colab); }
	@echo "installing the versions that Colab has (a few minutes the first time)"
	@$(VENV)-colab/bin/python -m pip install --quiet -r requirements-colab.txt
	@rm -rf build/lib *.egg-info  # modules of an earlier build would be installed too
	@$(VENV)-colab/bin/python -m pip install --quiet --no-deps --force-reinstall .
	@$(VENV)-colab/bin/python -m tools.colab $(CHAPTER)

colab-image:  ## The same inside Colab's own image, with the Python and the packages it has
	@rm -rf build/lib *.egg-info
	@python3 -m pip install --quiet --no-deps --force-reinstall .
	@python3 -m tools.colab $(CHAPTER)

colab-issue:  ## Open an issue saying that the run in Colab's image failed, or add to the open one (needs gh)
	@python3 -m tools.issue "The book fails in Colab's runtime"

wheels: $(PY)  ## Gather what a machine with PyTorch but no network lacks (OUT=wheels, PYTHON_VERSION=3.12)
	@$(PY) -m tools.wheels gather "$(or $(OUT),wheels)" --python $(PYTHON_VERSION)

gpu-test: $(VENV)/.dev  ## On a GPU: every cell at the full profile (CHAPTER=), the tests that need CUDA (CPU=1: without one)
	@$(if $(CPU),,$(PY) -c 'import torch; exit(None if torch.cuda.is_available() else "$(NO_GPU)")')
	@$(PY) -m tools.prepare data
	@D2LITE_PROFILE=full $(PY) -m pytest -m gpu --nbval --nbval-kernel-name python3 --nbval-cell-timeout 3600 \
	  $(if $(CHAPTER),$(CHAPTER:%=book/%.ipynb),book) $$(grep -rl --include='test_*.py' 'skipif(not torch.cuda' tests)

measure: $(VENV)/.dev  ## Go on training every network on all images, most valuable run first (HOURS=2, BESIDE=1, ARGS=--status, ARGS=--costs)
	@$(PY) -m tools.measure $(if $(HOURS),--hours $(HOURS)) $(if $(BESIDE),--beside) $(ARGS)

pretrained: $(VENV)/.dev  ## Train the small network that ships with d2lite, on eight classes (ARGS="--epochs 6"); goes on where it was
	@$(PY) -m tools.pretrain $(ARGS)

bench: $(VENV)/.dev  ## Measure speed and memory, store it and show it on its page (ONLY="loop startup", ARGS="--pairs 3")
	@$(PY) -m benchmarks $(if $(ONLY),--only "$(ONLY)") $(ARGS)
	@$(PY) -m tools.pages

assignments: $(VENV)/.dev  ## Problem sets: what students get, the solutions, a zip to hand out (OUT=)
	@$(PY) -m assignments.grader release $(if $(OUT),--out "$(OUT)")

course: $(VENV)/.dev  ## A private course with variants drawn by a secret: OUT=folder SECRET=file (CLASSES="a b": several that differ)
	@test -n "$(OUT)" && test -n "$(SECRET)" || { echo "say where, outside of this repository: make course OUT=folder SECRET=file"; exit 1; }
	@$(PY) -m assignments.grader course --out "$(OUT)" --secret "$(SECRET)" $(if $(CLASSES),--classes $(CLASSES))

grade: $(VENV)/.dev  ## Mark notebooks: SUBMISSIONS=folder (COURSE=private course, OUT=, JOBS=, SET=ps2, STUDENT=name anew, DUE=2026-12-01T23:59, ROSTER=roster.csv, UNSAFE=1)
	@test -n "$(SUBMISSIONS)" || { echo "say where the notebooks are: make grade SUBMISSIONS=folder"; exit 1; }
	@$(PY) -m assignments.grader grade "$(SUBMISSIONS)" $(if $(OUT),--out "$(OUT)") $(if $(JOBS),--jobs $(JOBS)) \
	  $(if $(SET),--set $(SET)) $(if $(STUDENT),--student "$(STUDENT)") $(if $(DUE),--due "$(DUE)") \
	  $(if $(ROSTER),--roster "$(ROSTER)") $(if $(COURSE),--course "$(COURSE)") $(if $(UNSAFE),--unsafe)

sandbox: $(VENV)/.dev  ## Install bubblewrap, which marking runs submissions in, or say how (Debian, Ubuntu)
	@$(PY) -m tools.prepare sandbox
	@version="$$(bwrap --version)" && echo "the sandbox: $$version"

bench-grading: $(VENV)/.dev  ## Mark 200 generated submissions of ps2, killed half way and resumed; ARGS=--variants, --attacks or --courses (--sample 3)
	@$(PY) benchmarks/grading.py $(ARGS)

lint: $(VENV)/.lint  ## Style, order of imports, workflows: the checks of .pre-commit-config.yaml, without PyTorch
	@$(PY) -m pre_commit run --all-files && echo "lint: nothing to mend"

new: $(VENV)/.dev  ## Write what passes all tests as it stands: CHAPTER=name, NETWORK=name (CHAPTER=where), WIDGET=name or SET=name
	@$(PY) -m tools.new $(if $(CHAPTER),--chapter "$(CHAPTER)") $(if $(NETWORK),--network "$(NETWORK)") \
	  $(if $(WIDGET),--widget "$(WIDGET)") $(if $(SET),--set "$(SET)")

clean:  ## Remove what was built and installed here (data stay in their cache)
	rm -rf $(VENV) $(VENV)-colab $(VENV)-oldest _build build .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: $(CURDIR)"
