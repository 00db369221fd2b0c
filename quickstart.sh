#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh [stop]: the main job of certferry on this one machine.
#
# Installs what is needed from Debian, builds, and starts a small world on loopback: a
# real ACME CA (pebble), a real name server (Knot, zone example.test, dynamic updates with
# TSIG) and three servers, each with its own sshd, nginx and root directory. Then certferry
# gets a different certificate and key for each of the three, brings them there over SSH,
# has nginx reloaded, and shows what is served. Run it again: nothing is to do.
#
# Everything it makes lies in $CERTFERRY_QUICKSTART (default /var/lib/certferry-quickstart)
# and in build/release; "quickstart.sh stop" ends the world, and removing the directory
# removes it. Runs as root, on Debian 12 and 13, in a bare container or chroot as well.
set -Eeuo pipefail
cd "$(dirname "$(readlink -f "$0")")"
source=$PWD
# shellcheck source=packaging/debian-packages.sh
. packaging/debian-packages.sh

out=${CERTFERRY_QUICKSTART:-/var/lib/certferry-quickstart}
zone=example.test
ns=127.53.0.2
ca=127.53.0.14
hosts="web-1 web-2 web-3"
address_of() { echo "127.0.0.1${1#web-}"; } # 127.0.0.11 to .13
ssh_port=2222
tls_port=8443
bin=$source/build/release/bin
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

# --- processes: one directory each, with the files pid and log ---

is_running() {
	local pid
	pid=$(cat "$out/$1/pid" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null &&
		grep -qF "$(cat "$out/$1/command")" "/proc/$pid/comm" 2>/dev/null
}

# start NAME ADDRESS PORT COMMAND...: returns when it listens.
start() {
	local name=$1 address=$2 port=$3 command=$4 i
	[ "$command" != chroot ] || command=$6
	shift 3
	if is_running "$name"; then
		echo "$name runs already (process $(cat "$out/$name/pid"))."
		return
	fi
	port_is_free "$address" "$port" ||
		die "port $port of $address, which $name needs, is taken by another program" \
			"(ss -ltunp shows which). Stop that one first."
	log=$out/$name/log
	basename "$command" >"$out/$name/command"
	setsid "$@" </dev/null >"$log" 2>&1 &
	echo $! >"$out/$name/pid"
	for ((i = 0; i < 100; i++)); do
		if ! port_is_free "$address" "$port"; then
			echo "$name is up at $address port $port."
			log=/dev/null
			return
		fi
		kill -0 "$(cat "$out/$name/pid")" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 15 "$log"
	die "$name did not come up. Its log: $log"
}

stop_all() {
	local file name pid
	for file in "$out"/*/pid; do
		[ -e "$file" ] || continue
		name=$(basename "$(dirname "$file")")
		pid=$(cat "$file")
		if is_running "$name"; then
			kill "$pid"
			echo "Stopped $name (process $pid)."
		fi
		rm -f "$file"
	done
	echo "Nothing of it runs any more. Remove $out and build/release to be rid of the rest."
}

# --- the steps ---

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

make_name_server() {
	mkdir -p "$out/knot/db" "$out/knot/run" "$out/secrets"
	[ -e "$out/secrets/tsig" ] || (
		umask 077
		secret=$(openssl rand -base64 32)
		echo "hmac-sha256:certferry:$secret" >"$out/secrets/tsig"
		printf 'key:\n- id: certferry\n  algorithm: hmac-sha256\n  secret: %s\n' "$secret" \
			>"$out/knot/key.conf"
	)
	cat >"$out/knot/db/$zone.zone" <<-END
		\$ORIGIN $zone.
		\$TTL 60
		@   SOA ns1 hostmaster 1 3600 600 86400 60
		@   NS  ns1
		ns1 A   $ns
	END
	# What a resolver would know of the domain above.
	cat >"$out/knot/db/${zone#*.}.zone" <<-END
		\$ORIGIN ${zone#*.}.
		\$TTL 60
		@    SOA ns1.$zone. hostmaster.$zone. 1 3600 600 86400 60
		@    NS  ns1.$zone.
		$zone. NS ns1.$zone.
	END
	cat >"$out/knot/knot.conf" <<-END
		server:
		  rundir: $out/knot/run
		  listen: $ns@53
		  udp-workers: 1
		  tcp-workers: 2
		  background-workers: 1
		log:
		- target: stderr
		  any: info
		database:
		  storage: $out/knot/db
		  journal-db-max-size: 16M
		include: $out/knot/key.conf
		acl:
		- id: certferry
		  key: certferry
		  action: update
		zone:
		- domain: ${zone#*.}
		  storage: $out/knot/db
		  file: ${zone#*.}.zone
		- domain: $zone
		  storage: $out/knot/db
		  file: $zone.zone
		  zonefile-sync: -1
		  journal-content: changes
		  acl: certferry
	END
}

make_ca() {
	mkdir -p "$out/pebble"
	[ -e "$out/pebble/ca.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
		-subj "/CN=pebble of quickstart.sh" -addext "subjectAltName=IP:$ca" \
		-keyout "$out/pebble/ca.key" -out "$out/pebble/ca.pem" 2>/dev/null
	cat >"$out/pebble/pebble.json" <<-END
		{"pebble": {
		  "listenAddress": "$ca:14000", "managementListenAddress": "$ca:15000",
		  "certificate": "$out/pebble/ca.pem", "privateKey": "$out/pebble/ca.key",
		  "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
		  "externalAccountBindingRequired": false, "certificateValidityPeriod": 7776000
		}}
	END
}

# A server: a root directory with its own sshd and nginx. See tests/e2e/server-root.sh.
make_host() {
	local host=$1 address root=$out/$1/root
	address=$(address_of "$host")
	if [ ! -e "$out/$host/made" ]; then
		rm -rf "$root"
		mkdir -p "$out/$host-sshd" "$out/$host-nginx" "$root"
		tests/e2e/server-root.sh "$root"
		ssh-keygen -q -t ed25519 -N "" -f "$root/etc/ssh/ssh_host_ed25519_key"
		touch "$out/$host/made"
	fi
	cat >"$root/etc/ssh/sshd_config" <<-END
		ListenAddress $address
		Port $ssh_port
		HostKey /etc/ssh/ssh_host_ed25519_key
		PidFile none
		UsePAM no
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		KbdInteractiveAuthentication no
	END
	mkdir -p "$root/etc/nginx/conf.d"
	[ -e "$root/etc/ssl/certferry/www/fullchain.pem" ] || rm -f "$root/etc/nginx/conf.d/www.conf"
	cat >"$root/etc/nginx/nginx.conf" <<-END
		user root;
		worker_processes 1;
		pid /run/nginx.pid;
		error_log /var/log/nginx/error.log;
		events { worker_connections 64; }
		http {
			access_log off;
			server { listen $address:8080; return 200 "$host\n"; }
			include /etc/nginx/conf.d/*.conf;
		}
	END
}

# The site as an administrator would write it: it names files that the first delivery
# brings, and nginx takes notice at the reload of that delivery.
make_site() {
	local host=$1 root=$out/$1/root
	cat >"$root/etc/nginx/conf.d/www.conf" <<-END
		server {
			listen $(address_of "$host"):$tls_port ssl;
			ssl_certificate     /etc/ssl/certferry/www/fullchain.pem;
			ssl_certificate_key /etc/ssl/certferry/www/privkey.pem;
			return 200 "$host\n";
		}
	END
}

start_world() {
	local host
	make_name_server
	start knot "$ns" 53 knotd -c "$out/knot/knot.conf"
	make_ca
	PEBBLE_VA_NOSLEEP=1 start pebble "$ca" 14000 pebble -config "$out/pebble/pebble.json" \
		-dnsserver "$ns:53"
	for host in $hosts; do
		make_host "$host"
		start "$host-sshd" "$(address_of "$host")" "$ssh_port" \
			chroot "$out/$host/root" /usr/sbin/sshd -D -e
		is_running "$host-nginx" || port_is_free "$(address_of "$host")" "$tls_port" ||
			die "port $tls_port of $(address_of "$host") is taken by another program."
		start "$host-nginx" "$(address_of "$host")" 8080 \
			chroot "$out/$host/root" /usr/sbin/nginx -g "daemon off;"
		make_site "$host"
	done
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
	END
	for host in $hosts; do
		echo "  $host: {address: $(address_of "$host"), port: $ssh_port, groups: [web]}"
	done >>"$out/certferry.yaml"
	cat >>"$out/certferry.yaml" <<-END
		certificates:
		  www:
		    names: [$zone, "*.$zone"]
		    unique-name: "{host}.srv.$zone"
		    ca: pebble
		    dns: home
		    hosts: [web]
		    install: {directory: /etc/ssl/certferry/www}
		    reload: nginx
		    probe: {port: $tls_port}
	END
}

certferry() {
	echo "\$ certferry $*"
	"$bin/certferry" --config "$out/certferry.yaml" "$@"
}

# Each server lets certferry in with the key that init made, and certferry knows each
# server's own key beforehand: a fingerprint that is not the expected one is refused.
introduce() {
	local host line root
	certferry init
	line=$("$bin/certferry" --config "$out/certferry.yaml" --json init |
		sed -n 's/.*"ssh_public_key":[[:space:]]*"\([^"]*\)".*/\1/p')
	[ -n "$line" ] || die "certferry init did not tell its SSH key"
	for host in $hosts; do
		root=$out/$host/root
		(umask 077 && echo "restrict $line" >"$root/root/.ssh/authorized_keys")
		certferry host enroll "$host" --fingerprint "$(ssh-keygen -l \
			-f "$root/etc/ssh/ssh_host_ed25519_key.pub" | cut -d' ' -f2)"
	done
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
	say "1 of 7: packages"
	# shellcheck disable=SC2086
	install_packages "$out/apt.log" $BUILD_PACKAGES $WORLD_PACKAGES
	say "2 of 7: building into build/release (a minute or two at first; log: $out/build.log)"
	build
	say "3 of 7: the world: a CA, a name server, three servers"
	start_world
	say "4 of 7: configuration $out/certferry.yaml"
	make_configuration
	certferry check
	say "5 of 7: certferry and the servers get to know each other"
	introduce
	say "6 of 7: what is to do, and doing it"
	certferry plan
	certferry apply --yes
	say "7 of 7: the result"
	certferry status
	echo
	echo "As openssl s_client sees it:"
	look_from_outside
	cat <<-END

		Go on from here:
		  $bin/certferry --config $out/certferry.yaml status
		  $bin/certferry --config $out/certferry.yaml cert show www
		  $bin/certferry --config $out/certferry.yaml apply --force www --yes
		  $0 stop         ends the CA, the name server and the three servers
	END
}

main "$@"
