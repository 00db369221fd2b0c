#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# links.sh BUILD_DIR: what each plugin exports, and what plugins and programs link.
build=$1
status=0
sanitizers='^lib(asan|ubsan|tsan|clang_rt)'

needed() {
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev "$sanitizers" |
		sed 's/\.so.*//' | sort | tr '\n' ' '
}

wrong() {
	echo "FAILED: $*"
	status=1
}

for plugin in "$build"/lib/certferry/plugins/*.so "$build"/plugins-not-installed/*.so; do
	symbols=$(nm -D --defined-only "$plugin" | awk '$3 !~ /^(__odr_asan|__asan|_edata|_end|__bss_start)/ { print $3 }')
	[ "$symbols" = dns_provider_v1 ] || wrong "$plugin exports: $symbols"
	case $(needed "$plugin") in
	"" | "libc ") ;;
	*) wrong "$plugin links: $(needed "$plugin")" ;;
	esac
done

# may_link PROGRAM LIBRARIES: nothing beside libc, libm and these. A program that is
# not built is not looked at.
may_link() {
	[ -f "$build/$1" ] || return 0
	for library in $(needed "$build/$1"); do
		case " libc libm ld-linux-x86-64 $2 " in
		*" $library "*) ;;
		*) wrong "$1 links $library" ;;
		esac
	done
}
may_link libexec/certferry/certferry-dns-host "libldns libcurl libcjson libseccomp"
may_link libexec/certferry/certferry-ssh-worker "libssh2 libcrypto libcjson libseccomp"
may_link bin/certferry "libcurl libcjson libcrypto libssl libsqlite3 libyaml-0 libyaml libidn2 libldns libsmartcols"
exit $status
