#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh: the rules of the house that a compiler does not see. Prints each finding as
# file:line and ends with status 1 if there is one.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

sources() {
	if [ -e .git ]; then
		git -c safe.directory='*' ls-files -- "$@"
	else
		find . \( -name build -o -name '.?*' \) -prune -o -type f -print | sed 's|^\./||' |
			grep -E "$(printf '%s\n' "$@" | sed 's/[.]/[.]/g; s/[*]/.*/g; s/$/$/' | paste -sd'|')"
	fi
}

# finding RULE: lines of findings on standard input.
finding() {
	local line
	while IFS= read -r line; do
		echo "$line: $1"
		bad=1
	done
}

# Each foreign library is one module's own. HEADER-PATTERN, then where it may stand.
foreign() {
	local header=$1 where=$2
	finding "<$header> belongs to $where" < <(sources '*.c' '*.h' |
		grep -Ev "^($where)|^tests/" | xargs grep -nE "^ *# *include *<$header" /dev/null |
		cut -d: -f1,2)
}
foreign 'openssl/' 'server/crypto/|server/install/probe\.c'
foreign 'curl/' 'server/http/'
foreign 'sqlite3' 'server/store/'
foreign 'yaml' 'server/config/|server/inventory/yaml\.c|agent/policy_'
foreign 'idn2' 'server/config/'
foreign 'ldns/' 'server/dns/|server/dns_host/'
foreign 'libssh2' 'server/ssh_worker/'
foreign 'seccomp' 'server/sandbox/'
foreign 'libsmartcols' 'server/cli/'
foreign '(cjson/)?cJSON' 'server/base/json\.h'
foreign 'dlfcn' 'server/dns_host/'

# A plugin has its ABI header and the C library.
finding "a plugin includes <system> headers and dns_provider.h only" < <(
	sources 'plugins/*.c' | grep -v '/test_' | xargs -r grep -nE '^ *# *include *"' /dev/null |
		grep -v 'certferry/dns_provider.h"' | cut -d: -f1,2)

finding "no SPDX line among the first three" < <(
	sources '*.c' '*.h' '*.py' '*.sh' '*.sql' '*.cmake' '*CMakeLists.txt' '.ci/run' |
		while read -r file; do
			head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file:1"
		done)

finding "comments are /* sentences */" < <(
	sources '*.c' '*.h' | xargs grep -nE '(^|[[:space:];{}])//' /dev/null | cut -d: -f1,2)

finding "finish it or leave it out" < <(
	sources '*.c' '*.h' '*.py' '*.sh' '*.sql' '*.cmake' | grep -v '^tests/style/' |
		xargs grep -nwE 'TODO|FIXME|XXX|HACK' /dev/null | cut -d: -f1,2)

finding "no goto: CLEANUP attributes do that" < <(
	sources 'server/*.c' 'agent/*.c' 'plugins/*.c' | xargs grep -nE '^[[:space:]]+goto[[:space:]]' /dev/null |
		cut -d: -f1,2)

finding "a source has 400 lines at most: split it" < <(
	sources 'server/*.c' 'server/*.h' 'agent/*.c' 'agent/*.h' 'plugins/*.c' | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 400 ] || echo "$file:$lines"
	done)

finding "trailing space" < <(
	sources '*.c' '*.h' '*.py' '*.sh' '*.cmake' | xargs grep -nE '[[:space:]]+$' /dev/null |
		cut -d: -f1,2)

# Who may use whom stands in CMakeLists.txt for the build and in docs/architecture.md for
# people: "NAME: USED...", sorted, of each.
used_in_build() {
	tr '\n' ' ' <CMakeLists.txt | grep -oE '(module|program)\([^()]*\)' |
		sed -E 's/^module\( *//; s/^program\( *[^ ]+ +//; s/LIBS.*|LIBEXEC.*|PLUGIN_ABI.*|\)//; s/USES//'
	sed -nE 's/^module_targets\(agent_uses (.*)\)/agent \1/p' agent/CMakeLists.txt
}
used_in_text() {
	sed -nE 's/^\| [0-9 ]*\| ([a-z_]+) \|.*\| ([^|;]*)(;[^|]*)? \|$/\1 \2/p' docs/architecture.md
}
sort_words() {
	while read -r name words; do
		# shellcheck disable=SC2086
		echo "$name:" $(printf '%s\n' $words | sort)
	done | sort
}
finding "modules are not the same in CMakeLists.txt (<) and docs/architecture.md (>)" < <(
	diff <(used_in_build | sort_words) \
		<(used_in_text | sed 's/ cJSON$//; s/ OpenSSL$//' | sort_words) | grep '^[<>]')

# clang-format 14 (Debian 12's) is the one that decides; others differ in details.
case $(clang-format --version 2>/dev/null) in
*"version 14."*)
	while read -r file; do
		clang-format --dry-run -Werror "$file" >/dev/null 2>&1 ||
			finding "clang-format -i it" <<<"$file:1"
	done < <(sources 'server/*.c' 'server/*.h' 'agent/*.c' 'agent/*.h' 'plugins/*.c' 'plugins/*.h' 'tests/*.c' 'tests/*.h')
	;;
*) echo "format not checked: clang-format 14 decides, this is $(clang-format --version 2>&1)" ;;
esac

[ "$bad" -eq 0 ] && echo "style: nothing found"
exit "$bad"
