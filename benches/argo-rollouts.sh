#!/usr/bin/env bash
# Builds the controller of Argo Rollouts, to measure beside it: into `argo-rollouts` in cargo's target directory, minutes
# once and nothing after. It is no part of Shepherd, and nothing else needs it.
set -euo pipefail

version=v1.9.2
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${CARGO_TARGET_DIR:-$here/../target}/argo-rollouts"
[ "$(cat "$out/.version" 2>/dev/null)" = "$version" ] && exit
command -v go >/dev/null || { echo "argo-rollouts: go is not on the PATH; install Go 1.26 or later" >&2; exit 1; }

echo "argo-rollouts: building $version into $out" >&2
rm -rf "$out"
mkdir -p "$out/crds"
out="$(cd "$out" && pwd)"
# Its own go.mod replaces modules, which `go install` refuses.
source="$(cd "$out" && go mod init example.com/argo-rollouts >/dev/null 2>&1 &&
    go mod download -json "github.com/argoproj/argo-rollouts@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')"
install -m 0644 --target-directory "$out/crds" "$source"/manifests/crds/*-crd.yaml
(cd "$source" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w" -o "$out/rollouts-controller" ./cmd/rollouts-controller)
echo "$version" >"$out/.version"
