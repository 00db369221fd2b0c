#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# installed.sh PREFIX: is everything there, is it hardened, does it link what it may, and
# does it run from there?
set -u
prefix=$1
bad=0

complain() {
	echo "$*"
	bad=1
}

# What must be there, with its mode.
while read -r mode path; do
	found=$(stat -c %a "$prefix/$path" 2>/dev/null) || { complain "$path is missing"; continue; }
	[ "$found" = "$mode" ] || complain "$path has mode $found, not $mode"
done <<END
755 bin/certferry
755 libexec/certferry/certferry-dns-host
755 libexec/certferry/certferry-ssh-worker
755 sbin/certferry-agent
644 lib/certferry/plugins/acme_dns.so
644 lib/certferry/plugins/cloudflare.so
644 lib/certferry/plugins/exec.so
644 lib/certferry/plugins/manual.so
644 lib/certferry/plugins/powerdns.so
644 lib/certferry/plugins/rfc2136.so
644 share/certferry/certferry.schema.json
644 share/doc/certferry/LICENSE
644 share/doc/certferry/examples/agent.yaml.example
644 share/doc/certferry/examples/certferry.yaml.example
644 share/man/man1/certferry.1
644 share/man/man5/certferry.yaml.5
644 share/man/man8/certferry-agent.8
END

has() {
	readelf -W "$2" "$prefix/$1" | grep -qE "$3" || complain "$1: no $4"
}

# PROGRAM, and the libraries it may need by itself besides the C library.
hardened() {
	local program=$1 may=$2 needed
	has "$program" -l 'GNU_RELRO' 'RELRO'
	has "$program" -d 'BIND_NOW|FLAGS.*NOW' 'immediate binding'
	! readelf -W -l "$prefix/$program" | grep -q 'GNU_STACK.*RWE' ||
		complain "$program: its stack is executable"
	has "$program" -h 'Type:.*DYN' 'position independence'
	! readelf -W -d "$prefix/$program" | grep -qE 'RPATH|RUNPATH' ||
		complain "$program: looks for libraries in a place of its own"
	needed=$(readelf -W -d "$prefix/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
		grep -vE '^(libc|libm|ld-linux[^.]*)\.so' | grep -vE "^($may)\.so")
	[ -z "$needed" ] || complain "$program needs $(echo "$needed" | xargs): it may not"
}
hardened bin/certferry 'libcrypto|libssl|libcurl|libsqlite3|libyaml-0|libyaml|libidn2|libldns|libsmartcols|libcjson|libseccomp'
hardened libexec/certferry/certferry-dns-host 'libcrypto|libcurl|libldns|libcjson|libseccomp'
hardened libexec/certferry/certferry-ssh-worker 'libssh2|libcrypto|libcjson|libseccomp'
hardened sbin/certferry-agent 'nothing'
# One file for every Linux server: no loader, and nothing for it to load.
! readelf -W -l "$prefix/sbin/certferry-agent" | grep -q INTERP ||
	complain "sbin/certferry-agent is not linked statically"
[ ! -e "$prefix/lib/certferry/plugins/example.so" ] || complain "the example is installed"
for plugin in "$prefix"/lib/certferry/plugins/*.so; do
	name=${plugin#"$prefix"/}
	hardened "$name" 'nothing'
	symbols=$(nm -D --defined-only "$plugin" | awk '{ print $3 }')
	[ "$symbols" = dns_provider_v1 ] || complain "$name exports: $(echo "$symbols" | xargs)"
done
for program in bin/certferry libexec/certferry/certferry-dns-host \
	libexec/certferry/certferry-ssh-worker; do
	has "$program" --dyn-syms '__stack_chk_fail' 'stack protector'
	has "$program" --dyn-syms '__(memcpy|v?snprintf|fprintf|read)_chk' 'FORTIFY_SOURCE'
	# glibc loads no position-independent program by dlopen().
	has "$program" -d 'FLAGS_1.*PIE' 'mark of a program'
done

"$prefix/bin/certferry" version || complain "certferry does not run from $prefix"
"$prefix/bin/certferry" provider list | grep -q rfc2136 ||
	complain "certferry does not find its plugins from $prefix"

[ "$bad" -eq 0 ] && echo "installed: as it should be"
exit "$bad"
