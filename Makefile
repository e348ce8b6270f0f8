# `make` generates, lints and tests. Everything works from the package managers' caches; nothing else is downloaded.
# What a fresh Debian machine lacks beyond Go, Node and git, `make deps` installs (scripts/deps).
.DEFAULT_GOAL := all
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Debian keeps nginx and HAProxy, which the tests start, where only root looks.
export PATH := $(PATH):/usr/sbin

# Tools run from module files of their own, so that their dependencies stay out of go.mod. buf is a plain build of the
# pinned module; a binary in bin/ saves its link on every call.
BUF         := go tool -modfile=tools/buf.mod buf
STATICCHECK := go tool -modfile=tools/staticcheck.mod staticcheck
NPM         := npm --prefix web --no-update-notifier
NODE_STAMP  := web/node_modules/.package-lock.json
GO_TEST     := go test -race -timeout 10m

.PHONY: all
all: generate lint test ## generate, lint and test

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: deps
deps: $(NODE_STAMP) ## install what building and testing needs (npm packages, Chromium)
	@scripts/deps

$(NODE_STAMP): web/package-lock.json web/package.json examples/notes/package-lock.json
	@scripts/npm-ci

.PHONY: generate
generate: $(NODE_STAMP) ## generate Go and TypeScript from .proto files and build web/dist
	$(BUF) format -w
	$(BUF) generate
	$(BUF) generate --template buf.gen.ts.yaml
	$(BUF) generate --template buf.gen.examples.yaml
	$(NPM) run build

.PHONY: build
build: ## build bin/rialto
	go build -trimpath -o bin/rialto ./cmd/rialto

.PHONY: test
test: deps ## run every test: Go (race detector), web units, browsers, examples and whole processes
	$(GO_TEST) ./...
	go -C bench test -timeout 5m ./...
	$(NPM) test
	$(NPM) run e2e

.PHONY: test-long
test-long: deps ## the long runs: 100 kills, 10,000 connections, long fuzzing (about two hours)
	scripts/test-long

.PHONY: bench
bench: ## measure the bridge next to its peers (about 10 minutes)
	scripts/bench

.PHONY: lint
lint: $(NODE_STAMP) lint-go lint-api lint-web ## check style and API compatibility

.PHONY: lint-go
lint-go: ## gofmt, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "not gofmt-ed:"; echo "$$out"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	go mod verify >/dev/null
	go mod tidy -diff
	go -C bench vet ./...
	cd bench && go tool -modfile=../tools/staticcheck.mod staticcheck ./...
	go -C bench mod verify >/dev/null
	go -C bench mod tidy -diff

.PHONY: lint-api
lint-api: ## buf lint, format, and breaking changes against the last tagged API
	$(BUF) lint
	$(BUF) format -d --exit-code
	$(BUF) breaking api --against api/baseline.binpb

.PHONY: lint-web
lint-web: $(NODE_STAMP) ## tsc and Biome
	$(NPM) run check

.PHONY: check-generate
check-generate: generate ## generate, and fail if that changed anything that is committed
	@out=$$(git status --porcelain -- api gen web/dist examples); [ -z "$$out" ] || { \
		echo "stale or not committed; run \`make generate\` and commit the result:"; echo "$$out"; exit 1; }

.PHONY: api-baseline
api-baseline: ## record the current API as the one that later changes may not break (part of tagging a release)
	$(BUF) build api -o api/baseline.binpb
