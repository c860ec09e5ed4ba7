# Every target installs what it needs (apt, npm) and says so; the second time it is quick.
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help setup demo test bench lint format generate bundle qemu clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Node.js packages and the programs that are needed to run
	@ci/setup.sh run

demo: ## camera, drive and owner on this computer, live; Ctrl-C ends it
	@ci/setup.sh run ftp
	@node demo/demo.ts

test: ## everything that CI runs
	@ci/setup.sh run ftp qemu provision wizard
	@node ci/test.ts

bench: ## measure, print a table, write build/bench.json
	@ci/setup.sh run ftp
	@node bench/bench.ts

lint: setup ## lint, format, types, import rule, generated files
	@node ci/lint.ts

format: setup ## format the source
	@biome check --write .

generate: setup ## write types and reference pages from the schema
	@node ci/generate.ts

bundle: setup ## bundle `encrocam` for a camera into build/encrocam
	@node ci/bundle.ts

qemu: ## boot the image in QEMU: serial console here, fake camera, SSH on a local port (FRESH=1: a new card)
	@ci/setup.sh run qemu
	@node test/qemu/run.ts

clean: ## remove what was built
	rm -rf build
