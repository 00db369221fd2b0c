#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# services-root.sh TEMPLATE DIRECTORY
#
# A server's root as server-root.sh makes it (TEMPLATE), with the services of a mail and
# web host added: the files of their Debian packages, the libraries that those need, and
# this machine's users. Only what lies below /etc, /run and /var is a copy of its own for
# each host; see Host in hosts.py.
set -eu
umask 022

template=$1
root=$2
packages="apache2 apache2-bin apache2-data haproxy postfix dovecot-core dovecot-imapd
	dovecot-pop3d lighttpd lighttpd-mod-openssl mosquitto postgresql-common
	postgresql-client-common perl-base media-types mime-support"
postgresql=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' 'postgresql-[0-9]*' \
	'postgresql-client-[0-9]*' | grep ' ii' | cut -d ' ' -f 1)

cp -a "$template" "$root"
mkdir -p "$root/run/lock" "$root/var/www/html"
ln -s /run "$root/var/run"
ln -s /run/lock "$root/var/lock"

files=$(for package in $packages $postgresql; do
	dpkg -L "$package" 2>/dev/null || true
done | grep -v '^/usr/share/\(doc\|man\|locale\|lintian\|bug\)/' | sort -u)
for file in $files $(find /var/spool/postfix /var/lib/postfix /var/lib/mosquitto /var/lib/haproxy \
	/var/lib/dovecot /var/log/mosquitto /var/log/apache2 /var/log/lighttpd /var/cache/lighttpd \
	/var/log/postgresql /var/lib/postgresql -maxdepth 1 -type d 2>/dev/null); do
	[ ! -e "$file" ] || [ -e "$root$file" ] || printf '%s\n' "${file#/}"
done | tar -C / --no-recursion -cf - -T - | tar -C "$root" --numeric-owner -xpf -

# What configuration scripts made, and the time zones, which PostgreSQL asks for.
for file in /etc/apache2 /etc/postfix /etc/dovecot /etc/lighttpd /etc/haproxy /etc/mosquitto \
	/etc/postgresql-common /usr/share/zoneinfo /etc/mailname /etc/mime.types /etc/services \
	/etc/protocols /etc/ssl/openssl.cnf /usr/share/dovecot; do
	[ ! -e "$file" ] || tar -C / -cf - "${file#/}" | tar -C "$root" -xpf -
done

# The libraries of everything that is new; a library of a package's own is found there.
copy() {
	mkdir -p "$root${1%/*}"
	[ -e "$root$1" ] || cp -pL "$1" "$root$1"
}
for tool in runuser su hostname egrep fgrep fmt id kill cat perl sleep readlink uname logger cmp find tr od; do
	path=$(command -v $tool) || continue
	case $path in /*) copy "$path" ;; esac
done
find "$root/usr/lib" "$root/usr/sbin" "$root/usr/bin" -type f -size +1k \
	\( -perm -100 -o -name '*.so*' \) -newer "$template/etc/nsswitch.conf" 2>/dev/null |
	cat >"$root/tmp/list"
find "$root/usr/lib/apache2" "$root/usr/lib/postgresql" "$root/usr/lib/dovecot" \
	"$root/usr/lib/lighttpd" "$root/usr/lib/postfix" "$root/usr/sbin" "$root/usr/bin" \
	-type f >>"$root/tmp/list"
sort -u "$root/tmp/list" | while read -r file; do
	ldd "${file#"$root"}" 2>/dev/null || true
done | grep -o '/[^ ]*' | sort -u | while read -r library; do
	[ ! -f "$library" ] || copy "$library"
done
rm -f "$root/tmp/list"

# No number may be two names': Postfix looks.
for database in passwd group; do
	cat /etc/$database "$template/etc/$database" |
		awk -F: '!names[$1]++ && !numbers[$3]++' |
		sed 's|:/bin/bash$|:/bin/sh|' >"$root/etc/$database"
done
awk -F: '{ print $1 ":*:19000:0:99999:7:::" }' "$root/etc/passwd" >"$root/etc/shadow"
chmod 600 "$root/etc/shadow"
mkdir -p "$root/etc/pam.d"
for service in runuser su other; do
	for type in auth account password session; do
		echo "$type required pam_permit.so"
	done >"$root/etc/pam.d/$service"
done
chmod 1777 "$root/tmp"
