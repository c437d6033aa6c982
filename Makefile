# Every target calls what CI calls, so that "it passes here" means the same thing there.
.DEFAULT_GOAL := help
FUZZTIME ?= 10s

.PHONY: help test race check lint fmt bench update fuzz prove

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run the tests
	go test ./...

race: ## run the tests under the race detector
	@bash .ci/run race

check: ## run everything that CI runs
	@bash .ci/run

lint: ## check format, vet and the linters
	@bash .ci/run format vet lint

fmt: ## format the code as the linters want it
	@bash .ci/run fmt

bench: ## run each benchmark once; for numbers use go test -bench
	@bash .ci/run bench

update: ## rewrite the generated parts of the documents and the golden files
	UPDATE=1 go test ./...

prove: ## the long version of docs/proof.md, which takes a night
	@bash .ci/run prove_long

fuzz: ## run each fuzz target for FUZZTIME (10s)
	go run ./internal/fuzzall -time $(FUZZTIME)
