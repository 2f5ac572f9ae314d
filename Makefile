# `make` lists what there is to do. `make run` and `make test` install first whatever they need.

bin := .venv/bin
inputs := pyproject.toml constraints.txt docker/install
# TORCH=cpu or TORCH=cuda on the command line may ask for another build than the one installed.
inputs += $(if $(TORCH),force)

.DEFAULT_GOAL := help
.PHONY: help install run test lint format bench screenshots constraints clean force

help: ## Show this list
	@echo 'Usage: make TARGET [VARIABLE=value]'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

install: .venv/.runtime ## Install into .venv [PYTHON=python3.13] [TORCH=cuda for PyTorch's GPU build]

run: .venv/.runtime ## Try it: embedded database, bundled model, pictures, server [PHOTOS=folder] [PORT=8000]
	@case "$$PHOTOS" in '~/'*) PHOTOS="$$HOME/$${PHOTOS#??}" ;; esac; \
	exec $(bin)/lookalike quickstart $${PORT:+--port "$$PORT"} $${PHOTOS:+--photos "$$PHOTOS"}

test: lint ## Lint, then run the tests, two at a time [ARGS='-k insert']
	$(bin)/pytest -n 2 --dist worksteal $(ARGS)

lint: .venv/.development ## Check style, types and layers
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

format: .venv/.development ## Rewrite the code in the project's style
	$(bin)/ruff check --fix
	$(bin)/ruff format

bench: .venv/.development ## Measure it on this machine [N=records] [PARTS='search throughput']
	$(bin)/python -m tests.bench $(N) $(PARTS)

screenshots: .venv/.development ## A picture of every page of the console, by chromium, in build/screenshots
	$(bin)/python -m tests.browser.screenshots build/screenshots

constraints: ## Renew the pinned versions in constraints.txt (not torch's: edit that line by hand)
	rm -rf build/fresh && mkdir -p build
	sed -n '/^torch==/p' constraints.txt > build/torch.txt
	CONSTRAINTS=build/torch.txt docker/install build/fresh -e '.[test,lint,oracle]' hatchling editables cython wheel
	sed '/^[^#]/d' constraints.txt > build/constraints.txt
	build/fresh/bin/python -m pip --disable-pip-version-check list --format freeze \
		--exclude pip --exclude-editable 2>/dev/null | sed 's/+.*//' >> build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/fresh build/torch.txt

clean: ## Remove .venv and everything that tools left (the embedded database stays: see LOOKALIKE_HOME)
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests migrations -name __pycache__ -type d -exec rm -rf {} +

.venv/.runtime: $(inputs)
	@docker/install .venv -e .
	@touch $@

.venv/.development: $(inputs)
	@OPTIONAL=oracle docker/install .venv -e '.[test,lint]'
	@touch .venv/.runtime $@
