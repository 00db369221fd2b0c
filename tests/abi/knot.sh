#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# knot.sh RUN_BATCH ASK_ZONE DNS_HOST PLUGIN_DIR: rfc2136 and the dns module against a
# real knot with TSIG, on two loopback addresses. 77: it cannot be tried here.
run=$1 ask=$2 host=$3 plugins=$4
command -v knotd >/dev/null && command -v keymgr >/dev/null || { echo "skipped: no knotd"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: port 53 needs root"; exit 77; }
dir=$(mktemp -d) || exit 1
mkdir "$dir/run" "$dir/zones" "$dir/db"
# Two runs at a time have two networks, whatever their numbers are modulo 250.
net=127.$((128 + $$ / 250 % 64)).$(($$ % 250 + 1))
knot=
trap '[ -n "$knot" ] && kill $knot && wait $knot; rm -rf "$dir"' EXIT

umask 077
for key in 256 512; do
	keymgr -t k$key hmac-sha$key >"$dir/knot$key" || exit 1
	secret=$(awk '/secret:/ { print $2 }' "$dir/knot$key")
	printf 'key "k%s" {\n\talgorithm hmac-sha%s;\n\tsecret "%s";\n};\n' $key $key "$secret" \
		>"$dir/bind$key"
	echo "hmac-sha$key:k$key:$secret" >"$dir/triple$key"
	echo "$secret" >"$dir/alone$key"
done
echo "hmac-sha256:stranger:$(cat "$dir/alone256")" >"$dir/badkey"
echo "hmac-sha256:k256:$(cat "$dir/alone512")" >"$dir/badsig"
echo "hmac-sha384:k256:$(cat "$dir/alone256")" >"$dir/sha384"
echo "hmac-sha256:k256:not?base64" >"$dir/notbase64"

{
	printf 'server:\n    listen: [%s.1@53, %s.2@53]\n    rundir: %s/run\n' $net $net "$dir"
	printf 'database:\n    storage: %s/db\nlog:\n  - target: stderr\n    any: info\n' "$dir"
	printf 'key:\n'
	for key in 256 512; do
		printf '  - id: k%s\n    algorithm: hmac-sha%s\n    secret: %s\n' $key $key \
			"$(cat "$dir/alone$key")"
	done
	# What rfc2136.md tells people to write: TXT only, and below _acme-challenge only.
	cat <<END
acl:
  - id: certferry
    key: [k256, k512]
    action: update
    update-type: TXT
    update-owner: name
    update-owner-match: sub-or-equal
    update-owner-name: [_acme-challenge, _acme-challenge.www]
zone:
  - domain: one.test
    file: $dir/zones/one.test
    acl: certferry
  - domain: two.test
    file: $dir/zones/one.test
    acl: certferry
END
} >"$dir/knot.conf"
printf '@ 60 SOA ns1 host 1 60 60 600 60\n@ 60 NS ns1\n@ 60 NS ns2\nns1 60 A %s.1\nns2 60 A %s.2\n' \
	$net $net >"$dir/zones/one.test"
knotd -c "$dir/knot.conf" >"$dir/log" 2>&1 &
knot=$!
for i in $(seq 300); do
	"$ask" $net.1 one.test none 2>/dev/null | grep -q 'lacks it' &&
		"$ask" $net.1 two.test none 2>/dev/null | grep -q 'lacks it' && break
	sleep 0.2
done

failures=0
# batch WHAT PATTERN ARGUMENTS...
batch() {
	what=$1 pattern=$2
	shift 2
	check "$what" "$pattern" "$("$run" "$host" "$plugins" rfc2136 server=${server:-$net.1} "$@" 2>&1)"
}
# shows WHAT PATTERN NAME VALUES...
shows() {
	what=$1 pattern=$2
	shift 2
	check "$what" "$pattern" "$("$ask" $net.2 "$@" 2>&1)"
}
check() {
	case $3 in
	$2) ;;
	*) echo "FAILED $1: wanted $2, got: $3"; failures=$((failures + 1)) ;;
	esac
}
challenge=_acme-challenge.one.test
both="one.test: ns1.one.test $net.1 shows it; ns2.one.test $net.2 shows it"

batch "apex and wildcard" "ok
ok" tsig-key=@"$dir/knot256" + one.test $challenge apex-value + one.test $challenge wildcard-value
shows "both stand together" "$both" $challenge apex-value wildcard-value
batch "again" ok tsig-key=@"$dir/bind512" + one.test $challenge apex-value
batch "delete one" ok tsig-key=@"$dir/triple256" - one.test $challenge apex-value
shows "the other stays" "$both" $challenge wildcard-value
shows "one is gone" "*lacks it (1 value);*" $challenge apex-value
batch "delete again" ok tsig-key=@"$dir/alone512" tsig-name=k512 tsig-algorithm=hmac-sha512 \
	- one.test $challenge apex-value
batch "delete the last" ok tsig-key=@"$dir/bind256" - one.test $challenge wildcard-value
shows "nothing is left" "*lacks it (NXDOMAIN)*lacks it (NXDOMAIN)" $challenge wildcard-value
batch "two zones" "ok
ok" tsig-key=@"$dir/triple512" + one.test _acme-challenge.www.one.test v \
	+ two.test _acme-challenge.two.test v
batch "one the acl refuses spoils no other" "ok
*denied*" tsig-key=@"$dir/bind256" + one.test $challenge ok-value \
	+ one.test _acme-challenge.other.one.test v

batch "unknown key" "denied:*TSIG key 'stranger'*NOTAUTH*no such key*" tsig-key=@"$dir/badkey" \
	+ one.test $challenge v
batch "wrong secret" "denied:*TSIG key 'k256'*NOTAUTH (BADSIG)*" tsig-key=@"$dir/badsig" \
	+ one.test $challenge v
batch "sha384" "config:*'hmac-sha384' does not work here; hmac-sha256 and*" \
	tsig-key=@"$dir/sha384" + one.test $challenge v
batch "not base64" "config:*is not base64*" tsig-key=@"$dir/notbase64" + one.test $challenge v
batch "no name" "config:*set tsig-name*" tsig-key=@"$dir/alone256" + one.test $challenge v
batch "foreign zone" "*zone three.test*NOTAUTH*not a primary server*" \
	tsig-key=@"$dir/bind256" + three.test _acme-challenge.three.test v
server=$net.9
batch "no server there" "temporary:*$net.9: connection refused*" \
	tsig-key=@"$dir/bind256" + one.test $challenge v
server=

# An answer over 512 bytes comes over TCP; 100 changes are one batch and one message.
many=
for i in $(seq 100); do
	many="$many + one.test $challenge abcdefghijklmnopqrstuvwxyz-abcdefghijklmno-$i"
done
# shellcheck disable=SC2086
batch "a hundred" "ok*ok" tsig-key=@"$dir/bind256" $many
shows "a hundred, over TCP" "$both
values 10[01] negative 0 cut" $challenge abcdefghijklmnopqrstuvwxyz-abcdefghijklmno-1 \
	abcdefghijklmnopqrstuvwxyz-abcdefghijklmno-100

[ "$failures" -eq 0 ] && echo "all as expected"
[ "$failures" -eq 0 ] || { tail -5 "$dir/log"; exit 1; }
