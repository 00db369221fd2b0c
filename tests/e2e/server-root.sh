#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# server-root.sh DIRECTORY [debian|busybox]
#
# Makes a small root directory that stands for one server of a fleet: sshd, nginx and
# what a login needs, copied with their libraries from this machine. Entered by
# chroot, it has its own /etc, /run and /var, so that many "servers" live on one
# machine, each with the real paths (/etc/nginx, /etc/ssl/certferry/www). Needs no
# mount and no namespace: a bare container may do it. With "busybox", every tool of
# the login is busybox's.
set -eu
umask 022

root=$1
flavour=${2:-debian}

# Copies a file to the same path, links followed, and the libraries it needs.
copy() {
	for file in "$@"; do
		[ -e "$file" ] || continue
		mkdir -p "$root${file%/*}"
		[ -e "$root$file" ] || cp -pL "$file" "$root$file"
		for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
			mkdir -p "$root${library%/*}"
			[ -e "$root$library" ] || cp -pL "$library" "$root$library"
		done
	done
}

copy_tools() {
	for name in "$@"; do
		copy "$(command -v "$name" || true)"
	done
}

mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for name in bin sbin lib lib64; do
	[ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"
done
mkdir -p "$root/dev" "$root/proc" "$root/etc/ssh" "$root/etc/nginx" "$root/etc/ssl/private" \
	"$root/run/sshd" "$root/var/log/nginx" "$root/var/lib/nginx" "$root/home"
mkdir -p -m 700 "$root/root/.ssh"
mkdir -p -m 1777 "$root/tmp" "$root/var/tmp"
for device in null zero full random urandom; do
	[ -e "$root/dev/$device" ] || cp -a "/dev/$device" "$root/dev/$device"
done

copy /usr/sbin/sshd /usr/sbin/nginx
[ ! -d /usr/lib/openssh ] || copy /usr/lib/openssh/sshd-*

case $flavour in
busybox)
	copy_tools busybox
	for applet in $("$root$(command -v busybox)" --list); do
		[ -e "$root/usr/bin/$applet" ] || ln -s busybox "$root/usr/bin/$applet"
	done
	;;
*)
	copy_tools sh dash sed grep awk find cmp tar getent useradd usermod sudo visudo
	copy $(dpkg -L coreutils | grep '/bin/')
	copy /usr/libexec/sudo/sudoers.so /usr/libexec/sudo/libsudo_util.so
	copy /usr/lib/sudo/sudoers.so # where it is on some machines
	copy $(dpkg -L libpam-modules 2>/dev/null | grep 'pam_permit.so') || true
	;;
esac

cat >"$root/etc/passwd" <<-'END'
	root:x:0:0:root:/root:/bin/sh
	www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
	sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
	deploy:x:1500:1500::/home/deploy:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
cat >"$root/etc/shadow" <<-'END'
	root:*:19000:0:99999:7:::
	www-data:*:19000:0:99999:7:::
	sshd:!:19000::::::
	deploy:*:19000:0:99999:7:::
	nobody:*:19000:0:99999:7:::
END
cat >"$root/etc/group" <<-'END'
	root:x:0:
	shadow:x:42:
	www-data:x:33:
	ssl-cert:x:110:
	deploy:x:1500:
	nogroup:x:65534:
END
chmod 600 "$root/etc/shadow"
echo "127.0.0.1 localhost $(hostname)" >"$root/etc/hosts"
echo 'passwd: files
group: files
shadow: files' >"$root/etc/nsswitch.conf"
mkdir -p -m 700 "$root/home/deploy/.ssh"
chown -R 1500:1500 "$root/home/deploy"
if [ -e "$root/usr/bin/sudo" ]; then
	mkdir -p "$root/etc/pam.d" "$root/etc/sudoers.d"
	echo 'root ALL=(ALL) NOPASSWD: ALL
deploy ALL=(root) NOPASSWD: ALL
@includedir /etc/sudoers.d' >"$root/etc/sudoers"
	chmod 440 "$root/etc/sudoers"
	for type in auth account password session; do
		echo "$type required pam_permit.so"
	done >"$root/etc/pam.d/sudo"
	chmod 4755 "$root/usr/bin/sudo"
fi
