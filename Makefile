# `make` lists what there is to make.
.PHONY: help demo test lint e2e bench bench-peers sim mutants invoke acceptance pictures size clean build-ReleaseFunction
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
# Checkers read only the Go that they were compiled with, so their stamp is named for it.
tools := .tools/$(shell go env GOVERSION)

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: ## show a scale-in on a simulated AWS region, with the real binary (needs only Go)
	@go run ./infra/demo

# Tests and checks compile as what ships is compiled, so that each package is compiled once.
test lint: private export CGO_ENABLED := 0
test lint: private export GOFLAGS := $(GOFLAGS) -trimpath

# -race where goroutines meet, which is in the simulator alone.
test: lint .ci/iam/node_modules/stamp ## everything but e2e (needs Go and Python 3)
	@test -n "$(race)" || echo "No C compiler here: the tests run without -race."
	TOOLS=required go test -vet=off -shuffle=on -timeout 30m $$(go list ./... | grep -v /infra/simulator)
	$(if $(race),CGO_ENABLED=1) go test $(race) -vet=off -shuffle=on ./infra/simulator/...

lint: .venv/stamp .venv-checkov/stamp $(tools) ## the checks that run nothing
	@badly=$$(gofmt -l functions infra); test -z "$$badly" || { echo "gofmt would change: $$badly"; exit 1; }
	go vet ./...
	.tools/staticcheck ./...
	.tools/errcheck ./...
	.tools/ineffassign ./...
	$(sam) validate --lint --region us-east-1
	.venv-checkov/bin/checkov

e2e: .venv/stamp .venv-ministack/stamp ## the SAM toolchain, against stand-ins for AWS (needs Docker)
	E2E=1 go test -p 1 -count=1 -v -timeout 40m ./infra/test/e2e ./infra/test/acceptance -run E2E

# What ships is compiled, for its own test, beside the tests in virtual time, and is at hand for the benchmarks.
bench: .venv/stamp ## measure speed and cost, and write the tables of docs/performance.md (six to nine minutes)
	GOGC=400 go test ./infra/test/performance -run '^(TestReadsOfAStorm|TestDraining|TestACNIBesideThreeRuns|TestFromDeathToAddressesBack|TestTheBinaryIsSmallAndOfItsArchitecture)$$' \
	-parallel 4 -count=1 -v -timeout 30m -update
	go test ./infra/test/performance -run '^$$' -bench Start -benchtime 20x -update
	go test ./infra/test/performance -run '^$$' -bench 'Memory|Idle' -benchtime 1x -update

bench-peers: .venv-peers/stamp ## beside a cron script and Cloud Custodian, on the simulator (some five minutes)
	go test ./infra/test/performance -run '^TestPeers$$' -count=1 -v -update

sim: ## simulate clusters where everything fails: make sim SEED=n prints one history, make sim HISTORIES=n runs n
	go test ./infra/test/simulation -run '^TestHistories$$' -v -count=1 -timeout 0 -args \
	$(if $(HISTORIES),-sim.histories $(HISTORIES),$(if $(SEED),-sim.histories 1)) $(if $(SEED),-sim.seed $(SEED))

mutants: ## break code and template.yaml in some 300 ways, and see the tests fail (half an hour)
	go test -run '^TestMutants$$' -v -count=1 -timeout 0 ./infra/test/mutation -args -mutant .

invoke: .venv/stamp ## run once, now, on your AWS account: make invoke EVENT=functions/release/events/manual.json [DRY_RUN=1]
	$(sam) build --config-env $(machine)
	$(sam) local invoke ReleaseFunction --config-env $(machine) $(if $(EVENT),--event $(EVENT)) \
	$(if $(DRY_RUN),--parameter-overrides "DryRun=true Architecture=$(if $(filter x86_64,$(machine)),x86_64,arm64)") $(SAM_FLAGS) | go run ./infra/report

acceptance: .venv/stamp ## show on a sandbox account what no emulator can: make acceptance REGION=... ACCOUNT=... [CLEAN=1]
	$(sam) build --config-env $(machine)
	go run ./infra/test/acceptance -region "$(REGION)" -account "$(ACCOUNT)" -config-env $(machine) $(if $(CLEAN),-clean)

pictures: ## draw the pictures of the documentation anew, from a simulated week
	go test ./infra/test/operations -run '^TestPictures$$' -count=1 -v -update

size: ## bytes of the shipped binary, plain and compressed
	@folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && \
	$(MAKE) --no-print-directory build-ReleaseFunction ARTIFACTS_DIR="$$folder" && \
	wc -c < "$$folder/bootstrap" && gzip -c "$$folder/bootstrap" | wc -c

clean: ## remove all that was made
	rm -rf .aws-sam .ci/iam/node_modules .tools .venv .venv-checkov .venv-ministack .venv-peers

# ---- The binary ----

# sam build reads .ci/build/<Architecture>/Makefile, which sets ARCHITECTURE and includes this one.
# The template's default serves a build without SAM.
ARCHITECTURE ?= $(default-architecture)
default-architecture = $(shell sed -n '/^  Architecture:/,/Default:/s/.*Default: *//p' template.yaml)
goarch-arm64 := arm64
goarch-x86_64 := amd64

# Without lambda.norpc, -s and -w the binary is five times as large. Without -buildvcs=false each
# commit, if only of a README, would make a new one to deploy.
build-ReleaseFunction:
	@awk -v default=$(default-architecture) -f .ci/build/check-architecture.awk samconfig.toml >&2
	CGO_ENABLED=0 GOOS=linux GOARCH=$(or $(goarch-$(ARCHITECTURE)),$(error ARCHITECTURE is "$(ARCHITECTURE)"; it must be arm64 or x86_64)) \
	go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w" -o "$(or $(ARTIFACTS_DIR),$(error ARTIFACTS_DIR is not set; sam build sets it))/bootstrap" ./functions/release

# ---- What the tests need; made again only when its pins change ----

# No call home.
sam = SAM_CLI_TELEMETRY=0 .venv/bin/sam
# Containers run at full speed, or at all, only on a processor of their own kind.
machine = $(if $(filter x86_64 amd64,$(shell uname -m)),x86_64,default)
# The race detector is written in C.
race = $(if $(shell command -v $$(go env CC)),-race)

$(tools): .ci/tools.txt
	GOBIN=$(CURDIR)/.tools xargs -n 1 go install < .ci/tools.txt
	@touch $@

.venv/stamp: .ci/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet -r .ci/requirements.txt
	@touch $@

.venv-checkov/stamp: .ci/requirements-checkov.txt
	python3 -m venv .venv-checkov
	.venv-checkov/bin/pip install --quiet -r .ci/requirements-checkov.txt
	@touch $@

.venv-ministack/stamp: .ci/requirements-ministack.txt
	python3 -m venv .venv-ministack
	.venv-ministack/bin/pip install --quiet -r .ci/requirements-ministack.txt
	@touch $@

.venv-peers/stamp: .ci/requirements-peers.txt
	python3 -m venv .venv-peers
	.venv-peers/bin/pip install --quiet -r .ci/requirements-peers.txt
	@touch $@

.ci/iam/node_modules/stamp: .ci/iam/package-lock.json .venv/stamp
	cd .ci/iam && ../../.venv/bin/npm ci
	@touch $@
