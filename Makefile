# Every target installs what it needs (apt, npm) and says so; the second time it is quick.
.DEFAULT_GOAL := help
# Debian's ordinary users have no sbin in their PATH: that is where tools for disks are.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/sbin:/sbin

.PHONY: help setup demo chain deploy test scenarios bench lint format generate bundle image flash qemu clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Node.js packages and the programs that are needed to run
	@ci/setup.sh run

demo: ## camera, drive and owner on this computer, live; Ctrl-C ends it
	@ci/setup.sh run ftp
	@node demo/demo.ts

chain: ## a chain on this computer with the contracts on it, to try a camera's ledger; Ctrl-C ends it (PORT=8545)
	@ci/setup.sh run
	@node demo/chain.ts

deploy: ## put the contracts on a chain: RPC=https://node.example/ KEY=FILE (asks for the key without)
	@ci/setup.sh run
	@node ledger/deploy/main.ts --rpc "$(RPC)" --key "$(KEY)"

test: ## everything that CI runs
	@ci/setup.sh run ftp image qemu provision wizard interop ledger
	@node ci/test.ts

scenarios: ## boot the card in QEMU through everything that happens to a camera; a report is left in build/qemu/
	@ci/setup.sh run ftp image qemu
	@node ci/test.ts --scenarios

bench: ## measure, print a table, write build/bench.json
	@ci/setup.sh run ftp image image-bench qemu ledger
	@node bench/bench.ts

lint: setup ## lint, format, types, import rule, generated files
	@node ci/lint.ts

format: setup ## format the source
	@biome check --write .

generate: setup ## write types and reference pages from the schema
	@node ci/generate.ts

bundle: setup ## bundle `encrocam` for a camera into build/bundle
	@node ci/bundle.ts

image: ## build the card's image into build/ (BASE=debian-13 ANSWERS=FILE SNAPSHOT=TIME LOCK=FILE FROM=STEP ONLY=STEP)
	@ci/setup.sh run image
	@node image/build/main.ts $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)) $(if $(ONLY),--only $(ONLY)) $(if $(KEEP),--keep)

flash: ## write the image to a card: DEVICE=/dev/sdX (asks first)
	@ci/setup.sh run image
	@node image/flash/main.ts --device "$(DEVICE)" $(if $(IMAGE),--image "$(IMAGE)")

qemu: ## boot the image in QEMU: serial console here, fake camera, SSH on a local port (FRESH=1: a new card)
	@ci/setup.sh run image qemu
	@node test/qemu/run.ts

clean: ## remove what was built
	rm -rf build
