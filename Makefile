# Everything that is done to Rempart. Each target installs what it needs.

DEMO  ?= demo
SUITE ?=
BIN   := bin/rempart
export CGO_ENABLED := 1

.PHONY: help build demo test lint vet vulnerabilities bench fuzz clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/rempart
	scripts/install compiler
	go build -trimpath -o $(BIN) ./cmd/rempart

demo: build ## the main job, end to end, in $(DEMO)
	scripts/install sandbox
	scripts/demo $(DEMO)

test: build vet lint vulnerabilities ## all checks and tests
	scripts/install sandbox mount hsm
	scripts/test

vet:
	go vet ./...

lint:
	scripts/lint

vulnerabilities:
	scripts/vulnerabilities

bench: build ## measure: bench/latest/*.json and docs/performance.md (SUITE=path, lake or host, default all)
	scripts/install sandbox mount
	scripts/servers bench
	go run ./internal/benchmarks/cmd -suite "$(SUITE)"

fuzz: ## every fuzz test for a minute
	scripts/fuzz

clean: ## what make has made
	rm -rf bin build demo
