#!/usr/bin/env bash
# How long clean builds take, and how many crates they need. Builds into a directory of its own that is removed at the
# end; sources that are not there yet are fetched before the clock runs.
set -euo pipefail
cd "$(dirname "$0")/.."

target="$(mktemp -d)"
trap 'rm -rf "$target"' EXIT
cargo fetch --locked --quiet

# What is compiled for a package: its normal and build dependencies, procedural macros included, each once.
crates() {
    cargo tree --locked --package "$1" --edges normal,build --prefix none --no-dedupe --format '{p}' |
        sed 's/ (\*)$//' | sort -u
}

build() { # DIRECTORY ARGUMENTS...
    local began
    began="$(date +%s.%N)"
    CARGO_TARGET_DIR="$target/$1" cargo build --locked --quiet "${@:2}" >&2
    awk -v began="$began" -v ended="$(date +%s.%N)" 'BEGIN { printf "%.1f", ended - began }'
}

row() { # WHAT FIGURE UNIT GOAL
    local word=""
    if [ -n "$4" ]; then
        word="$(awk -v figure="$2" -v goal="$4" 'BEGIN { print (figure <= goal) ? "met" : "missed" }')"
        word="goal: at most $4, $word"
    fi
    printf '%-42s %7s %-7s %s\n' "$1" "$2" "$3" "$word"
}

printf '%s, %s cores\n' "$(rustc --version)" "$(nproc)"
row "shepherd-core, crates" "$(crates shepherd-core | wc -l)" "" 30
row "shepherd-core, clean build" "$(build core --package shepherd-core)" s 25
row "the main job, crates" "$(crates shepherd-examples | wc -l)" "" ""
row "the main job, clean build (release)" "$(build job --release --package shepherd-examples)" s ""
row "the main job, crates of kube" "$(crates shepherd-examples | grep -c '^kube' || true)" "" 0
