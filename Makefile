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

# What only tests need is fetched and built while the checks run.
test: ## all checks and tests
	scripts/install compiler sandbox mount hsm browser
	@setsid sh -c 'scripts/servers; scripts/axe; { scripts/acro-env; scripts/roc-env; scripts/kubernetes-env; } >/dev/null || true' & needed=$$!; trap 'kill -TERM -$$needed 2>/dev/null || true' EXIT; \
		$(MAKE) --no-print-directory build vet lint vulnerabilities && wait $$needed
	scripts/test

vet:
	go vet ./...

lint:
	scripts/lint

vulnerabilities:
	scripts/vulnerabilities

bench: build ## measure: bench/latest/*.json and docs/performance.md (SUITE=path, intake, lake, linkage, omop, host, ledger or run, default all)
	scripts/install sandbox mount
	scripts/servers bench
	go run ./internal/benchmarks/cmd -suite "$(SUITE)"

fuzz: ## every fuzz test for a minute
	scripts/fuzz

clean: ## what make has made
	rm -rf bin build demo
