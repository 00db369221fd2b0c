#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# as_login - program $2 for the login user $1, by a person's own login
#
# Who that person is does not matter, as long as sudo -n lets them be root. Where ~/.ssh is
# root's, so is the program; where it is the user's own it runs as that user, since root
# does not write where somebody else can put links.

set -uf
sudo=
[ "$(id -u)" = 0 ] || sudo="sudo -n"
[ "$(id -un)" != "$1" ] || exec sh -c "$2"
eval "home=~$1"
# shellcheck disable=SC2154
[ -z "$($sudo find "$home/.ssh" -prune -user 0)" ] || exec $sudo env HOME="$home" sh -c "$2"
command -v su >/dev/null ||
	exec $sudo sudo -n -u "$1" env HOME="$home" sh -c "$2"
exec $sudo su -s /bin/sh "$1" -c "$2"
