# The README's two commands are `make demo` and `make test`; `make help` lists all.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

DEMO_PREDICTORS := $(addprefix baseline:,always-terminate majority-type repeat-last most-frequent-name \
  random-element markov-category markov-1 markov-2) choice oracle:

DEMO_SESSIONS := 80

# The demo of a language model: recorded people, and how many sessions are trained on and tested.
RECORDINGS  := https://github.com/stanfordnlp/miniwob-plusplus-demos
LM_SESSIONS := 100
LM_LIMIT    := 20
LM_DATA     := demo-lm/people

.DEFAULT_GOAL := help
.PHONY: help install demo demo-lm docs test test-slow check format bench-data bench-rrweb bench-metrics bench-evaluate bench-page bench-train bench-prompt bench-score bench-shop bench-rollout bench-report bench-catalogue bench-view bench-ray check-ray page-corpus check-page check-real-pages fuzz-page draw-names check-scrub shop-pictures calibrate-shop conformance clean check-record check-rollout

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(STAMP) ## Create the virtual environment and install Facsim with its tools

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Facsim needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	# Python compiles what is used when it is first imported: compiling everything would take longer than installing.
	$(BIN)/python -m pip install --quiet --no-compile --group dev --editable .
	@touch $@

demo: $(STAMP) ## The whole workflow: sample the shop, evaluate baselines and a small model, fine-tune it, report
	rm -rf demo
	$(BIN)/facsim shop sample --sessions 800 --seed 7 --out demo/shop
	$(BIN)/facsim audit demo/shop
	$(BIN)/facsim evaluate demo/shop $(DEMO_PREDICTORS) --runs-dir demo/runs
	$(BIN)/facsim evaluate demo/shop local:tiny --max-output-tokens 64 --runs-dir demo/runs
	$(BIN)/facsim train sft demo/shop --model tiny --sessions $(DEMO_SESSIONS) --epochs 1 --out demo/tuned
	$(BIN)/facsim evaluate demo/shop local:demo/tuned --decoding candidates --run-dir demo/runs/fine-tuned
	$(BIN)/facsim report demo/runs/* --format md > demo/leaderboard.md
	$(BIN)/facsim report demo/runs/* -o demo/report.html
	$(BIN)/facsim report demo/runs/*
	@echo "Open demo/report.html. Replay the sessions with: $(BIN)/facsim view demo/shop demo/runs/*"

demo-lm: $(STAMP) ## A pre-trained language model learns from recorded people: most of an hour, 150 MB to fetch, 12 GB of memory
	@echo "Fetches recordings and a model of 135 million parameters, trains it on $(LM_SESSIONS) sessions: most of an hour on two cores, 12 GB of memory."
	mkdir -p demo-lm
	test -d demo-lm/recordings || git clone --quiet --depth 1 --filter=blob:none --sparse $(RECORDINGS) demo-lm/recordings
	git -C demo-lm/recordings sparse-checkout set 2017-12-16_alaska
	test -d $(LM_DATA) || $(BIN)/facsim ingest miniwob demo-lm/recordings/2017-12-16_alaska --out $(LM_DATA)
	$(BIN)/facsim models get smollm2
	$(BIN)/facsim evaluate $(LM_DATA) baseline:random-element baseline:markov-1 baseline:markov-2 choice --limit $(LM_LIMIT) --runs-dir demo-lm/runs --resume
	$(BIN)/facsim evaluate $(LM_DATA) local:smollm2 --style action --pages changes --max-output-tokens 48 --limit $(LM_LIMIT) --run-dir demo-lm/runs/prompted --resume
	$(BIN)/facsim train sft $(LM_DATA) --model smollm2 --sessions $(LM_SESSIONS) --validation-sessions 12 --validations 1 --out demo-lm/tuned --resume
	$(BIN)/facsim evaluate $(LM_DATA) local:demo-lm/tuned --limit $(LM_LIMIT) --run-dir demo-lm/runs/fine-tuned --resume
	$(BIN)/facsim report demo-lm/runs/* -o demo-lm/report.html
	$(BIN)/facsim report demo-lm/runs/*
	@echo "Open demo-lm/report.html. Replay the sessions with: $(BIN)/facsim view $(LM_DATA) demo-lm/runs/*"

docs: $(STAMP) ## Build the documentation as a site in build/docs/html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/docs/html

test: $(STAMP) ## Run the tests (no network, no GPU)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu and not network"

test-slow: $(STAMP) ## Run all tests, those that take minutes included
	$(BIN)/pytest -m "not gpu and not network"

check: $(STAMP) ## Check format, lint, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-data: $(STAMP) ## Ingest of an OPeRA-shaped data set: MB per second, peak memory
	$(BIN)/python benchmarks/bench_data.py

bench-rrweb: $(STAMP) ## Ingest of a recording with 500,000 events: linear time, peak memory
	$(BIN)/python benchmarks/bench_rrweb.py

bench-metrics: $(STAMP) ## All metrics of 200,000 predictions: CPU seconds
	$(BIN)/python benchmarks/bench_metrics.py

bench-evaluate: $(STAMP) ## Evaluation over a loopback server: requests per second, share of the possible rate
	$(BIN)/python benchmarks/bench_evaluate.py

# Pages of real web applications; docs/research/simplifier.md describes the build.
CORPUS ?= build/corpus

page-corpus: $(STAMP) ## Install and run five real web applications and save their pages
	$(BIN)/python benchmarks/page_corpus/build.py $(CORPUS)

check-page: $(STAMP) ## Try every name on every page of the corpus in Chromium
	$(BIN)/python benchmarks/check_page.py $(CORPUS)

# Saved pages of real sites, from the tests of public repositories; none is part of this one.
REAL_PAGES ?= build/real-pages

check-real-pages: $(STAMP) ## Measure names and sizes on saved pages of real shops, from the tests of public repositories
	test -f $(REAL_PAGES)/index.json || $(BIN)/python benchmarks/page_corpus/real_pages.py $(REAL_PAGES)
	$(BIN)/python benchmarks/check_real_pages.py $(REAL_PAGES)

check-record: $(STAMP) ## Drive 30 sessions in Chromium and compare what was recorded; main-thread time of the recorder
	$(BIN)/python benchmarks/check_record.py

check-rollout: $(STAMP) ## Record sessions at django-oscar, let a Markov model shop there in Chromium, count all faults
	$(BIN)/python benchmarks/check_rollout.py

fuzz-page: $(STAMP) ## Fuzz the simplifier with 100,000 hostile pages, guided by coverage
	$(BIN)/python benchmarks/fuzz_page.py --inputs 100000 $(if $(wildcard $(CORPUS)),--corpus $(CORPUS))

draw-names: $(STAMP) ## Draw docs/internals/page-names.md and its pictures in Chromium
	$(BIN)/python benchmarks/draw_names.py --docs

shop-pictures: $(STAMP) ## Take the pictures of docs/internals/storefront.md in Chromium
	$(BIN)/python benchmarks/shop_pictures.py

calibrate-shop: $(STAMP) ## Compare the simulated shoppers with the published figures of real people
	$(BIN)/python benchmarks/calibrate_shop.py

bench-train: $(STAMP) ## Training: speed against a bare loop, tokens that whole sessions save, waste of packing
	$(BIN)/python benchmarks/bench_train.py

bench-page: $(STAMP) ## The simplifier against the parser alone and other tools
	$(BIN)/python benchmarks/bench_page.py $(CORPUS)

bench-prompt: $(STAMP) ## Page tokens of whole sessions, whole and as changes (DATA="data/a data/b")
	$(BIN)/python benchmarks/bench_prompt.py $(DATA) --tokenizer smollm2 $(if $(wildcard $(CORPUS)),--corpus $(CORPUS))

bench-score: $(STAMP) ## One-pass scoring against step-by-step decoding (MODEL=smollm2): speed, different verdicts
	$(BIN)/python benchmarks/bench_score.py --model $(or $(MODEL),tiny)

bench-shop: $(STAMP) ## Sampling the shop: sessions per second, memory; its server's response times
	$(BIN)/python benchmarks/bench_shop.py

bench-rollout: $(STAMP) ## Rollouts: sessions per second in process, steps per second in a browser, memory
	$(BIN)/python benchmarks/bench_rollout.py

bench-ray: $(STAMP) ## A Ray cluster on this machine: CPU per answer, scaling from one worker to two, memory
	$(BIN)/python benchmarks/bench_ray.py

check-ray: $(STAMP) ## Every verb on a two-node Ray cluster, nodes lost; 20 random kills over 5,000 requests
	$(BIN)/pytest -m slow -s tests/evaluation/test_cluster.py tests/evaluation/test_cluster_store.py

bench-view: $(STAMP) ## The viewer on 30,000 sessions: time to start, to a session, to a list
	$(BIN)/python benchmarks/bench_view.py

bench-catalogue: $(STAMP) ## The shop's catalogue: seconds to create it, milliseconds per query
	$(BIN)/python benchmarks/bench_catalogue.py

bench-report: $(STAMP) ## A report of 20 runs with 20,000 predictions each: CPU seconds, size
	$(BIN)/python benchmarks/bench_report.py

conformance: $(STAMP) ## Evaluate 50 steps through a real model server, in a virtual environment of its own
	$(BIN)/python benchmarks/conformance.py

check-scrub: $(STAMP) ## Recall and precision of `facsim scrub` on planted personal values
	$(BIN)/python benchmarks/check_scrub.py

clean: ## Remove everything that make created
	rm -rf $(VENV) build demo demo-lm .pytest_cache .mypy_cache .ruff_cache .hypothesis
