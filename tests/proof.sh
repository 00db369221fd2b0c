#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# proof.sh PART...: as a whole what test.sh runs a sample of (tests/README.md). As root.
#
#   kills     SIGKILL at every system call of a delivery, of each process that has a part
#   races     the directory of a slot swapped under 100,000 installations
#   renewals  fifty renewals of nginx under readers that never pause
#
# Made with the release preset, which is what is shipped; races need the dev build. Each
# takes up to an hour on two cores. The targets proof-kills, proof-races and proof-renewals
# of a build do the same.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
PATH=$PATH:/usr/sbin:/sbin

build() {
	cmake --preset "$1" >/dev/null && cmake --build "build/$1" -j "$(nproc)"
}

# What is written is not the proof: in memory, where there is room, it takes half the time.
scratch() {
	local base=/var/tmp free
	free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
	[ "${free:-0}" -lt 4000 ] || base=/dev/shm
	mktemp -d "$base/certferry-proof.XXXXXX"
}

full() {
	build release
	CERTFERRY_BUILD=$PWD/build/release /usr/bin/python3 -m pytest -p no:cacheprovider \
		--full -v -rP --basetemp="$work/tests" "$@"
}

proof_kills() {
	full -n "$((2 * $(nproc)))" tests/e2e/test_agent_kills.py tests/e2e/test_kill.py \
		tests/e2e/test_agent.py::test_kill_at_system_calls
}

proof_races() {
	build dev
	CERTFERRY_RACES=100000 build/dev/tests/test_agent_place
}

proof_renewals() {
	full tests/e2e/test_renewals.py
}

[ $# -gt 0 ] || set -- kills races renewals
work=$(scratch)
trap 'rm -rf --one-file-system "$work"' EXIT
for part in "$@"; do
	declare -F "proof_$part" >/dev/null || { echo "proof.sh: there is no part '$part'" >&2; exit 2; }
	"proof_$part"
done
