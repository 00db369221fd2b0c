#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# programs.sh RUN_BATCH DNS_HOST ODD_DIR: what a program that a provider runs is given, may
# do, and leaves behind.
run=$1 host=$2 odd=$3
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/plugins" "$dir/bin" "$dir/open"
chmod 777 "$dir/open"
cp "$odd/run.so" "$odd/good.so" "$dir/plugins" || exit 1
chmod 644 "$dir"/plugins/*.so
cat >"$dir/bin/prog" <<'END'
#!/bin/sh
case $1 in
fine) echo "all is well" ;;
no) echo "first line"; echo "the server said no" >&2; exit 3 ;;
who) id -un ;;
env) env | sort | tr '\n' ' ' | sed "s,$HOME,SCRATCH,g" ;;
secrets) echo "[$LONG] [$QUOTED] [$SHORT] [$PADDED]"; exit 1 ;;
fds) ls /proc/self/fd | tr '\n' ' ' ;;
scratch) pwd; [ "$(pwd)" = "$HOME" ] && [ "$HOME" = "$TMPDIR" ] && stat -c '%a %U' . &&
	mkdir a && echo x >a/b && echo x >/dev/null && cat a/b && mv a/b c && rm c ;;
litter) pwd; mkdir -p a/b/c d; echo x >a/b/c/x; ln -s / link; chmod 0 a/b d; mkfifo pipe
	i=0; while [ $i -lt 60 ]; do mkdir deep && cd deep && i=$((i + 1)); done ;;
outside) echo x >"$2" && echo written ;;
read) cat "$2" ;;
loud) i=0; while [ $i -lt 3000 ]; do echo "line $i 0123456789"; i=$((i + 1)); done; echo last ;;
nul) printf 'a\0b' ;;
big) dd if=/dev/zero of=big bs=1M count=17 2>&1 ;;
hang) echo begun; echo x >mine; chmod 644 mine; sleep 1000 ;;
daemon) setsid sleep 1234 & setsid sh -c 'sleep 1235' & echo started ;;
stay) (sleep 1236 &) ; echo left ;;
stubborn) trap '' TERM HUP INT; (trap '' TERM HUP; setsid sleep 1237) & sleep 1238 ;;
signal) kill -9 $$ ;;
root) sudo -n id 2>&1 || su -c id 2>&1 ;;
mount) mount -t tmpfs none /mnt 2>&1 || unshare -Ur true 2>&1 ;;
killer) kill -0 "$2" 2>&1 ;;
all) kill -9 -1; echo survived ;;
runner) kill -9 $PPID 2>&1; setsid sleep 1239 & ;;
limits) prlimit --pid $PPID --nofile=7:7 2>&1 ;;
memory) ipcmk -M 4096 2>&1 ;;
hop) exec python3 -c 'import os, sys, time
end = time.time() + 4
while time.time() < end:
    if os.fork():
        os._exit(0)
    os.setsid()
os.execlp("sleep", "sleep", sys.argv[1])' 1240 ;;
esac
END
# Numbers of our own: another run of this test sleeps as well.
id=$$
sed -i "s/sleep \\([0-9]\\)/sleep $id\\1/g; s/ 1240 ;;/ ${id}1240 ;;/" "$dir/bin/prog"
chmod 755 "$dir/bin/prog"
failures=0

# expect WHAT PATTERN ARGUMENTS...: the pattern is in what comes out.
expect() {
	what=$1 pattern=$2
	shift 2
	out=$("$run" "$host" "$dir/plugins" run "$@" 2>&1)
	case $out in
	$pattern) ;;
	*) echo "FAILED $what: wanted $pattern, got: $out"; failures=$((failures + 1)) ;;
	esac
}
# does WHAT PATTERN ACTION [ARGUMENT]: the same of the program above. The time is short only
# where it must pass: the machine may be busy.
seconds=60
does() {
	expect "$1" "$2" $seconds program="$dir/bin/prog" ${4:+server="$4"} \
		+ example.org _acme-challenge.example.org "$3"
}
check() {
	[ "$2" = "$3" ] || { echo "FAILED $1: $2"; failures=$((failures + 1)); }
}
challenge="+ example.org _acme-challenge.example.org"
prog=program=$dir/bin/prog

does "it runs" "*said 12 bytes: all is well*ok" fine
does "it fails" "*temporary: provider run: status 3: first line*the server said no*" no
does "a signal" "*temporary: provider run: status 137:*" signal
does "the environment" "*: GIVEN=yes HOME=SCRATCH LANG=mine PATH=/usr/local/sbin:*TMPDIR=SCRATCH*ok" env
does "descriptors" "*: 0 1 2 3 *ok" fds
does "a scratch directory" "*/tmp/certferry-program-*700 *x*ok" scratch
does "the end of much output" "*said 16384 bytes: *ok" loud
does "a NUL byte" "*said 3 bytes: a?b*ok" nul
does "a big file" "*temporary: *status *File size limit*" big
does "no way to root" "*temporary: *status *" root
does "no mounts" "*temporary: *status *" mount

printf '# of the tests\n\nexport LONG=plain-secret\nQUOTED="two words" \r\nSHORT=53\nPADDED=YWJjZA==\n' \
	>"$dir/settings"
chmod 600 "$dir/settings"
expect "settings, which nobody sees" "*status 1: \[\*\*\*\] \[\*\*\*\] \[53\] \[\*\*\*\]*" \
	"$prog" token=@"$dir/settings" $challenge secrets
i=0
while [ $i -lt 300 ]; do echo "N$i=$i"; i=$((i + 1)); done >"$dir/settings"
expect "too many settings" "config: *more than 256 lines of environment" \
	"$prog" token=@"$dir/settings" $challenge secrets
printf 'A=1\nexport B\n' >"$dir/settings"
expect "settings that are none" "config: *line 2 of its environment is not NAME=value" \
	"$prog" token=@"$dir/settings" $challenge secrets

# What is left is away: files whatever their rights, processes whatever their session.
does "litter" "*/tmp/certferry-program-*ok" litter
left=$(echo "$out" | sed -n 's,.*\(/tmp/certferry-program-[A-Za-z0-9]*\).*,\1,p')
check "a scratch directory was named" "${left%-*}" /tmp/certferry-program
check "a scratch directory is left" "$(ls -d "$left" 2>/dev/null)" ""
does "daemons" "*started*ok" daemon
does "one that stays" "*left*ok" stay
seconds=5
does "a hang" "*temporary: provider run: *prog did not end in time and was killed" hang
does "one that ignores signals" "*temporary: *did not end in time*" stubborn
seconds=60
does "its runner cannot be killed" "*" runner
does "nor limited" "*temporary: *status *" limits
does "no memory that outlives it" "*temporary: *status *" memory
does "one that forks and leaves its session, without an end" "*" hop
sleep 4.5
for number in 1000 1234 1235 1236 1237 1238 1239 1240; do
	check "a process is left" "$(pgrep -fx "sleep $id$number")" ""
done

# Landlock keeps root's and other programs' things apart where users alone do not.
landlock=
python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, 0, 0, 1) < 1)' &&
	landlock=yes

# dns-host is killed: its runner ends all the same, with everything.
"$run" "$host" "$dir/plugins" run 100 "$prog" $challenge hang >/dev/null 2>&1 &
batch=$!
sleeper=
for i in $(seq 300); do
	sleeper=$(pgrep -fx "sleep ${id}1000") && break
	sleep 0.2
done
left=$(readlink "/proc/${sleeper:-none}/cwd")
check "the program began in its directory" "${left%-*}" /tmp/certferry-program
[ -z "$landlock" ] || does "no environment of another entry's program" \
	"*status 1: *Permission denied*" read "/proc/$sleeper/environ"
[ -z "$landlock" ] || does "nor a file of its" "*status 1: *Permission denied*" read "$left/mine"
does "all that it may signal" "*" all
for process in $(pgrep -P "$batch"); do
	does "no memory of another dns-host" "*status 1: *Permission denied*" read "/proc/$process/maps"
done
[ -n "$process" ] || { echo "FAILED: no dns-host was looked into"; failures=$((failures + 1)); }
check "the other program is alive" "$(pgrep -fx "sleep ${id}1000")" "$sleeper"
kill -9 $batch
wait $batch 2>/dev/null
for i in $(seq 300); do
	[ -d "$left" ] || break
	sleep 0.2
done
check "a process outlived its batch" "$(pgrep -fx "sleep ${id}1000")" ""
check "a scratch directory outlived it" "$(ls -d "$left" 2>/dev/null)" ""

# A plugin that speaks to the runner itself, and not as it should.
expect "garbage for the runner" "ok" 60 "$prog" $challenge garbage

# Which programs.
expect "no option program" "config:*only for an entry that has the option 'program'" $challenge x
expect "a relative path" "config:*'bin/prog': not an absolute path" program=bin/prog $challenge x
expect "absent" "config:*program $dir/none*No such file*" program="$dir/none" $challenge x
expect "a directory" "config:*not a regular file*" program="$dir/bin" $challenge x
cp "$dir/bin/prog" "$dir/bin/plain"
chmod 644 "$dir/bin/plain"
expect "not executable" "config:*cannot be executed*" program="$dir/bin/plain" $challenge x
chmod 755 "$dir/bin/plain"
chmod g+w "$dir/bin/plain"
expect "group-writable" "config:*others than its owner can change $dir/bin/plain*" \
	program="$dir/bin/plain" $challenge x
expect "the same, by a shell" "config:*others than its owner can change $dir/bin/plain*" \
	program="$dir/bin/plain" $challenge shell
expect "by a shell" "*all is well*ok" "$prog" $challenge shell
cp "$dir/bin/prog" "$dir/open/prog"
expect "in an open directory" "config:*others than its owner can change $dir/open;*" \
	program="$dir/open/prog" $challenge x
ln -s prog "$dir/bin/link"
expect "a link" "*all is well*ok" program="$dir/bin/link" $challenge fine
ln -s "$dir/open/prog" "$dir/bin/away"
expect "a link to an open directory" "config:*can change $dir/open;*" program="$dir/bin/away" \
	$challenge fine
ln -s loop "$dir/bin/loop"
expect "a link to itself" "config:*too many links*" program="$dir/bin/loop" $challenge fine
expect "a path with .." "*all is well*ok" program="$dir/bin/../bin//prog" $challenge fine
printf 'no interpreter' >"$dir/bin/text"
chmod 755 "$dir/bin/text"
expect "not a program" "*temporary: *status 126: *Exec format error*" program="$dir/bin/text" $challenge x
expect "no such user" "config:*no user 'nosuchuser' here*" "$prog" user=nosuchuser $challenge fine
expect "as root" "config:*do not run as root*" "$prog" user=root $challenge fine

if [ "$(id -u)" = 0 ]; then
	does "nobody by default" "*nobody*ok" who
	expect "as another" "*: daemon*ok" "$prog" user=daemon $challenge who
	does "no secret files" "*temporary: *status 1: *Permission denied*" read /etc/shadow
	does "no processes of others" "*temporary: *status 1: *" killer $$
	chown 12345 "$dir/bin/prog"
	expect "a foreign owner" "config:*bin/prog belongs to user 12345; chown it*" "$prog" $challenge fine
	chown 0 "$dir/bin/prog"
fi
# /tmp is open to everybody's files otherwise.
if [ -n "$landlock" ]; then
	does "no writing elsewhere" "*temporary: *status *Permission denied*" outside "$dir/open/new"
	does "nor in /tmp" "*temporary: *status *Permission denied*" outside "/tmp/certferry-outside-$id"
	check "a file was written" "$(ls "$dir/open/new" "/tmp/certferry-outside-$id" 2>/dev/null)" ""
fi

# All of it once more where the runner may have no process numbers of its own.
if [ "$(id -u)" = 0 ] && [ -z "${AGAIN:-}" ]; then
	AGAIN=yes setpriv --bounding-set -sys_admin --inh-caps -sys_admin sh "$0" "$@" || failures=1
fi
[ "$failures" -eq 0 ] && echo "all as expected"
[ "$failures" -eq 0 ]
