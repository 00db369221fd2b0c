#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is not set here stands in front of it in the script that is made.
# shellcheck disable=SC2154

# ---------------------------------------------------------------------------------------
# Puts certferry-agent on this server, as root:
#
#     sh SCRIPT [AGENT]           AGENT: the program's file, to be copied to /usr/sbin;
#                                 without it, it must be there (from its package)
#     CERTFERRY_HOST=NAME sh ...  which host this is, where the script is for several and
#                                 the host's own name is another
#
# Again is fine: what is as it should be stays. What it finds odd it leaves alone, says
# so, and ends with status 1. The key is let in last, when all else is right.
set -euf
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 022
policy=/etc/certferry/agent.yaml
sudoers=/etc/sudoers.d/certferry-agent
state=/var/lib/certferry-agent
mark="# Made by certferry agent script"
new=
trap '[ -z "$new" ] || rm -f "$new"' EXIT

say() {
	printf "%s\n" "$*"
}

quit() {
	printf "certferry: %s\n" "$*" >&2
	exit 1
}

# A file of root's own, in directories that nobody else can rename.
check_file() {
	[ ! -L "$1" ] || quit "$1 is a link: see where it leads, and remove it"
	[ ! -e "$1" ] || [ -f "$1" ] || quit "$1 is no plain file"
	at=$1
	while at=${at%/*}; do
		if [ -e "${at:-/}" ]; then
			found=$(find "${at:-/}" -prune \( ! -user 0 -o -perm -020 -o -perm -002 \))
			[ -z "$found" ] || quit "$found can be changed by others than root"
		fi
		[ -n "$at" ] || break
	done
}

# $new takes the place of file $1, mode $2, unless it is the same.
put() {
	chown 0:0 "$new"
	chmod "$2" "$new"
	if cmp -s "$new" "$1"; then
		chown 0:0 "$1"
		chmod "$2" "$1"
		rm -f "$new"
		say "as it was: $1"
	else
		mv -f "$new" "$1"
		say "written: $1"
	fi
	new=
}

# The line of an account: $1 is passwd or group, $2 the name.
entry() {
	if command -v getent >/dev/null; then
		getent "$1" "$2" || :
	else
		grep "^$2:" "/etc/$1" || :
	fi
}

field() {
	entry passwd "$user" | cut -d : -f "$1"
}

# What a program says of the machine it is for.
kind() {
	od -An -tx1 -N6 "$1"
	od -An -tx1 -j18 -N2 "$1"
}

# Before anything is changed: does program $1, which came as $2, run on this server? (What
# is for another machine is not even tried: a shell would take it for a script.)
try_agent() {
	[ "$(kind "$1")" = "$(kind /bin/sh)" ] ||
		quit "$2 is for another kind of machine than this server's programs ($(uname -m)):" \
			"build certferry-agent on one of this kind, or install its package here;" \
			"nothing was changed"
	said=$("$1" --version 2>&1) && return
	case $said in
	*"shared libraries"*)
		needs="install it (Debian: libyaml-0-2 and libssl3 or libssl3t64; elsewhere the packages \
of libyaml and OpenSSL 3)" ;;
	*)
		needs="it was built for another or newer system: build certferry-agent on one like this, \
or install its package here" ;;
	esac
	quit "$2 does not run on this server ($said): $needs, and run this again; nothing was changed"
}

put_agent() {
	if [ -n "$1" ]; then
		[ -f "$1" ] || quit "there is no file $1"
		check_file "$agent"
		new=$agent.new
		rm -f "$new"
		cp "$1" "$new"
		chmod 0755 "$new"
		try_agent "$new" "$1"
		put "$agent" 0755
	else
		[ -x "$agent" ] ||
			quit "there is no $agent: install its package, or name its file behind the script"
		try_agent "$agent" "$agent"
	fi
}

make_user() {
	if [ -n "$(entry passwd "$user")" ]; then
		say "as it was: user $user"
	elif command -v useradd >/dev/null; then
		useradd --system --user-group --no-create-home --home-dir /var/lib/certferry-login \
			--shell /bin/sh --password "*" "$user"
		say "made: user $user"
	elif command -v adduser >/dev/null; then
		addgroup -S "$user"
		adduser -S -D -H -h /var/lib/certferry-login -s /bin/sh -G "$user" "$user"
		echo "$user:*" | chpasswd -e
		say "made: user $user"
	else
		quit "there is no user $user, and nothing to make it with (useradd, adduser)"
	fi
	[ "$(field 3)" != 0 ] || quit "$user is root under another name"
	case $(field 7) in
	*/nologin | */false) quit "$user has $(field 7) for a shell: sshd starts the agent with it" ;;
	esac
}

join_group() {
	[ -n "$(entry group "$2")" ] || quit "there is no group $2 (of $1)"
	case " $(id -Gn "$user") " in
	*" $2 "*) return ;;
	esac
	if command -v usermod >/dev/null; then
		usermod -a -G "$2" "$user"
	else
		addgroup "$user" "$2"
	fi
	say "user $user is in group $2"
}

# As the agent would make it, but for a user who could not.
make_slot() {
	give "$1" 0755
}

# What is there before the first delivery keeps the agent's sandbox from all that is above.
make_root_slot() {
	check_file "$1/x"
	if [ ! -d "$1" ]; then
		mkdir -p "$1"
		say "made: directory $1"
	fi
}

check_owner() {
	[ ! -L "$1" ] || quit "$1 is a link"
	[ -d "$1" ] || mkdir -p "$1"
	owner=$(find "$1" -prune \( -user 0 -o -user "$user" \))
	[ -n "$owner" ] || quit "$1 belongs to neither root nor $user"
}

# Root's own, from a delivery by a root's login, changes hands with all that is in it.
give() {
	check_file "${1%/*}/x"
	check_owner "$1"
	[ -z "$(find "$1" -prune -user 0)" ] || chown -Rh "$user:" "$1"
	chmod "$2" "$1"
	say "directory of $user: $1"
}

# One that nobody has thought of, where there is none yet. It never leaves this server.
make_password() {
	check_file "$1"
	if [ -e "$1" ]; then
		say "as it was: $1"
		return
	fi
	mkdir -p "${1%/*}"
	new=$1.new
	rm -f "$new"
	(umask 077 && od -An -tx1 -N16 /dev/urandom | tr -d " " >"$new")
	chown "$user:" "$new"
	mv -f "$new" "$1"
	new=
	say "made, with a random password: $1"
}

may_run() {
	path=$(command -v "$1") || quit "there is no $1 on this server, which a reload needs"
	case $path in
	/*) ;;
	*) quit "$1 is no program of its own here: $path" ;;
	esac
	say "$user ALL=(root) NOPASSWD: $path ${2:-\"\"}"
}

need_sudo() {
	command -v sudo >/dev/null ||
		quit "there is no sudo on this server: install it, or let the host's user be root"
	command -v visudo >/dev/null || quit "there is no visudo on this server"
	grep -Eq '^[#@]includedir[[:blank:]]+"?/etc/sudoers\.d' /etc/sudoers ||
		quit "/etc/sudoers does not include /etc/sudoers.d"
}

put_sudoers() {
	check_file "$sudoers"
	new=$sudoers.new
	rm -f "$new"
	{
		say "$mark: what certferry-agent may do as root."
		say "Defaults:$user !requiretty"
		"sudoers_$number"
	} >"$new"
	chmod 0440 "$new"
	visudo -q -c -f "$new" >&2 || quit "visudo does not take the lines for sudo"
	put "$sudoers" 0440
}

# As the one who will run it.
agent_check() {
	if [ "$user" = root ]; then
		"$agent" --policy "$1" check
	else
		sudo -n -u "$user" -- "$agent" --policy "$1" check
	fi
}

put_policy() {
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		check_file "$policy"
		IFS= read -r first <"$policy" || :
		case $first in
		"$mark"*) ;;
		*) quit "$policy was made by somebody else: move it away, or add the slots by hand" ;;
		esac
	fi
	check_file "$policy"
	mkdir -p "${policy%/*}"
	new=$policy.new
	rm -f "$new"
	"policy_$number" >"$new"
	said=$(agent_check "$new" 2>&1) || {
		say "$said" >&2
		quit "certferry-agent does not take the policy"
	}
	put "$policy" 0644
}

# Every line of the key becomes the one line, or none; those that say something else of it
# are not ours to change.
edit_keys() {
	done=
	[ -n "$wanted" ] || done=1
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"#"*) ;;
		*"$blob"*)
			[ -n "$done" ] || say "$wanted"
			done=1
			continue
			;;
		esac
		say "$line"
	done
	[ -n "$done" ] || say "$wanted"
}

check_options() {
	case $1 in
	*command=*certferry-agent*) ;;
	*command=*) quit "$file has another command for our key: $1" ;;
	esac
	case "$1 $options" in
	*from=*" "*from=*) ;;
	*from=*" $options") quit "$file lets our key in from some addresses only: use --from, too" ;;
	esac
}

check_key() {
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"#"*) ;;
		"$wanted") ;;
		*"$blob"*) check_options "${line%%"$blob"*}" ;;
		esac
	done <"$file"
}

# Key $1 and the line that it is to have; without one, it is let in no more.
put_key() {
	home=$(field 6)
	dir=$home/.ssh
	file=$dir/authorized_keys
	blob=${1#* }
	blob=${blob%% *}
	wanted=$2
	case $home in
	/?*) ;;
	*) quit "$user has no home directory" ;;
	esac
	for at in "$home" "$dir" "$file"; do
		[ ! -L "$at" ] || quit "$at is a link"
	done
	[ -d "$home" ] || mkdir -p "$home"
	owner=$(find "$home" -prune -user "$user")
	if [ ! -d "$dir" ]; then
		mkdir "$dir"
		[ -z "$owner" ] || chown "$user:" "$dir"
		[ -z "$owner" ] || chmod 0700 "$dir"
	fi
	new=$dir/.authorized_keys.certferry
	rm -f "$new"
	if [ -e "$file" ]; then
		[ -f "$file" ] || quit "$file is no plain file"
		check_key
		cp -p "$file" "$new"
		edit_keys <"$file" >"$new"
		if cmp -s "$file" "$new"; then
			rm -f "$new"
			say "as it was: $file"
			return
		fi
	elif [ -z "$wanted" ]; then
		return
	else
		say "$wanted" >"$new"
		chmod 0644 "$new"
		[ -z "$owner" ] || { chmod 0600 "$new" && chown "$user:" "$new"; }
	fi
	mv -f "$new" "$file"
	new=
	say "written: $file"
}

[ $# -le 1 ] || quit "one argument at most: the file of certferry-agent"
[ "$(id -u)" = 0 ] || quit "this must be run as root"
for tool in chmod chown cmp cp cut find grep id mkdir mv od rm tr uname; do
	command -v "$tool" >/dev/null || quit "this server has no $tool"
done
host=${CERTFERRY_HOST:-$only}
host=${host:-$(hostname)}
choose "$host" || choose "${host%%.*}" ||
	quit "$host is none of the hosts of this script: CERTFERRY_HOST=NAME says which one it is"
put_agent "${1:-}"
if [ "$user" != root ]; then
	need_sudo
	make_user
	"slots_$number" join_group
	"slots_$number" make_slot
	give "$state" 0700
	put_sudoers
else
	"slots_$number" make_root_slot
fi
"passwords_$number"
put_policy
put_key "$key" "$options $key"
[ -z "$beside" ] || put_key "$beside" "$options $beside"
[ -z "$gone" ] || put_key "$gone" ""
say "certferry-agent is set up for $host."
