#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# acme-sh.sh DIRECTORY: the package acme.sh of Debian 13, unpacked into DIRECTORY.
#
# For the tests of the provider `exec`. Debian 12 has no such package, so that it is taken
# from trixie there: by apt, which checks the signatures with this machine's keyring of
# Debian's, but with sources, lists and cache of its own, so that nothing of the machine's
# package management changes. Prints the path of acme.sh; what is there already is kept.
set -eu
directory=$1
program=$directory/usr/share/acme.sh/acme.sh
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$(dirname "$directory")"
exec 9>"$directory.lock"
flock 9
if [ -x "$program" ]; then
	echo "$program"
	exit 0
fi
[ -r $keyring ] || { echo "acme-sh.sh: $keyring is not there (debian-archive-keyring)" >&2; exit 1; }
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
	grep -oE 'https?://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' ') || true
work=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/state" "$work/cache/archives/partial" "$work/unpacked"
: >"$work/status"
cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$work/state";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
APT::Architecture "$(dpkg --print-architecture)";
Acquire::Retries "3";
Acquire::Languages "none";
END
export APT_CONFIG="$work/apt.conf"
cd "$work"
# This machine's mirror first; it may have its own release only.
get() {
	echo "deb [signed-by=$keyring] $1 trixie main" >"$work/sources.list"
	apt-get -q update && apt-get -q download acme.sh
}
{
	{ [ -n "$mirror" ] && get "$mirror" && ls acme.sh_*.deb; } || get http://deb.debian.org/debian
} >"$work/log" 2>&1 </dev/null || {
	tail -n 15 "$work/log" >&2
	echo "acme-sh.sh: Debian's package acme.sh cannot be had" >&2
	exit 1
}
dpkg-deb -x "$work"/acme.sh_*.deb "$work/unpacked"
# Whole or not there: a run that is cut off leaves nothing half.
rm -rf "$directory"
mv "$work/unpacked" "$directory"
chmod 755 "$directory"
echo "$program"
