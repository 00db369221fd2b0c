#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh [stop]: the main job of certferry on this one machine.
#
# Installs what is needed from Debian, builds, and starts a small world on loopback: a
# real ACME CA (pebble), a real name server (Knot, zone example.test, dynamic updates with
# TSIG) and three servers, each with its own sshd, nginx and root directory: a chroot, so
# that each has its own /etc/certferry, users and sudoers, and this machine keeps its own.
# Two of them get certferry-agent, the third is served by plain shell. Then certferry gets
# a different certificate for each of the three, brings them there over SSH, has nginx
# reloaded, and shows what is served. Run it again: nothing is to do.
#
# Everything it makes lies in $CERTFERRY_QUICKSTART (default /var/lib/certferry-quickstart)
# and in build/release; "quickstart.sh stop" ends the world, and removing the directory
# removes it. Runs as root, on Debian 12 and 13, in a bare container or chroot as well.
set -Eeuo pipefail
umask 022
unset SSH_AUTH_SOCK # your own keys have no business here
out=$(readlink -m "${CERTFERRY_QUICKSTART:-/var/lib/certferry-quickstart}")
cd "$(dirname "$(readlink -f "$0")")"
source=$PWD
# shellcheck source=packaging/debian-packages.sh
. packaging/debian-packages.sh
# shellcheck source=packaging/quickstart-world.sh
. packaging/quickstart-world.sh

zone=example.test
ns=127.53.0.2
ca=127.53.0.14
hosts="web-1 web-2 web-3"
roots=2 # what make_host makes: another number, and they are made anew
certificate_of() { if [ "$1" = web-2 ]; then echo shop; else echo www; fi; }
address_of() { echo "127.0.0.1${1#web-}"; } # 127.0.0.11 to .13
ssh_port=2222
tls_port=8443
bin=$source/build/release/bin
agent=$source/build/release/sbin/certferry-agent
log=/dev/null
PATH=$PATH:/usr/sbin:/sbin

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n== %s\n' "$*"; }

die() {
	echo
	echo "quickstart.sh: $*" >&2
	exit 1
}

# Any command that fails ends the script; this says where, and what to read.
on_error() {
	trap - ERR
	[ "$log" = /dev/null ] || { echo "The end of $log:"; tail -n 15 "$log"; }
	die "line $1: '$2' failed. Mend the reason and run it again: it goes on where it was."
}
trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR

check_machine() {
	[ "$(id -u)" -eq 0 ] || die "must be root, for port 53 and chroot: sudo ./quickstart.sh"
	case $(debian_release) in
	"debian 12" | "debian 13") ;;
	*) die "made for Debian 12 and 13; this is $(debian_release)." ;;
	esac
	[ -r /proc/net/tcp ] || die "/proc is not mounted here: mount -t proc proc /proc"
	[ -e /dev/null ] && [ -e /dev/urandom ] ||
		die "/dev is empty here: bind-mount the one of the host"
	mkdir -p "$out"
	chmod 700 "$out"
	local free
	free=$(df -Pk "$out" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge 400 ] || die "$out has $free MiB left; 400 are needed."
	[ -w /usr ] || die "/usr cannot be written, so no package can be installed"
	free=$(df -Pk /usr | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge 1200 ] || [ -z "$(missing_packages $BUILD_PACKAGES $WORLD_PACKAGES)" ] ||
		die "/usr has $free MiB left; the packages need up to 1200."
	chmod 700 "$out"
}

build() {
	log=$out/build.log
	cmake --preset release >"$log" 2>&1
	cmake --build --preset release >>"$log" 2>&1
	log=/dev/null
	"$bin/certferry" version
}

make_configuration() {
	cat >"$out/certferry.yaml" <<-END
		state-directory: $out/state
		resolver: $ns
		cas:
		  pebble:
		    directory: https://$ca:14000/dir
		    ca-file: $out/pebble/ca.pem
		    agree-to-terms: true
		dns:
		  home: {provider: rfc2136, server: $ns, tsig-key: {file: secrets/tsig}}
		hosts:
		  # The agent under a user of its own, who may test and reload nginx by sudo.
		  web-1: {address: $(address_of web-1), port: $ssh_port, groups: [web], user: certferry}
		  # The agent as root.
		  web-2: {address: $(address_of web-2), port: $ssh_port}
		  # No agent: a shell program over root's login.
		  web-3: {address: $(address_of web-3), port: $ssh_port, groups: [web], transport: shell}
		certificates:
		  www:
		    names: [$zone, "*.$zone"]
		    unique-name: "{host}.srv.$zone"
		    ca: pebble
		    dns: home
		    hosts: [web]
		    install: {directory: /etc/ssl/certferry/www}
		    services: [nginx]
		    probe: {port: $tls_port}
		  shop:
		    names: [shop.$zone]
		    unique-name: "{host}.srv.$zone"
		    ca: pebble
		    dns: home
		    hosts: [web-2]
		    key-on: target    # made by the agent there, never seen here
		    install: {directory: /etc/ssl/certferry/shop}
		    services: [nginx]
		    probe: {port: $tls_port}
	END
}

certferry() {
	echo "\$ certferry $*"
	"$bin/certferry" --config "$out/certferry.yaml" "$@"
}

# certferry knows each server's own key beforehand: another one is refused.
introduce() {
	local host
	certferry init
	for host in $hosts; do
		certferry host enroll "$host" --fingerprint "$(ssh-keygen -l \
			-f "$out/$host/root/etc/ssh/ssh_host_ed25519_key.pub" | cut -d' ' -f2)"
	done
}

# Each server lets the key in that init made, the first two for nothing but their agent.
let_in() {
	local host line keys=$out/web-3/root/root/.ssh/authorized_keys
	echo "web-1: over your own login there; everything is shown, done, and tried."
	certferry agent install web-1 --login root --identity "$out/secrets/operator" \
		--from 127.0.0.1 --yes
	echo
	echo "web-2: by a script, as Ansible or cloud-init would run it there."
	echo "\$ certferry agent script web-2 --from 127.0.0.1 >setup.sh"
	"$bin/certferry" --config "$out/certferry.yaml" agent script web-2 --from 127.0.0.1 \
		>"$out/web-2/root/root/setup.sh"
	cp "$agent" "$out/web-2/root/root/certferry-agent"
	echo "web-2:~# sh setup.sh ./certferry-agent"
	chroot "$out/web-2/root" /bin/sh -c 'cd /root && sh setup.sh ./certferry-agent'
	echo
	line=$("$bin/certferry" --config "$out/certferry.yaml" --json init |
		sed -n 's/.*"ssh_public_key":[[:space:]]*"\([^"]*\)".*/\1/p')
	[ -n "$line" ] || die "certferry init did not tell its SSH key"
	grep -qF "$line" "$keys" || echo "restrict $line" >>"$keys"
	echo "web-3: no agent; the line of init is in its authorized_keys."
	for host in $hosts; do
		make_site "$host"
	done
}

# try NAME TEXT ARGUMENT...: ssh to web-1 with the key of try_deploy_key fails, and TEXT is
# in what it says.
try() {
	local name=$1 text=$2 said status=0
	shift 2
	said=$(ssh -F none -i "$out/secrets/twin" -o BatchMode=yes -o ConnectTimeout=30 \
		-o UserKnownHostsFile="$out/secrets/twin.known_hosts" -p "$ssh_port" \
		-l certferry "$(address_of web-1)" "$@" </dev/null 2>&1) || status=$?
	said=$(grep -F "$text" <<<"$said" | head -n 1 | tr -d '\r') || true
	printf '%-15s %s\n' "$name" "$said"
	[ "$status" -ne 0 ] && [ -n "$said" ] || allowed+=" $name"
}

# The deploy key itself is sealed in certferry's store. So the line that lets it in at web-1
# is there for a moment with another key, and ssh tries what that one may do.
try_deploy_key() {
	local twin=$out/secrets/twin root=$out/web-1/root keys allowed=""
	keys=$root/var/lib/certferry-login/.ssh/authorized_keys
	rm -f "$twin" "$twin.pub"
	ssh-keygen -q -t ed25519 -N "" -C twin -f "$twin"
	echo "[$(address_of web-1)]:$ssh_port $(cat "$root/etc/ssh/ssh_host_ed25519_key.pub")" \
		>"$twin.known_hosts"
	sed -i '/ twin$/d' "$keys" # of a run that was killed
	sed -n "/certferry-agent session/ { s|ssh-ed25519 .*|$(cat "$twin.pub")|p; q }" "$keys" \
		>"$twin.line"
	cat "$twin.line" >>"$keys"
	try "the command id" "certferry-1 failed" id
	try "a terminal" "PTY allocation" -tt
	try "sftp" "subsystem request failed" -s sftp
	try "a forwarding" "open failed" -W "$(address_of web-1):$tls_port"
	sed -i '/ twin$/d' "$keys"
	rm -f "$twin" "$twin".*
	[ -z "$allowed" ] || die "the deploy key was not refused:$allowed"
}

# What a stranger sees who connects.
look_from_outside() {
	local host seen=""
	for host in $hosts; do
		seen+="$host $(openssl s_client -connect "$(address_of "$host"):$tls_port" \
			-servername "$host.srv.$zone" </dev/null 2>/dev/null |
			openssl x509 -noout -serial -pubkey | awk '
				/^serial=/ { serial = $0 }
				!/^serial=/ && !/^---/ { key = key $0 }
				END { print serial, "key=..." substr(key, length(key) - 24) }')"$'\n'
	done
	printf '%s' "$seen"
	[ "$(printf '%s' "$seen" | awk '{ print $2 }' | sort -u | wc -l)" -eq 3 ] &&
		[ "$(printf '%s' "$seen" | awk '{ print $3 }' | sort -u | wc -l)" -eq 3 ] ||
		die "the three servers do not serve three certificates with three keys"
	echo "Three servers, three certificates, three keys."
}

main() {
	check_machine
	if [ "${1:-}" = stop ]; then
		stop_all
		exit 0
	elif [ $# -gt 0 ]; then
		die "usage: quickstart.sh [stop]"
	fi
	say "1 of 8: packages"
	# shellcheck disable=SC2086
	install_packages "$out/apt.log" $BUILD_PACKAGES $WORLD_PACKAGES
	say "2 of 8: building into build/release (a minute or two at first; log: $out/build.log)"
	build
	say "3 of 8: the world: a CA, a name server, three servers"
	start_world
	say "4 of 8: configuration $out/certferry.yaml"
	make_configuration
	certferry check
	say "5 of 8: certferry and the servers get to know each other"
	introduce
	say "6 of 8: the agent for web-1 and web-2, shell for web-3"
	let_in
	say "7 of 8: what is to do, and doing it"
	certferry plan
	certferry apply --yes
	say "8 of 8: the result"
	certferry status
	echo
	echo "As openssl s_client sees it:"
	look_from_outside
	echo
	echo "What the deploy key gets at web-1 that is no delivery:"
	try_deploy_key
	cat <<-END

		Go on from here:
		  $bin/certferry --config $out/certferry.yaml status
		  $bin/certferry --config $out/certferry.yaml cert show www
		  $bin/certferry --config $out/certferry.yaml apply --force www --yes
		  chroot $out/web-1/root /usr/sbin/certferry-agent check     what web-1 allows
		  $0 stop         ends the CA, the name server and the three servers
	END
}

main "$@"
