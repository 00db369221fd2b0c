#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# plugins.sh RUN_BATCH DNS_HOST ODD_DIR: plugins that must be refused, or survived.
run=$1 host=$2 odd=$3
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp "$odd"/*.so "$dir" || exit 1
chmod 644 "$dir"/*.so
printf 'zsecretz-0123456789' >"$dir/token"
chmod 600 "$dir/token"
failures=0

# expect WHAT PATTERN PROVIDER ARGUMENTS...: the pattern is in what comes out.
expect() {
	what=$1 pattern=$2
	shift 2
	out=$("$run" "$host" "$dir" "$@" 2>&1)
	case $out in
	*zsecr*) echo "FAILED $what: the secret is in: $out"; failures=$((failures + 1)) ;;
	$pattern) ;;
	*) echo "FAILED $what: wanted $pattern, got: $out"; failures=$((failures + 1)) ;;
	esac
}
change='+ example.org _acme-challenge.example.org value'

# Refused before a line of theirs runs, or right after loading.
expect "absent" "config:*absent.so: No such file*" absent $change
expect "a path" "config:*'../x' is not a provider name*" ../x $change
expect "a dot" "config:*is not a provider name*" . $change
expect "capitals" "config:*is not a provider name*" Good $change
expect "no name" "config:*is not a provider name*" "" $change
expect "no symbol" "config:*no dns_provider_v1 in it*" nosymbol $change
expect "wrong ABI" "config:*built for ABI 2,*wanted 1*" wrongabi $change
expect "short struct" "config:*built for ABI 1, 24 bytes*" shortstruct $change
expect "no options" "config:*not a whole provider: no options*" nooptions $change
expect "no present" "config:*not a whole provider: no present*" nopresent $change
expect "no cleanup" "config:*not a whole provider: no cleanup*" nocleanup $change
expect "no window" "config:*a limit of 3 requests in 0 s*" badlimit $change
expect "wrong name" "config:*calls itself 'other'*" wrongname $change
chmod g+w "$dir/good.so"
expect "group-writable" "config:*good.so: others than its owner can change it*" good $change
chmod g-w,o+w "$dir/good.so"
expect "world-writable" "config:*good.so: others than its owner can change it*" good $change
chmod 644 "$dir/good.so"
ln -s good.so "$dir/link.so"
expect "a link" "config:*link.so: not a regular file*" link $change
echo text >"$dir/text.so"
expect "not a library" "config:*text.so*" text $change
chmod 777 "$dir"
expect "open directory" "config:*$dir: others than its owner can change it*" good $change
chmod 755 "$dir"
if [ "$(id -u)" = 0 ]; then
	chown 12345 "$dir/good.so"
	expect "foreign owner" "config:*good.so: belongs to user 12345*" good $change
	chown 0 "$dir/good.so"
fi

# Survived: one failed batch, and a sentence that names the provider.
expect "good" "ok" good $change
expect "describe" "good: odd*server: where*token secret: a secret*" good describe
expect "crash" "internal: provider crash was killed by signal 6*" crash $change
expect "hang" "temporary: provider hang: no answer in time*" hang 1 $change
expect "exit(0)" "internal: provider exit0 ended with status 0*" exit0 $change
expect "babble" "internal: provider babble babbles: unknown member 'nonsense'*" babble $change
expect "two answers" "*internal: provider liar answers change 0, which is not open" liar $change
expect "odd result" "internal: provider oddresult: the plugin returned a result*" oddresult $change
expect "leak" "*using \*\*\* now*denied: provider leak: token \*\*\* was refused*x0areally*x1b*" \
	leak "token=@$dir/token" $change
{ printf 'zsecretz-'; printf '%02000d' 0; } >"$dir/long"
chmod 600 "$dir/long"
expect "a leak that is cut" "*\*\*\**ok" cutleak "token=@$dir/long" $change
expect "files, fork, root" "ok" files $change
expect "exec" "internal: provider shell was killed by signal 31*" shell $change
expect "constructor" "internal: provider ctor was killed by signal 31*" ctor $change
expect "constructor, described" "internal: provider ctor was killed by signal 31*" ctor describe
expect "stdout" "ok" stdout $change
expect "later member" "ok" later $change
expect "http without s" "*provider http: only https*127.0.0.1*" http \
	server=http://192.0.2.1/ $change
expect "http by name" "*provider http: only https*" http server=http://localhost/ $change
expect "http to ourselves" "temporary: provider http: http://127.0.0.1:1: cannot connect*" http \
	server=http://127.0.0.1:1/ $change

# Services.
expect "json, text" "ok" json $change
expect "by hand" "by-hand: provider byhand: set _acme-challenge.example.org" byhand $change
# Ten seconds are the most. That it is cut before a nearer deadline, test_services.c sees.
expect "a pause of an hour" "ok" pause 40 $change

# The fourth request is not made; nor the third, where two were made before.
more="$change $change $change"
refused="temporary: provider limit: http://127.0.0.1:1: cannot connect*"
expect "a limit" "$refused
$refused
$refused
rate-limited for 60 s: provider limit: certferry keeps to*limit of 3 requests in 60 s
3 requests in 60 s" limit server=http://127.0.0.1:1/ $more $change
export CERTFERRY_SPENT=2
expect "a limit, used up" "$refused
rate-limited for 17 s: provider limit:*
1 requests in 60 s" limit server=http://127.0.0.1:1/ $change $change
unset CERTFERRY_SPENT

# Resolving, connecting and TLS work in the sandbox: the one thing that is wrong with this
# server is that nobody vouches for it.
if command -v openssl >/dev/null; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
		-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
		-keyout "$dir/key2.pem" -out "$dir/other.pem" 2>/dev/null
	chmod 600 "$dir"/*.pem
	openssl s_server -accept 127.0.0.1:0 -www -key "$dir/key.pem" -cert "$dir/cert.pem" \
		>"$dir/s_server" 2>&1 &
	server=$!
	for i in $(seq 300); do
		port=$(sed -n 's/^ACCEPT 127.0.0.1://p' "$dir/s_server")
		[ -n "$port" ] && break
		sleep 0.2
	done
	expect "https" "*provider http:*certificate*" http "server=https://localhost:$port/" $change
	expect "its own CA" "ok" http "server=https://localhost:$port/" api-ca=@"$dir/cert.pem" $change
	expect "another CA" "config: provider http:*certificate*" http \
		"server=https://localhost:$port/" api-ca=@"$dir/other.pem" $change
	expect "no CA" "config: provider http:*api-ca*cannot be used*" http \
		"server=https://localhost:$port/" api-ca=nonsense $change
	kill $server
fi
expect "log flood" "*line 99*more log lines dropped*ok" flood $change
lines=$("$run" "$host" "$dir" flood $change 2>&1 | wc -l)
[ "$lines" -eq 102 ] || { echo "FAILED log flood: $lines lines"; failures=$((failures + 1)); }
expect "bulk" "ok
denied: provider bulk: bad is not for us
ok" bulk $change + example.org _acme-challenge.a.example.org bad \
	+ example.org _acme-challenge.b.example.org good

# What the host never passes on.
expect "outside the zone" "internal:*not in the zone*" good \
	+ example.org _acme-challenge.example.net value
expect "no challenge" "internal:*not a challenge's name*" good + example.org www.example.org value
expect "what a challenge leads to" "ok" good \
	+_acme-challenge.www.example.net example.org www.example.org value
expect "the zone itself" "internal:*not a challenge's name*" good \
	+_acme-challenge.www.example.net example.org example.org value
expect "what another name leads to" "internal:*not a challenge's name*" good \
	+www.example.net example.org www.example.org value
expect "what no name leads to" "internal:*not a challenge's name*" good \
	"+_acme-challenge.a b" example.org www.example.org value
expect "a challenge that is a zone" "ok" good \
	+ _acme-challenge.www.example.org _acme-challenge.www.example.org value
for name in '$(id).example.org' '-v.example.org' 'a;b.example.org' 'a/../b.example.org' 'a"b.example.org' \
	'a\010b.example.org' "a'b.example.org"; do
	expect "a CNAME leads to $name" "internal:*not a DNS name*" good \
		+_acme-challenge.www.example.net example.org "$name" value
done
expect "no value" "internal:*not a challenge's value*" good \
	+ example.org _acme-challenge.example.org 'a b'
expect "unknown option" "config:*no option 'x'; there are: server, token*" good x=1 $change

[ "$failures" -eq 0 ] && echo "all as expected"
[ "$failures" -eq 0 ]
