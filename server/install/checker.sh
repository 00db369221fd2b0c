#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# checker - would the installer get on here?
#
# Sent as the installer is, with a bundle of the same form (job "check", no files). It
# only looks: nothing is written, made or removed, and the one thing it runs is the
# service's own test.

# Could this slot be installed? Leaves nothing: an own directory would have to be made
# first, so the nearest one that is there is looked at. A busybox that is root thinks that
# it may write to everything; what is mounted read-only stands in /proc/mounts.
take_slot() {
	why=
	at=$dir
	while [ ! -e "$at" ] && [ ! -L "$at" ]; do
		at=${at%/*}
		at=${at:-/}
	done
	IFS=" "
	set -- $(df -Pk "$at" 2>/dev/null | tail -n 1)
	IFS=$nl
	case ${4:-x} in
	*[!0-9]*) ;;
	*) [ "$4" -ge 64 ] || why="only $4 KiB are free there" ;;
	esac
	if [ ! -d "$at" ]; then
		why="$at is no directory"
	elif [ ! -w "$at" ] || grep -q "^[^ ]* ${6:-/} [^ ]* ro[, ]" /proc/mounts; then
		why="$at cannot be written to"
	elif [ "$at" = "$dir" ]; then
		check_directory
		for file in live $files; do
			[ ! -e "$dir/$file" ] || [ -L "$dir/$file" ] ||
				why="$dir/$file is there and is not a link of certferry: move it away"
		done
	else
		at=$(cd -P "$at" && pwd -P)/x
		check_parents
	fi 2>/dev/null
	find / -prune -user "$owner" -group "$group" >/dev/null 2>&1 ||
		why="there is no user $owner or no group $group"
	if [ -z "$why" ]; then
		say checked "$slot"
	else
		say slot-failed "$slot" "$(printf "%s" "$why" | printable)"
	fi
}

# Runs a test. No file holds what it prints, and what it leaves behind may hold the pipe:
# so the reader ends at a line that is ours, and all that still writes gets SIGPIPE. A line
# without an end is more than the reader has memory for.
run() {
	mark=certferry-$$-
	how=$({
		env -i "PATH=$PATH" LC_ALL=C HOME=/ "$@" </dev/null &
		guard "$service_timeout" $!
		echo "$nl$mark$?$nl"
	} 2>&1 | (
		ulimit -v 200000 2>/dev/null
		exec sed "/^$mark/q"
	) | tail -c 999)
	status=${how##*"$mark"}
	how=$(printf "%s" "${how%"$nl$mark"*}" | printable)
	case $status in
	0) return 0 ;;
	"") how="printed a line that does not end" ;;
	143 | 137) how="did not end within $service_timeout s: $how" ;;
	*) how="ended with status $status: $how" ;;
	esac
	return 1
}

# The services' own tests as things are.
finish() {
	[ -n "$tests" ] || quit 0
	work=/dev/null
	if serve "$tests" ""; then
		say tested
	else
		say test-failed "$said"
	fi
	quit 0
}

main
