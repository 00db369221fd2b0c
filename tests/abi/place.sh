#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# place.sh ASK_ZONE: the dns module against two real knots, which hold a root and all
# below it, and an unbound that starts at that root. 77: it cannot be tried here.
ask=$1
for program in knotd keymgr unbound; do
	command -v $program >/dev/null || { echo "skipped: no $program"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: port 53 needs root"; exit 77; }
dir=$(mktemp -d) || exit 1
# Two runs at a time have two networks, whatever their numbers are modulo 250.
net=127.$((192 + $$ / 250 % 62)).$(($$ % 250 + 1))
pids='' pid=''
trap 'for pid in $pids; do kill $pid; wait $pid; done; rm -rf "$dir"' EXIT
mkdir "$dir/a" "$dir/b" "$dir/zones"

# zone NAME NS-NAMES..., records on stdin
zone() {
	file=$dir/zones/$1
	shift
	{
		echo "@ 60 SOA ns1.one.test. host 1 60 60 600 30"
		for ns; do echo "@ 60 NS $ns"; done
		cat
	} >"$file"
}
zone root ns1.one.test. <<END
test 60 NS ns1.one.test.
tld 60 NS ns1.one.test.
ns1.one.test 60 A $net.1
END
zone test ns1.one.test. <<END
one 60 NS ns1.one.test.
one 60 NS ns2.one.test.
ns1.one 60 A $net.1
ns2.one 60 A $net.2
acme 60 NS ns1.one.test.
same 60 NS ns1.one.test.
sec 60 NS ns1.one.test.
bogus 60 NS ns1.one.test.
down 60 NS ns.down.test.
ns.down 60 A $net.9
END
zone tld ns1.one.test. </dev/null
zone acme.test ns1.one.test. <<END
target 60 CAA 0 issue ";"
END
zone one.test ns1 ns2 <<END
ns1 60 A $net.1
ns2 60 A $net.2
www 60 A 192.0.2.1
_acme-challenge.www 60 CNAME www.ACME.test.
_acme-challenge.two 60 CNAME hop
hop 60 CNAME two.acme.test.
_acme-challenge.loop 60 CNAME loop2
loop2 60 CNAME _acme-challenge.loop
_acme-challenge.self 60 CNAME _acme-challenge.self
_acme-challenge.dangling 60 CNAME x.nowhere.invalid.
_acme-challenge.gone 60 CNAME x.gone.tld.
_acme-challenge.down 60 CNAME x.down.test.
*.hosts 60 CNAME wild.acme.test.
_acme-challenge.far 60 CNAME h1
$(for i in 1 2 3 4 5 6 7 8 9; do echo "h$i 60 CNAME h$((i + 1))"; done)
_acme-challenge.near 60 CNAME h3
h10 60 TXT end
_acme-challenge.del 60 NS ns.del
ns.del 60 A $net.3
_acme-challenge.mail 60 CNAME sub.deep
deep 60 NS ns.deep
ns.deep 60 A $net.3
_acme-challenge.lost 60 NS ns.lost
ns.lost 60 A $net.9
$(for i in 1 2 3 4 5 6 7 8 9 10; do echo "ten 60 TXT abcdefghijklmnopqrstuvwxyz-abcdefghijklm-$i"; done)
$(i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo "sixty 60 TXT abcdefghijklmnopqrstuvwxyz-abcdefghijklm-$i"; done)
@ 60 CAA 0 issue "ca.example"
@ 60 CAA 0 issuewild ";"
other 60 CAA 128 issue "other.example; accounturi=https://other.example/1"
tbs 60 CAA 128 tbs "x"
alias 60 CNAME target.acme.test.
END
# Parent and children on one server: the SOA tells them apart.
zone same.test ns1.one.test. <<END
_acme-challenge 60 NS ns1.one.test.
_acme-challenge.www 60 NS ns1.one.test.
END
zone _acme-challenge.same.test ns1.one.test. </dev/null
zone _acme-challenge.www.same.test ns1.one.test. <<END
@ 60 TXT foreign
END
zone sec.test ns1.one.test. </dev/null
zone bogus.test ns1.one.test. </dev/null
zone _acme-challenge.del.one.test ns.del.one.test. </dev/null
zone deep.one.test ns <<END
ns 60 A $net.3
END

# knot NAME ADDRESSES ZONES...
knot() {
	own=$dir/$1
	{
		printf 'server:\n    listen: [%s]\n    rundir: %s\n' "$2" "$own"
		printf 'database:\n    storage: %s/db\nlog:\n  - target: stderr\n    any: info\n' "$own"
		printf 'zone:\n'
		shift 2
		for name; do
			printf '  - domain: "%s"\n' "$(echo "$name" | sed 's/^root$/./')"
			printf '    file: "%s/zones/%s"\n    zonefile-sync: -1\n' "$dir" "$name"
			printf '    journal-content: all\n    zonefile-load: whole\n'
			case $name in sec.test | bogus.test) printf '    dnssec-signing: on\n' ;; esac
		done
	} >"$own/knot.conf"
	mkdir -p "$own/db"
	knotd -c "$own/knot.conf" >"$own/log" 2>&1 &
	pids="$pids $!"
}
knot a "$net.1@53, $net.2@53" root test tld acme.test one.test same.test _acme-challenge.same.test \
	_acme-challenge.www.same.test sec.test bogus.test
knot b "$net.3@53" _acme-challenge.del.one.test deep.one.test
# A signed zone is there once it is signed.
for at in "1 sec.test" "1 bogus.test" "1 one.test" "3 deep.one.test"; do
	for i in $(seq 300); do
		"$ask" "$net.${at% *}" "${at#* }" none 2>/dev/null | grep -q 'lacks it' && break
		sleep 0.2
	done
done

ds=$(keymgr -c "$dir/a/knot.conf" sec.test ds | head -1)
# Another first digit, whatever it is: keys are made by chance, and so are their digests.
wrong=$(keymgr -c "$dir/a/knot.conf" bogus.test ds |
	awk 'NR == 1 { $NF = (substr($NF, 1, 1) == "0" ? "1" : "0") substr($NF, 2); print }')
echo ". 60 NS ns1.one.test.
ns1.one.test. 60 A $net.1" >"$dir/hints"
cat >"$dir/unbound.conf" <<END
server:
    interface: $net.5@53
    outgoing-interface: 127.0.0.1
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    do-daemonize: no
    use-syslog: no
    log-queries: yes
    username: ""
    chroot: ""
    directory: "$dir"
    pidfile: ""
    root-hints: "$dir/hints"
    module-config: "validator iterator"
    trust-anchor: "$ds"
    trust-anchor: "$wrong"
    local-zone: "test." nodefault
    local-zone: "invalid." nodefault
remote-control:
    control-enable: no
END
unbound -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
pids="$pids $!"
for i in $(seq 300); do
	"$ask" security "$net.5" one.test >/dev/null 2>&1 && break
	sleep 0.2
done

failures=0
resolver=$net.5
# expect WHAT PATTERN ARGUMENTS...: what ask_zone prints
expect() {
	what=$1 pattern=$2
	shift 2
	got=$("$ask" "$@" 2>&1)
	# shellcheck disable=SC2254
	case $got in
	$pattern) ;;
	*) echo "FAILED $what: wanted $pattern, got: $got"; failures=$((failures + 1)) ;;
	esac
}
# place WHAT PATTERN NAME: both ways; direct, no resolver may hear of the name, but for the
# NS set of a zone of that name, which is there.
place() {
	expect "$1" "$2" place $resolver "$3"
	if grep " $3\. " "$dir/unbound.log" | grep -qv ' NS IN$'; then
		echo "FAILED $1: the resolver was asked about $3"
		failures=$((failures + 1))
	fi
	expect "$1, by the resolver" "${4:-$2}" indirect $resolver "$3"
}
one="in one.test of $net.1 $net.2"
place "no alias" "_acme-challenge.x.one.test (0) $one" _acme-challenge.x.one.test
place "at the apex" "_acme-challenge.one.test (0) $one" _acme-challenge.one.test
place "one hop" "_acme-challenge.www.one.test -> www.acme.test (1) in acme.test of $net.1" \
	_acme-challenge.www.one.test
place "two hops" "*two.one.test -> hop.one.test -> two.acme.test (2) in acme.test of $net.1" \
	_acme-challenge.two.one.test
place "by a wildcard" "*a.hosts.one.test -> wild.acme.test (1) in acme.test of $net.1" \
	_acme-challenge.a.hosts.one.test
place "eight hops" "*near.one.test -> h3* -> h10.one.test (8) $one" _acme-challenge.near.one.test
place "ten hops" "config: more than 8 CNAMEs in a row: _acme-challenge.far.one.test -> h1*" \
	_acme-challenge.far.one.test
place "a loop" "config: CNAMEs in a loop: _acme-challenge.loop.one.test -> loop2.one.test -> _acme*" \
	_acme-challenge.loop.one.test
place "to itself" "config: CNAMEs in a loop: _acme-challenge.self.one.test -> _acme*" \
	_acme-challenge.self.one.test
place "dangling" "config: the CNAME _acme-challenge.dangling.one.test -> x.nowhere.invalid: no DNS zone holds*" \
	_acme-challenge.dangling.one.test
place "dangling below a TLD" "config: the CNAME *-> x.gone.tld: no DNS zone holds x.gone.tld: nothing is registered*" \
	_acme-challenge.gone.one.test
place "delegated" "_acme-challenge.del.one.test (0) in _acme-challenge.del.one.test of $net.3" \
	_acme-challenge.del.one.test
place "into a child zone" "*mail.one.test -> sub.deep.one.test (1) in deep.one.test of $net.3" \
	_acme-challenge.mail.one.test
place "child on the parent's server" \
	"_acme-challenge.same.test (0) in _acme-challenge.same.test of $net.1" _acme-challenge.same.test
place "the same, with a TXT there" \
	"_acme-challenge.www.same.test (0) in _acme-challenge.www.same.test of $net.1" \
	_acme-challenge.www.same.test
place "delegated to nobody" \
	"temporary: no name server of zone _acme-challenge.lost.one.test answers about * ($net.9 connection refused); where port 53 is blocked: dns.NAME.propagation: {resolvers: \[ADDRESS\]}" \
	_acme-challenge.lost.one.test "temporary: resolver $resolver does not answer about *"
place "alias into a dead zone" "temporary: the CNAME * -> x.down.test: *" \
	_acme-challenge.down.one.test

expect "ten values, over TCP" \
	"one.test: ns1* shows it; ns2* shows it" \
	$resolver ten.one.test abcdefghijklmnopqrstuvwxyz-abcdefghijklm-10
expect "sixty values" "one.test: ns1* shows it; ns2* shows it
values 60 negative 0 cut" $resolver sixty.one.test abcdefghijklmnopqrstuvwxyz-abcdefghijklm-60
expect "a resolver shows it" ": resolver $resolver shows it
values 60 negative 0 cut" resolvers $resolver sixty.one.test abcdefghijklmnopqrstuvwxyz-abcdefghijklm-1
expect "a resolver says no" ": resolver $resolver lacks it (NXDOMAIN)
values 0 negative [1234]*" resolvers $resolver nothing.one.test x
expect "a resolver has another" ": resolver $resolver lacks it (1 value)
values 1 negative [1-6]*" resolvers $resolver h10.one.test x
expect "a resolver that cannot find out" ": resolver $resolver does not answer (*" \
	resolvers $resolver x.down.test x
expect "no address" "config: resolvers: 'ns.example' is not an IP address*" \
	resolvers ns.example x.one.test x

expect "CAA at a parent" "2 at 'one.test'" caa $resolver a.b.one.test ca.example
expect "CAA of another" "2 at 'one.test'
denied: CAA at one.test: '0 issue \"ca.example\"' allows another CA; *one.test. CAA 0 issue \"mine.example\"" \
	caa $resolver a.b.one.test mine.example
expect "CAA of wildcards" "2 at 'one.test'
denied: CAA at one.test: '0 issuewild \";\"' allows nobody*" caa $resolver '*.one.test' ca.example
expect "CAA, nearer" "1 at 'other.one.test'
denied: CAA at other.one.test: '128 issue *' allows one account, and ours does not exist yet*" \
	caa $resolver other.one.test other.example
expect "CAA critical" "1 at 'tbs.one.test'
denied: *'128 tbs \"x\"' is marked as critical*" caa $resolver x.tbs.one.test ca.example
expect "CAA behind an alias" "1 at 'alias.one.test'
denied: CAA at alias.one.test: '0 issue \";\"' allows nobody*" caa $resolver alias.one.test ca.example
expect "no CAA" "0 at ''" caa $resolver www.acme.test ca.example
expect "CAA cannot be found" "temporary: CAA of x.down.test*" caa $resolver x.down.test ca.example

expect "signed" secure security $resolver x.sec.test
expect "wrongly signed" bogus security $resolver x.bogus.test
expect "not signed" insecure security $resolver one.test
expect "dead" "temporary: *" security $resolver x.down.test

[ "$failures" -eq 0 ] && echo "all as expected"
[ "$failures" -eq 0 ] || { tail -n 3 "$dir/a/log" "$dir/unbound.log"; exit 1; }
