#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test.sh [STAGE...]: every test there is, on Debian 12 or 13, as root.
#
# Stages, in this order; it ends at the first one that fails, and says so in its last lines:
#
#   packages  what is missing is installed from Debian
#   style     format, borders between modules, SPDX lines, banned things
#   dev       gcc, ASan and UBSan, warnings are errors; all unit and ABI tests
#   clang     clang, the same warnings
#   tidy      clang-tidy on every source: sizes, complexity, bugs it knows
#   tsan      ThreadSanitizer; the unit tests
#   release   hardened; cmake --install into a prefix; what is there, and how it is linked
#   e2e       the whole system against real servers on loopback (pytest), dev build
#   bind      those of them that have to do with the DNS, with BIND as the usual name server
#   installed the happy path once more, with the release as it was installed, and all that its
#             agent, another program than that of dev, is to do; its memory
#
# Logs are in build/test-logs. With names of stages, only those run. Nothing outside this
# directory is changed but the packages, and /tmp while it runs.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit 1
# shellcheck source=packaging/debian-packages.sh
. packaging/debian-packages.sh
umask 022
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8 HOME=${HOME:-/root}

logs=$PWD/build/test-logs
prefix=$PWD/build/prefix
jobs=$(nproc)
passed=0
failed=0

die() {
	echo "test.sh: $*" >&2
	echo "$passed passed, $((failed + 1)) failed"
	exit 1
}

stage_packages() {
	# shellcheck disable=SC2086
	install_packages "$logs/apt.log" $BUILD_PACKAGES $WORLD_PACKAGES $TEST_PACKAGES &&
		packaging/acme-sh.sh "$PWD/build/acme.sh"
}

stage_style() {
	tests/style/check.sh
}

# build PRESET: configured and built.
build() {
	cmake --preset "$1" && cmake --build "build/$1" -j "$jobs"
}

unit_tests() {
	ctest --test-dir "build/$1" --output-on-failure -j "$jobs" --no-tests=error
}

stage_dev() {
	build dev && unit_tests dev
}

stage_clang() {
	build clang
}

stage_tidy() {
	build analyze
}

stage_tsan() {
	build tsan && unit_tests tsan
}

stage_release() {
	build release &&
		rm -rf "$prefix" &&
		cmake --install build/release --prefix "$prefix" &&
		tests/style/installed.sh "$prefix"
}

run_pytest() {
	/usr/bin/python3 -m pytest -p no:cacheprovider -n "$jobs" \
		-q -ra --durations=10 --basetemp="$work" "$@"
}

stage_e2e() {
	CERTFERRY_SLOW_TESTS=1 CERTFERRY_BUILD=$PWD/build/dev run_pytest tests/e2e
}

# Whatever has to do with the DNS once more, with BIND and its strict update-policy.
stage_bind() {
	local names="by_hand changes cli delegation dns exec failures happy issuing kill one_name preflight
		propagation secrets" name files=
	for name in $names; do
		files="$files tests/e2e/test_$name.py"
	done
	# shellcheck disable=SC2086
	CERTFERRY_TEST_DNS=bind CERTFERRY_BUILD=$PWD/build/dev run_pytest $files
}

stage_installed() {
	CERTFERRY_BUILD=$prefix run_pytest tests/e2e/test_happy.py tests/e2e/test_agent.py \
		tests/e2e/test_agent_install.py::test_install
}

# Tests that a stage ran, by the summary of ctest or pytest in its log; else itself.
count_tests() {
	awk '
		/^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+/ { bad += $4; good += $NF - $4 }
		/^=*.*[0-9]+ (passed|failed|error).* in [0-9.]+s/ {
			for (i = 2; i <= NF; i++) {
				if ($i ~ /^passed/) good += $(i - 1)
				if ($i ~ /^(failed|error)/) bad += $(i - 1)
			}
		}
		END { print good + 0, bad + 0 }' "$1"
}

# What failed and why once more, in the last lines: CI keeps no more than an end of the output,
# and ctest ends with names alone.
show_failures() {
	local lines
	lines=$(grep -aE '^FAILED |^ERROR |^E  |^\[  (FAILED|   LINE)  |(error|ERROR|WARNING|FATAL): ' "$1" |
		tail -n 12 | cut -c 1-400)
	[ -z "$lines" ] || printf '\nWhat failed, in its own words:\n%s\n' "$lines"
	echo
}

run_stage() {
	local name=$1 log=$logs/$1.log begin=$SECONDS status good bad
	printf '%-10s ' "$name"
	"stage_$name" </dev/null >"$log" 2>&1
	status=$?
	read -r good bad < <(count_tests "$log")
	[ $((good + bad)) -gt 0 ] || { good=$((status == 0)); bad=$((status != 0)); }
	passed=$((passed + good))
	if [ "$status" -eq 0 ]; then
		echo "ok    $((SECONDS - begin)) s, $good passed$(grep -o ', [0-9]* skipped' "$log" | tail -n 1)"
		return
	fi
	echo "FAILED after $((SECONDS - begin)) s. The end of $log:"
	tail -n 60 "$log"
	show_failures "$log"
	echo "test.sh: stage '$name' failed; ./test.sh $name runs it alone. Its log: $log"
	failed=$((failed + (bad > 0 ? bad : 1)))
	echo "$passed passed, $failed failed"
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "must be root, for port 53 and chroot: sudo ./test.sh"
case $(debian_release) in
"debian 12" | "debian 13") ;;
*) die "made for Debian 12 and 13; this is $(debian_release)." ;;
esac
[ -r /proc/net/tcp ] || die "/proc is not mounted here: mount -t proc proc /proc"
[ -e /dev/null ] && [ -e /dev/urandom ] || die "/dev is empty here: bind-mount the host's"
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
[ "$free" -ge 1500 ] || die "$free MiB are left here; 1500 are needed."
mkdir -p "$logs"
work=$(mktemp -d /var/tmp/certferry-tests.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT

stages=${*:-packages style dev clang tidy tsan release e2e bind installed}
for stage in $stages; do
	declare -F "stage_$stage" >/dev/null || die "there is no stage '$stage'"
	run_stage "$stage"
done
echo "$passed passed, 0 failed"
