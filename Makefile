.DEFAULT_GOAL := help
.PHONY: help demo test fuzz fuzz-frames sweep bench scale endurance attacks faults images cluster-up cluster-down crds fmt lint

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: ## the whole way on a real cluster: cluster, images, chart, sample strategies, their metrics
	@tests/demo

test: lint ## everything: format, lints, unit, drift, chart and end-to-end tests on the test cluster
	@tests/install >/dev/null
	cargo test --locked

fuzz: ## the gate and every decoder of frames for FUZZ_SECONDS (30 minutes); needs cargo-fuzz and a nightly compiler
	fuzz/run

fuzz-frames: ## ten million inputs for each decoder of frames, on any compiler
	cargo run --locked --release --manifest-path fuzz/Cargo.toml --example frames

sweep: ## a run's every request spoiled in each of eight ways: the matrix
	@tests/install >/dev/null
	SWEEP=all cargo test --locked --test sweep -- --nocapture

bench: ## StrategyRun against a plain hardened Job; the gate and the runner by themselves
	@tests/install >/dev/null
	cargo bench --locked --bench e2e
	cargo bench --locked --bench gate
	cargo bench --locked --bench runner

faults: ## the API server misbehaves in ways of its own: lost replies, silent watches, another writer; daemons are killed
	@tests/install >/dev/null
	cargo test --locked --test e2e_faults -- --test-threads 3 --nocapture
	cargo test --locked --test e2e_outages -- --nocapture

attacks: ## strategies that the gate would refuse try to forge results and to leave the sandbox; with what they did
	@tests/install >/dev/null
	cargo test --locked --test e2e_forgery --test e2e_attacks -- --nocapture

scale: ## 500 runs at once, and a minute of silence afterwards
	STRATBOX_SCALE=500 STRATBOX_SILENCE=60 cargo test --locked --test e2e_scale -- --nocapture

endurance: ## 1,000 runs in a row on a pool of four sandboxes, half an hour
	STRATBOX_IN_A_ROW=1000 cargo test --locked --test e2e_endurance -- --nocapture in_a_row

images: ## the three images as OCI archives in target/images
	images/build all
	images/check target/images/*.tar

cluster-up: ## the test cluster
	tests/cluster/up

cluster-down: ## … and away with it
	tests/cluster/down

crds: ## writes generated files: crds/, the chart's CRDs and profile hash
	UPDATE=1 cargo test --locked --test crd --test chart generated

fmt: ## formats the Rust code
	cargo fmt

lint: ## format and lints, as the tests want them
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
