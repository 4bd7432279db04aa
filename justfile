# The list of commands. `just` alone shows it.

export RUSTDOCFLAGS := "-D warnings"

_list:
    @just --list --unsorted

# the main job: a real canary on this machine
run *args:
    cargo run --release -- {{ args }}

# every test that needs no server
test:
    cargo test --workspace

# builds the real control plane that some tests need (minutes once, nothing after)
control-plane:
    shepherd-testkit/control-plane/build.sh

# the tests that need it, in a network namespace of their own; `just real -p CRATE --test NAME` for others
real *args="-p shepherd-testkit -p shepherd-kube -p shepherd-examples --features shepherd-testkit/real,shepherd-kube/real,shepherd-examples/kubernetes --test cluster --test real --test kubernetes --test deploy_bot": control-plane
    shepherd-testkit/control-plane/real.sh {{ args }}

# a hundred switches and a hundred canaries each through Envoy and NGINX with users all the time, half an hour
soak: control-plane
    SHEPHERD_SOAK=100 shepherd-testkit/control-plane/real.sh -p shepherd-kube --features shepherd-kube/real --test real soak:: -- --nocapture

# everything that CI checks, and nothing is changed
verify: fmt-check lint docs pure deny spelling test

# rustfmt, changing files
fmt:
    cargo fmt --all

fmt-check:
    cargo fmt --all --check

# clippy, warnings denied
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy -p shepherd-examples --features kubernetes --all-targets -- -D warnings

# rustdoc, warnings denied
docs:
    cargo doc --workspace --no-deps

# the pure half builds without tokio, for a machine without clock or files
pure:
    cargo clippy -p shepherd-core --no-default-features --lib -- -D warnings
    cargo build -p shepherd-core --no-default-features --target wasm32-unknown-unknown
    @! cargo tree -p shepherd-core --no-default-features -e normal --prefix none | grep -E '^(tokio|async-trait|tracing) ' \
        || (echo "the pure half depends on the driver's crates" && false)

# licences, advisories, sources, duplicates
deny:
    cargo deny check bans licenses sources

# typing mistakes in code and text
spelling:
    typos

# all that can happen to small plans when any two things go wrong, some minutes
search:
    cargo test --release -p shepherd-testkit --test invariants search:: -- --nocapture

# criterion; `just bench machine` for one of them
bench *which:
    cargo bench -p shepherd-benches {{ if which == "" { "" } else { "--bench " + which } }}

# what a rollout costs a real API server, and how soon an abort reaches it
bench-kubernetes *parts: control-plane
    shepherd-testkit/control-plane/real.sh --release --bench kubernetes -p shepherd-benches --features kubernetes {{ if parts == "" { "" } else { "-- " + parts } }}

# the same canary by Argo Rollouts beside Shepherd's; its controller is built first, which takes minutes once
bench-argo: control-plane
    benches/argo-rollouts.sh
    ARGO_ROLLOUTS="${CARGO_TARGET_DIR:-$PWD/target}/argo-rollouts" just bench-kubernetes argo

# how long clean builds take, and how many crates they need
build-cost:
    benches/build-cost.sh
