# Two commands matter: `make run` and `make test`. Each installs what it needs first.

.DEFAULT_GOAL := help
.PHONY: help run test check fmt sqlx bench bench-pages compare faults fleet retention

help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and start the demo on http://127.0.0.1:3000
	@scripts/run

test: ## Install what is missing, then everything that CI runs, with a summary
	@scripts/setup test
	@scripts/test

check: ## Format and lints alone: the quick half of `make test`
	@scripts/test fmt lint lint-browser

fmt: ## Format the code
	cargo fmt --all

sqlx: ## Write the offline data of the SQL statements (.sqlx) anew
	@scripts/sqlx prepare

bench: ## How fast the engine is, as ratios (docs/performance.md)
	cargo bench -p drift-engine --bench engine

bench-pages: ## The pages under load, beside a bare handler with the same queries (docs/performance.md)
	@scripts/fleet pages

fleet: ## A fleet on two replicas, one of them killed half-way: ENVIRONMENTS=1000 SECONDS=240 (docs/performance.md)
	@SECONDS_MEASURED=$(or $(SECONDS),240) scripts/fleet run

retention: ## How large the database is while days of checks pass: DAYS=50
	@scripts/fleet retention

compare: ## The engine beside jq and diff, jsondiffpatch and deepdiff
	@scripts/compare-diff-tools

faults: ## Strike every step of carrying out decisions with every fault (docs/reliability.md)
	SQLX_OFFLINE=true cargo test -p drift-services --test reconcile resume -- --nocapture
