#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# authorizer - a second deploy key beside the first one, or the first one taken away
#
# Sent by `certferry host rotate-key` as the command of a session of the login user, with
# five lines on its standard input; it answers with one line. What it does to
# ~/.ssh/authorized_keys: for each line of the old key one with the same options and the
# new key is put before it (job add), or the lines of the old key are left out (job
# remove). All other lines stay as they are, byte by byte.
#
# The file is written beside the old one, compared with it, synced, and renamed: kill -9
# and power cuts leave the old file or the new one. What is not the login user's own plain
# file, or has no line of the old key, is not touched: then sshd reads another one. Like
# the installer it runs under dash, bash and busybox ash. Keep it below the 9000 bytes
# that dropbear takes, comments and indentation not counted.

set -uf
set +ax
unset line old new job
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
tab=$(printf "\t")
cr=$(printf "\r")
dir=${HOME:-/nonexistent}/.ssh
file=$dir/authorized_keys
temp=$dir/.authorized_keys.certferry
made=

quit() {
	[ -z "$made" ] || rm -f "$temp"
	printf "certferry-authorizer-1 %s\n" "$(printf "%s" "$*" | tr -c " -~" " ")"
	exit 0
}

trap "quit failed it was ended by a signal" HUP INT TERM PIPE

want() {
	IFS= read -r line || quit failed "its input ended too early"
	case $line in
	"$1 "*) value=${line#* } ;;
	*) quit failed "its input has no $1 where it should" ;;
	esac
}

# Options and nothing else? As sshd reads them: a blank outside of quotes ends them.
is_options() {
	rest=$1
	quoted=.
	while [ -n "$rest" ]; do
		case $quoted$rest in
		?\\\"*) rest=${rest#??} ;;
		.\"*)
			quoted=!
			rest=${rest#?}
			;;
		!\"*)
			quoted=.
			rest=${rest#?}
			;;
		." "* | ."$tab"*) return 1 ;;
		*) rest=${rest#?} ;;
		esac
	done
	[ "$quoted" = . ]
}

# Takes the blanks off the end of $before; false where there is none.
trim() {
	trimmed=1
	while :; do
		case $before in
		*" " | *"$tab") before=${before%?} ;;
		*) return "$trimmed" ;;
		esac
		trimmed=0
	done
}

# Is $2 the key of line $1, and not a part of its options or its comment? The options are
# then in $before.
is_line_of() {
	case $1 in
	*"$2"*) ;;
	*) return 1 ;;
	esac
	before=${1%%"$2"*}
	behind=${1#"$before$2"}
	case $behind in
	"" | " "* | "$tab"* | "$cr"*) ;;
	*) return 1 ;;
	esac
	trim || return 1
	case $before in
	*ssh-ed25519) before=${before%ssh-ed25519} ;;
	*) return 1 ;;
	esac
	while :; do
		case $before in
		" "* | "$tab"*) before=${before#?} ;;
		*) break ;;
		esac
	done
	case $before in
	"") return 0 ;;
	"#"*) return 1 ;;
	esac
	trim && is_options "$before"
}

look() {
	has_old=
	has_new=
	while IFS= read -r line || [ -n "$line" ]; do
		is_line_of "$line" "$new" && has_new=1
		is_line_of "$line" "$old" && has_old=1
	done <"$file"
}

write() {
	while IFS= read -r line || [ -n "$line" ]; do
		if is_line_of "$line" "$old"; then
			[ "$job" = add ] || continue
			printf "%s\n" "${before:+$before }ssh-ed25519 $new certferry"
		fi
		printf "%s\n" "$line"
	done <"$file" >"$temp"
}

# The lines that are not ours, each with an end.
others() {
	grep -vF "$1" "$2" | sha256sum
}

check_file() {
	[ -e "$file" ] || quit elsewhere "there is no $file"
	[ ! -L "$file" ] || quit elsewhere "$file is a link, no plain file"
	[ -f "$file" ] || quit elsewhere "$file is no plain file"
	for at in "$file" "$dir"; do
		[ -O "$at" ] || quit elsewhere "$at belongs to another user than $(id -un)"
		[ -r "$at" ] || quit elsewhere "$at cannot be read"
		[ -w "$at" ] || quit elsewhere "$at cannot be written to"
	done
	# shellcheck disable=SC2094
	tr -d "\000" <"$file" | cmp -s - "$file" ||
		quit elsewhere "$file holds bytes that are no text"
}

# cp -p first: it gives owner and mode.
replace() {
	sum=$(sha256sum <"$file")
	rm -rf "$temp"
	made=1
	cp -p "$file" "$temp" 2>/dev/null || quit failed "$temp cannot be made"
	write 2>/dev/null || quit failed "$temp cannot be written"
	ours=$old
	[ "$job" = remove ] || ours=$new
	[ "$(others "$ours" "$file")" = "$(others "$ours" "$temp")" ] ||
		quit failed "$temp did not become what it should; is the disk full?"
	sync "$temp" 2>/dev/null || sync
	[ "$sum" = "$(sha256sum <"$file")" ] ||
		quit failed "$file was changed by somebody else meanwhile"
	mv -f "$temp" "$file" 2>/dev/null || quit failed "$file cannot be replaced"
	made=
	sync "$dir" 2>/dev/null || sync
}

for tool in sha256sum cmp cp grep id mv rm sync tr; do
	command -v "$tool" >/dev/null || quit failed "this server has no $tool"
done
want certferry-authorizer
[ "$value" = 1 ] || quit failed "the input has version $value, this program knows 1"
want job
job=$value
want old
old=$value
want new
new=$value
IFS= read -r line || quit failed "its input ended too early"
[ "$line" = end ] || quit failed "its input has no end where it should"
check_file
look
case "$job $has_old,$has_new" in
"add 1," | "remove 1,"*)
	replace
	[ "$job" = add ] && quit added
	quit removed
	;;
"add "*,1) quit present ;;
"add ,") quit elsewhere "the line of the old key is not in $file" ;;
"remove ,"*) quit absent ;;
*) quit failed "there is no job $job" ;;
esac
