#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# acceptance.sh SUITE DIRECTORY [quickstart|test]: does it all work on a fresh machine?
#
# Makes a clean root of Debian SUITE (bookworm, trixie) with debootstrap in DIRECTORY
# unless one is there, with nothing but git in it; clones this repository's HEAD into it,
# and runs ./quickstart.sh (twice, then stop) and ./test.sh there by chroot. Needs root,
# debootstrap and network. The root shares this machine's loopback network, so nothing of
# the quickstart may run outside meanwhile.
set -euo pipefail
suite=$1
root=$(readlink -m "$2")
what=${3:-all}
source=$(cd "$(dirname "$(readlink -f "$0")")/.." && git rev-parse --show-toplevel)
mirror=${MIRROR:-http://deb.debian.org/debian}

if [ ! -e "$root/usr/bin/git" ]; then
	debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" "$mirror"
	echo "deb $mirror $suite-updates main
deb ${mirror}-security $suite-security main" >"$root/etc/apt/sources.list.d/more.list"
fi

unmount() {
	local place
	for place in dev/pts dev/shm sys proc dev ""; do
		! mountpoint -q "$root/$place" || umount -l "$root/$place"
	done
}
trap unmount EXIT
# A mount point, as the root of a machine is: mount namespaces need that.
mount --bind "$root" "$root"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts" 2>/dev/null || true
mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null || true
mount -t proc proc "$root/proc"
mount --bind /sys "$root/sys"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"

inside() {
	chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} "$@"
}

# What runs in it, zombies left out: the process that started them is outside.
running() {
	local entry
	for entry in /proc/[0-9]*; do
		case $(readlink "$entry/root" 2>/dev/null) in
		"$root" | "$root"/*) ! grep -q '^State:[[:space:]]*[RSDT]' "$entry/status" || cat "$entry/comm" ;;
		esac
	done 2>/dev/null
}

# Clone through a bundle: the repository itself is not visible from inside.
git -C "$source" bundle create -q "$root/root/certferry.bundle" HEAD
rm -rf "$root/root/certferry"
inside git -c advice.detachedHead=false clone -q /root/certferry.bundle /root/certferry
echo "== $suite: $(inside sh -c '. /etc/os-release; echo "$PRETTY_NAME"'), commit" \
	"$(inside git -C /root/certferry rev-parse --short HEAD)"

if [ "$what" != test ]; then
	inside sh -c 'cd /root/certferry && ./quickstart.sh' | tee "$root/root/first.log"
	by=$(sed -n 's/.* yes  *yes  *\(agent\|shell\) *$/\1/p' "$root/root/first.log" | sort | xargs)
	[ "$by" = "agent agent shell" ] || { echo "delivered by: $by" && exit 1; }
	echo "== again: nothing is to do"
	inside sh -c 'cd /root/certferry && ./quickstart.sh' | tee "$root/root/again.log"
	grep -q 'nothing was to do' "$root/root/again.log"
	inside sh -c 'cd /root/certferry && ./quickstart.sh stop'
	[ -z "$(running)" ] || { echo "quickstart.sh stop left: $(running)" && exit 1; }
fi
if [ "$what" != quickstart ]; then
	inside sh -c 'cd /root/certferry && ./test.sh'
fi
echo "== $suite: all good"
