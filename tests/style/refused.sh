#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# refused.sh COMPILER SOURCE BUILD: what must not compile does not. For each banned function
# a call, for each border of a module an include across it; beside each, the same with an
# allowed one, which must compile, so that a broken command line is no pass.
set -u
compiler=$1 source=$2 build=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

# compiles MODULES TEXT: as a source of a module that uses these modules.
compiles() {
	see=
	for module in $1; do
		see="$see -I$build/see/$module"
	done
	printf '%s\n' "$2" >"$dir/try.c"
	# shellcheck disable=SC2086
	"$compiler" -std=gnu17 -D_GNU_SOURCE -include "$source/server/base/banned.h" $see \
		-Werror=implicit -fsyntax-only "$dir/try.c" 2>"$dir/said"
}

must() {
	if ! compiles "$1" "$2"; then
		echo "does not compile, and must: $2"
		cat "$dir/said"
		bad=1
	fi
}

must_not() {
	if compiles "$1" "$2"; then
		echo "compiles, and must not (modules: $1): $2"
		bad=1
	elif ! grep -Eq "$3" "$dir/said"; then
		echo "is refused for another reason than '$3': $2"
		cat "$dir/said"
		bad=1
	fi
}

call() {
	printf 'void try(char *a, const char *b, long n);\nvoid try(char *a, const char *b, long n) { (void)a, (void)b, (void)n; %s; }' "$1"
}

must base "$(call 'snprintf(a, 2, "%s", b)')"
while IFS= read -r banned; do
	must_not base "$(call "$banned")" 'banned_[a-z]+_see_server_base_banned_h'
done <<'END'
n = atoi(b)
n = atol(b)
n = strtol(b, NULL, 10)
n = (long)strtoul(b, NULL, 10)
sscanf(b, "%ld", &n)
sprintf(a, "%s", b)
strcpy(a, b)
strcat(a, b)
strncpy(a, b, 1)
strncat(a, b, 1)
strtok(a, b)
gmtime(&n)
localtime(&n)
system(b)
popen(b, "r")
signal(SIGINT, SIG_IGN)
END

# The borders that the design draws: acme knows no store and no DNS, sched no domain, a
# plugin host no store, and nobody looks up.
must "base store crypto" '#include "store/store.h"'
must "base crypto jose http acme" '#include "acme/acme.h"'
while read -r header modules; do
	must_not "$modules" "#include \"$header\"" 'No such file|file not found'
done <<'END'
store/store.h base crypto jose http acme
dns/dns.h base crypto jose http acme
store/store.h base sched
store/store.h base dns http provider sandbox
config/config.h base crypto acme dns provider store issue
config/config.h base crypto install ssh store deploy
cli/cli.h base config crypto store engine
ssh/ssh.h base crypto store
END

[ "$bad" -eq 0 ] && echo "All that must not compile does not."
exit "$bad"
