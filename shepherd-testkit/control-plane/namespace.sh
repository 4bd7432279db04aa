#!/usr/bin/env bash
# Runs a program in a network namespace of its own, where a test can give addresses to pods, and in a process namespace
# of its own, so that nothing that it starts outlives it: `namespace.sh PROGRAM [ARGUMENT...]`.
# A threaded program cannot move itself there.
set -euo pipefail

if [ "${1:-}" = --inside ]; then
    shift
    # The first process of its namespace ignores signals that it does not ask for.
    trap 'exit 130' INT TERM
    PATH="$PATH:/usr/sbin:/sbin"
    ip link set lo up
    "$@" &
    wait "$!"
    exit
fi

# Files of the planes. What a run left that was killed goes with the next one.
all="${TMPDIR:-/tmp}"
find "$all" -maxdepth 1 -name 'shepherd-run.*' -user "$(id -u)" -mmin +1 2>/dev/null | while read -r old; do
    flock --nonblock "$old/lock" rm -rf "$old" 2>/dev/null || true
done
SHEPHERD_RUN="$(mktemp -d "$all/shepherd-run.XXXXXXXX")"
export SHEPHERD_RUN
trap 'rm -rf "$SHEPHERD_RUN"' EXIT
exec 9>"$SHEPHERD_RUN/lock"
flock 9

as=()
if [ "$(id -u)" != 0 ]; then
    as=(--user --map-root-user)
fi
if ! unshare "${as[@]}" --net --pid --fork true 2>/dev/null; then
    echo "namespace.sh: this user may not make namespaces (\`unshare ${as[*]} --net --pid --fork true\` fails);" \
        "be root, or allow user namespaces" >&2
    exit 1
fi
setpriv --pdeathsig KILL unshare "${as[@]}" --net --pid --fork --kill-child "${BASH_SOURCE[0]}" --inside "$@"
