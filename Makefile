# This file only delegates; the work is in scripts/, one file per target.
# `make` alone lists the targets.

.DEFAULT_GOAL := help
.PHONY: help build run test templates lint unit test-root test-arch model killtest cloudtest powercut fuzz cross bench bench-short bench-panel bench-cloud bench-registry cloudcost pictures hooks clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

build: ## Build bin/vouchsafe and its companions
	@scripts/build.sh

run: ## Bring up a whole hotspot on this machine; Ctrl-C takes it down
	@scripts/run.sh

test: ## Run every check that CI runs
	@scripts/test.sh

templates: ## Compile the pages' templates and pack their texts
	@scripts/templates.sh

lint: ## Format, templates, vet, staticcheck, import rules, shell scripts
	@scripts/test.sh lint

unit: ## Run the tests that need no privileges
	@scripts/test.sh unit

test-root: ## Run the tests that make network namespaces
	@scripts/test.sh root

test-arch: ## Run the portable packages' tests as mips, mipsle and arm
	@scripts/test.sh arch

model: ## Play random sequences against the model, new ones each time
	@scripts/model.sh

killtest: ## Kill the daemon 1,000 times at random moments under work
	@scripts/killtest.sh

cloudtest: ## Stop, kill and freeze a relay with 2,000 routers; etcd away for 60 s
	@scripts/cloudtest.sh

powercut: ## Cut the power of a disk at 3,000 moments under work
	@scripts/powercut.sh

fuzz: ## Fuzz every decoder for 20 s; VOUCHSAFE_FUZZ=300 for five minutes
	@scripts/test.sh fuzz

cross: ## Build for every router and check the sizes
	@scripts/test.sh cross

bench: ## Measure everything beside its baselines; writes docs/benchmarks.md
	@scripts/bench.sh

bench-short: ## Only see that every benchmark runs
	@scripts/bench.sh short

bench-panel: ## Measure the operator's panel; writes docs/benchmarks-panel.md
	@scripts/panel.sh bench

bench-cloud: ## Measure the tunnel and the relay; writes docs/benchmarks-cloud.md
	@scripts/bench-cloud.sh

bench-registry: ## Play 20 relays' and 100,000 routers' traffic against an etcd
	@go test -count=1 -timeout 20m -v ./api/cloud/etcd/registrybench -args -relays 20 -routers 100000 -moves 200 -churn 30s -durable

cloudcost: ## Measure what the cloud endpoint costs a router: bytes and memory
	@scripts/cloudcost.sh

pictures: ## Take the documentation's pictures of the panel anew
	@scripts/panel.sh pictures

hooks: ## Install the git hook that checks before a push
	@scripts/install-hooks.sh

clean: ## Delete what was built
	@rm -rf bin build
