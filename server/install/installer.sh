#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# installer - the server's side of the transport "shell"
#
# certferry sends this text as the command of one SSH session (sh -c TEXT, so it is
# visible in ps and holds no secret) and a bundle on its standard input; both are
# described in docs/protocol-shell.md. It runs under dash, bash and busybox ash, and uses
# nothing beyond POSIX but mv -T (or -h), readlink, and printf as a builtin.
#
# What holds at every instant, kill -9 and power cuts included: DIRECTORY/live points to
# one whole generation directory, whose certificate and key belong together. Files are
# written to .new-ID (mode 0700), get owner, group and mode, are compared with the
# bundle's checksum and synced, and only then is the directory renamed to gen-ID; then one
# rename moves the link. Private keys exist in shell variables and in those files only:
# never in an argument, the environment or a temporary file elsewhere.
#
# DIRECTORY/.lock keeps a second run out. It holds who works here (holder), the name of
# the generation that was live before (old), and what the service's commands printed
# (output). A lock whose holder is dead is taken over.
#
# Whatever goes wrong after the switch ends in switching back: a failed test or reload, a
# signal, silence of the issuer, a lost connection (end of file). Comments, blank lines
# and indentation are taken out before this is sent, since dropbear takes a command of
# 9000 bytes at most: keep it below that.

id=$(date -u +%Y%m%dT%H%M%SZ)-$$
staged=
switched=
kept=
boot=
[ ! -r /proc/sys/kernel/random/boot_id ] || read -r boot </proc/sys/kernel/random/boot_id

# Our names that lead to nothing: of a format that is no longer wanted, or all.
drop_names() {
	set +f
	for at in "$dir"/*; do
		[ -e "$at" ] || [ "$(readlink "$at")" != "live/${at##*/}" ] || rm -f "$at"
	done
	set -f
}

# What this run made in a directory; the names too where nothing is live.
discard() {
	rm -rf "$dir/.new-$id" "$dir/gen-$id"
	drop_names
}

# Runs a command of the system unless the slot has failed already.
try() {
	[ -z "$why" ] || return 1
	why=$("$@" 2>&1) && why= && return 0
	why=${why:-$1 failed}
	return 1
}

flush() {
	sync "$@" 2>/dev/null || sync
}

make_directory() {
	if [ ! -d "$dir" ]; then
		umask 022
		try mkdir -p "$dir"
		umask 077
	fi
	[ -n "$why" ] || check_directory
	[ -z "$why" ]
}

# Is it a lock of a run that is no more? A lock without a holder is a second old at most.
is_stale() {
	holder=
	[ -s "$lock/holder" ] || sleep 1
	read -r holder 2>/dev/null <"$lock/holder" || return 0
	[ "${holder#* }" = "$boot" ] || return 0
	! kill -0 "${holder%% *}" 2>/dev/null
}

take_lock() {
	lock=$dir/.lock
	if [ -d "$lock" ] && is_stale; then
		rm -rf "$lock"
	fi
	if [ -d "$lock" ]; then
		why="another run (process ${holder%% *}) is at work in $dir"
		return 1
	fi
	try mkdir "$lock" || return 1
	locks=$locks$dir$nl
	printf "%s %s\n" "$$" "$boot" 2>/dev/null >"$lock/holder" || why="cannot write to $lock: is the disk full?"
	set +f
	rm -rf "$dir"/.new-* "$dir"/.live.*
	set -f
	[ -z "$why" ]
}

note_old() {
	old=
	if [ -L "$dir/live" ]; then
		old=$(readlink "$dir/live")
	elif [ -e "$dir/live" ]; then
		why="$dir/live is there and is not a link of certferry: move it away"
	fi
	printf "%s\n" "$old" 2>/dev/null >"$lock/old" || why="cannot write to $lock: is the disk full?"
	[ -z "$why" ]
}

# DIRECTORY/fullchain.pem and so on, for configurations; they never change again.
make_names() {
	for file in $files; do
		at=$dir/$file
		if [ -L "$at" ] && [ "$(readlink "$at")" = "live/$file" ]; then
			continue
		elif [ -e "$at" ] || [ -L "$at" ]; then
			why="$at is there and is not a link of certferry: move it away"
			return 1
		fi
		try ln -s "live/$file" "$at" || return 1
	done
}

sum_of() {
	for file in $files; do
		cat "$1/$file"
	done 2>/dev/null | sha256sum | cut -d " " -f 1
}

# The files of list $2 in directory $1.
paths() {
	paths=
	for file in $2; do
		paths=$paths$1/$file$nl
	done
}

# Are the live files of list $1 the owner's and group's, with mode $2?
have_mode() {
	paths "$dir/live" "$1"
	found=$(find $paths -type f -user "$owner" -group "$group" -perm "$2" 2>/dev/null)
	[ "$found$nl" = "$paths" ]
}

modes_right() {
	have_mode "$open_files" "$open_mode" && have_mode "$secret_files" "$mode"
}

is_live() {
	[ "$(ls "$new")" = "$(ls "$dir/live/" 2>/dev/null)" ] || return 1
	for file in $files; do
		cmp -s "$new/$file" "$dir/live/$file" || return 1
	done
	modes_right
}

finish_new() {
	[ "$(sum_of "$new")" = "$sum" ] ||
		{ why="$new is not what was sent: is the disk full?"; return 1; }
	paths "$new" "$open_files"
	try chmod "$open_mode" $paths
	paths "$new" "$secret_files"
	try chmod "$mode" $paths
	paths "$new" "$files"
	try chown "$owner:$group" $paths
	try chmod 755 "$new"
	try flush $paths "$new"
}

# $text is the file; base64 of it where it has bytes that a shell cannot hold.
put() {
	case $file in
	*.der) printf "%s" "$text" | base64 -d ;;
	*) printf "%s" "$text" ;;
	esac 2>/dev/null >"$new/$file" || why="cannot write $new/$file: is the disk full?"
}

# Reads the rest of a slot in any case; writes as long as all is well.
stage() {
	why=
	new=$dir/.new-$id
	make_directory && take_lock && note_old && try mkdir "$new"
	for file in $files; do
		want "$file"
		get_text "$value"
		[ -n "$why" ] || put
	done
	text=
	line=
	[ -n "$why" ] || finish_new
	if [ -z "$why" ] && is_live; then
		make_names && rm -rf "$new"
		[ -n "$why" ] || { kept=1; say unchanged "$slot"; return; }
	fi
	[ -n "$why" ] || make_names && try mv "$new" "$dir/gen-$id"
	if [ -z "$why" ]; then
		staged=$staged$dir$nl
		say staged "$slot"
		return
	fi
	drop_slot
	say slot-failed "$slot" "$(printf "%s" "$why" | printable)"
}

drop_slot() {
	case $locks in
	*"$dir$nl")
		locks=${locks%"$dir$nl"}
		discard
		rm -rf "$lock"
		;;
	esac
}

inspect() {
	lives=none
	if [ -d "$dir/live" ]; then
		lives="$(sum_of "$dir/live") other owner or mode"
		! modes_right || lives="$(sum_of "$dir/live") $mode $owner:$group"
	fi
	say live "$slot" "$lives"
}

# Moves the live link to generation $1 by one rename of link $2. GNU and busybox have -T,
# BSD -h; without either, mv would move the link into the old generation.
point() {
	[ -L "$dir/$2" ] || ln -s "$1" "$dir/$2"
	mv -fT "$dir/$2" "$dir/live" || mv -fh "$dir/$2" "$dir/live"
	rm -f "$dir/$2"
	[ "$(readlink "$dir/live")" = "$1" ]
} 2>/dev/null

switch_all() {
	for dir in $staged; do
		switched=$switched$dir$nl
		# The way back is made before it is needed, for the disk may be full then.
		read -r old <"$dir/.lock/old"
		[ -z "$old" ] || ln -s "$old" "$dir/.live.old" || return 1
		point "gen-$id" .live.new || return 1
		flush "$dir"
	done
}

# All links as they were; $bad is empty if that went well.
switch_back() {
	bad=
	for dir in $switched; do
		read -r old <"$dir/.lock/old"
		if [ -z "$old" ]; then
			rm -f "$dir/live"
			discard
		elif point "$old" .live.old; then
			discard
		else
			bad="$bad $dir/live does not point to $old again!"
		fi
		flush "$dir"
	done
}

tidy() {
	for dir in $switched; do
		read -r old <"$dir/.lock/old"
		set +f
		for at in "$dir"/gen-*; do
			case $at in
			"$dir/gen-$id" | "$dir/$old") ;;
			*) rm -rf "$at" ;;
			esac
		done
		rm -f "$dir/.live.old"
		drop_names
	done
}

# Runs a command of a service. $how is what to report where it fails. Its output goes to a
# file, so that a daemon it starts holds no pipe of ours.
run() {
	rm -f "$work/late"
	env -i "PATH=$PATH" LC_ALL=C HOME=/ "$@" </dev/null >"$work/output" 2>&1 &
	guard "$service_timeout" $! && return 0
	how="ended with status $status:"
	[ ! -e "$work/late" ] || how="did not end within $service_timeout s:"
	how="$how $(printable <"$work/output")"
	return 1
}

# Links back, and all services reloaded with them where one had been reloaded.
undo() {
	switch_back
	if [ -n "$1" ] && [ -n "$switched" ]; then
		serve "$reloads" on || bad="$bad and the reload after it $said"
	fi
}

confirmed() {
	exec 3<&0
	(IFS= read -r line <&3 && [ "$line" = commit ]) >/dev/null 2>&1 &
	reader=$!
	exec 3<&-
	guard "$confirm_timeout" "$reader"
}

finish() {
	[ "$job" != inspect ] || quit 0
	[ -n "$staged$kept" ] || abandon "no slot could be staged"
	work=${locks%%"$nl"*}/.lock
	if ! switch_all; then
		switch_back
		say failed "$dir/live could not be switched.$bad"
		quit 1
	fi
	[ -z "$staged" ] || say switched
	if ! serve "$tests" ""; then
		complaint=$said
		undo ""
		say test-failed "$complaint$bad"
		quit 1
	fi
	[ -z "$tests" ] || say tested
	if ! serve "$reloads" ""; then
		complaint=$said
		undo again
		say reload-failed "$complaint$bad"
		quit 1
	fi
	say reloaded
	if confirmed; then
		tidy
		say committed
		quit 0
	fi
	undo again
	say rolled-back "$bad"
	quit 1
}

take_slot() {
	if [ "$job" = inspect ]; then
		inspect
		return
	fi
	want sum
	sum=$value
	stage
}

main
