# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# What quickstart.sh and test.sh need from Debian 12 or 13, and how they get it. Sourced.

BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkgconf scdoc
	libssl-dev libcurl4-openssl-dev libcjson-dev libssh2-1-dev libsqlite3-dev libyaml-dev
	libidn2-dev libldns-dev libseccomp-dev libsmartcols-dev zlib1g-dev libzstd-dev"
WORLD_PACKAGES="pebble knot knot-dnsutils openssh-server openssh-client nginx openssl
	hostname ca-certificates diffutils findutils mawk passwd"
TEST_PACKAGES="clang clang-format clang-tidy llvm g++ libcmocka-dev binutils file git
	python3 python3-pytest python3-pytest-xdist python3-yaml python3-cryptography
	bind9 bind9-dnsutils pdns-server pdns-backend-sqlite3 unbound certbot python3-certbot-dns-cloudflare
	apache2 haproxy postfix dovecot-core dovecot-imapd dovecot-pop3d lighttpd
	lighttpd-mod-openssl postgresql mosquitto
	busybox-static dropbear-bin strace sqlite3 procps curl dns-root-data debian-archive-keyring util-linux"
BENCH_PACKAGES="lego"
# Another package may bring it (sudo-ldap), and would have to go for this one.
[ -e /usr/bin/sudo ] || WORLD_PACKAGES="$WORLD_PACKAGES sudo"

debian_release() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-unknown}")
}

missing_packages() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] ||
			printf '%s ' "$package"
	done
}

# Installs those that are missing. Their services are not started: what we need of them
# we start ourselves, as ordinary processes on loopback. (On a machine with systemd they
# would come up at the next boot; we say so and leave the choice to its owner.)
install_packages() {
	local missing policy=/usr/sbin/policy-rc.d ours="" log=$1 status=0
	shift
	missing=$(missing_packages "$@")
	if [ -z "$missing" ]; then
		echo "All needed Debian packages are there."
		return 0
	fi
	echo "Installing from Debian: $missing"
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\n# of certferry, for the length of one installation\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		ours=1
	fi
	# shellcheck disable=SC2086
	{
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q -o Acquire::Retries=3 update &&
			apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
				install --no-install-recommends $missing
	} </dev/null >>"$log" 2>&1 || status=$?
	[ -z "$ours" ] || rm -f "$policy"
	if [ "$status" -ne 0 ]; then
		tail -n 15 "$log"
		echo "apt-get could not install them. Is the network there, and are the package" \
			"sources of this machine right? All of its output: $log"
		return 1
	fi
	if [ -d /run/systemd/system ]; then
		echo "Services among them were not started, but are enabled for the next boot:" \
			"'systemctl disable nginx knot named' if you do not want them."
	fi
}

# Nobody listens at 127.x.y.z PORT, nor at all addresses: read from /proc, so that no
# tool is needed.
port_is_free() {
	local a b c d address port
	IFS=. read -r a b c d <<<"$1"
	printf -v address '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
	printf -v port '%04X' "$2"
	# 0A is LISTEN; a UDP socket that waits for anybody is 07.
	! cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null |
		awk -v address="$address" -v port="$port" '
			$4 != "0A" && $4 != "07" { next }
			$2 == address ":" port || $2 ~ "^0+:" port "$" { found = 1 }
			END { exit !found }'
}
