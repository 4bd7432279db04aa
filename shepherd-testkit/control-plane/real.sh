#!/usr/bin/env bash
# Runs `cargo test` with the arguments given; each test binary has a network of its own (see namespace.sh).
# Cargo itself stays outside, where it reaches the registry.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
host="$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')"
export "CARGO_TARGET_${host}_RUNNER=$here/namespace.sh"
exec cargo test "$@"
