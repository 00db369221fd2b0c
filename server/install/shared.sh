#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# shared - what installer.sh and checker.sh have in common
#
# Sent before either of them, as one text: see there. It reads the bundle and calls
# take_slot for each slot and finish at the end, which the other part has.

set -uf
set +ax
unset line value text why dir new lock old slot switched tests reloads said
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
nl="
"
IFS=$nl
locks=

# A trapped signal ends "wait" with a status over 128, and that counts as a failure of
# whatever was waited for. The commands that are started get the default again.
trap : HUP INT TERM PIPE

say() {
	IFS=" "
	printf "certferry-1 %.399s\n" "$*" 2>/dev/null
	IFS=$nl
}

printable() {
	tr -c " -~" " " | tail -c 300
}

quit() {
	for dir in $locks; do
		rm -rf "$dir/.lock"
	done
	exit "$1"
}

# Before anything was switched: leaves nothing behind.
abandon() {
	for dir in $locks; do
		discard
	done
	say failed "$1"
	quit 1
}

get() {
	IFS= read -r line || abandon "the bundle ended too early"
}

want() {
	get
	case $line in
	"$1 "*) value=${line#* } ;;
	*) abandon "the bundle has no $1 where it should" ;;
	esac
}

# The next $1 lines as a text.
get_text() {
	text=
	count=$1
	while [ "$count" -gt 0 ]; do
		get
		text=$text$line$nl
		count=$((count - 1))
	done
}

# Who could rename a directory above could put another one in its place, as root as we are.
# In a sticky one (/tmp) only owners rename. $at: the directory, without links.
check_parents() {
	set -- /
	while at=${at%/*} && [ -n "$at" ]; do
		set -- "$@" "$at"
	done
	loose=$(find "$@" -prune \( ! -user 0 ! -user "$(id -u)" -o \
		! -perm -1000 \( -perm -020 -o -perm -002 \) \) 2>/dev/null)
	[ -z "$loose" ] || why="others may rename what is in ${loose%%"$nl"*}, above $dir"
}

check_directory() {
	[ -O "$dir" ] || why="$dir belongs to another user than $(id -un)"
	at=$(cd -P "$dir" 2>/dev/null && pwd -P) || at=$dir
	check_parents
	access=$(ls -ldL "$dir" 2>/dev/null)
	case $access in
	?????w* | ????????w*) why="others may write to $dir: chmod go-w $dir" ;;
	esac
}

# Ends process $2 after $1 seconds. It is itself ended by KILL, since a TERM that comes
# before its traps are set is lost; what it leaves behind then sleeps a second at most.
watch() {
	left=$1
	while [ "$left" -gt 0 ]; do
		sleep 1
		left=$((left - 1))
	done
	echo >"$work/late"
	kill -TERM "$2"
	sleep 2
	kill -KILL "$2"
}

# Waits for process $2, $1 seconds at most; its status.
guard() {
	watch "$1" "$2" </dev/null >/dev/null 2>&1 &
	dog=$!
	wait "$2" 2>/dev/null
	status=$?
	[ "$status" -le 128 ] || kill -KILL "$2" 2>/dev/null
	kill -KILL "$dog" 2>/dev/null
	wait "$dog" 2>/dev/null
	return "$status"
}

# Runs the commands of a list one after the other until one fails; all of them where $2 is
# given. Each argument has a "=" in front, and "-" ends a command. $said: what went wrong.
serve() {
	said=
	list=$1
	on=$2
	set --
	for item in $list; do
		if [ "$item" != - ]; then
			set -- "$@" "${item#=}"
			continue
		fi
		if ! run "$@"; then
			said="$said$(printf "%.60s" "$*" | printable) $how"
			[ -n "$on" ] || return 1
		fi
		set --
	done
	[ -z "$said" ]
}

main() {
	case $(type printf) in
	*builtin*) ;;
	*) abandon "sh of this server has no printf of its own" ;;
	esac
	for tool in cmp find readlink sha256sum; do
		command -v $tool >/dev/null || abandon "this server has no $tool"
	done
	want certferry-bundle
	[ "$value" = 2 ] || abandon "the bundle has version $value, this program knows 2"
	want job
	job=$value
	want service-timeout
	service_timeout=$value
	want confirm-timeout
	confirm_timeout=$value
	want test
	get_text "$value"
	tests=$text
	want reload
	get_text "$value"
	reloads=$text
	while get && [ "$line" != end ]; do
		slot=${line#slot }
		want directory
		dir=$value
		want owner
		owner=$value
		want group
		group=$value
		want mode
		mode=$value
		want open-mode
		open_mode=$value
		want open
		get_text "$value"
		open_files=$text
		want secret
		get_text "$value"
		secret_files=$text
		files=$open_files$secret_files
		take_slot
	done
	finish
}
