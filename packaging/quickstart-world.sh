# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The world of quickstart.sh: its processes, name server, CA and three servers. Sourced; the
# addresses, ports and $out are set there.

# --- processes: one directory each, with the files pid and log ---

is_running() {
	local pid
	pid=$(cat "$out/$1/pid" 2>/dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null &&
		! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null &&
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

# What runs in the root directories of the servers, and nothing else: sessions of sshd.
inside() {
	local entry root
	for entry in /proc/[0-9]*; do
		root=$(readlink "$entry/root" 2>/dev/null) || continue
		case $root in
		"$out"/*/root) echo "${entry#/proc/}" ;;
		esac
	done
}

stop() {
	local name=$1 pid i
	pid=$(cat "$out/$name/pid" 2>/dev/null) || return 0
	if is_running "$name"; then
		kill "$pid"
		for ((i = 0; i < 100; i++)); do
			is_running "$name" || break
			sleep 0.1
		done
		! is_running "$name" || kill -KILL "$pid"
		echo "Stopped $name (process $pid)."
	fi
	rm -f "$out/$name/pid"
}

stop_all() {
	local file pid
	for file in "$out"/*/pid; do
		[ -e "$file" ] || continue
		stop "$(basename "$(dirname "$file")")"
	done
	for pid in $(inside); do
		kill "$pid" 2>/dev/null || true
	done
	echo "Nothing of it runs any more. Remove $out and build/release to be rid of the rest."
}

# --- what they are started with ---

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

# A server: a root directory with its own sshd and nginx, and your own login to it. See
# tests/e2e/server-root.sh.
make_host() {
	local host=$1 address root=$out/$1/root
	address=$(address_of "$host")
	mkdir -p "$out/$host-sshd" "$out/$host-nginx"
	if [ "$(cat "$out/$host/made" 2>/dev/null)" != "$roots" ]; then
		stop "$host-sshd"
		stop "$host-nginx"
		rm -rf "$root"
		mkdir -p "$root"
		tests/e2e/server-root.sh "$root"
		ssh-keygen -q -t ed25519 -N "" -f "$root/etc/ssh/ssh_host_ed25519_key"
		(umask 077 && cp "$out/secrets/operator.pub" "$root/root/.ssh/authorized_keys")
		echo "$roots" >"$out/$host/made"
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
	[ -e "$root/etc/ssl/certferry/$(certificate_of "$host")/fullchain.pem" ] ||
		rm -f "$root/etc/nginx/conf.d/site.conf"
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
	local host=$1 directory
	directory=/etc/ssl/certferry/$(certificate_of "$host")
	cat >"$out/$host/root/etc/nginx/conf.d/site.conf" <<-END
		server {
			listen $(address_of "$host"):$tls_port ssl;
			ssl_certificate     $directory/fullchain.pem;
			ssl_certificate_key $directory/privkey.pem;
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
	[ -e "$out/secrets/operator" ] ||
		ssh-keygen -q -t ed25519 -N "" -C you -f "$out/secrets/operator"
	for host in $hosts; do
		make_host "$host"
		start "$host-sshd" "$(address_of "$host")" "$ssh_port" \
			chroot "$out/$host/root" /usr/sbin/sshd -D -e
		is_running "$host-nginx" || port_is_free "$(address_of "$host")" "$tls_port" ||
			die "port $tls_port of $(address_of "$host") is taken by another program."
		start "$host-nginx" "$(address_of "$host")" 8080 \
			chroot "$out/$host/root" /usr/sbin/nginx -g "daemon off;"
	done
}
