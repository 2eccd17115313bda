# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=sh
#
# Sourced by tools/deps and tests/live/deps: packages of Debian and Ubuntu.
#
#   apt_want PACKAGES PROGRAM WHY   notes what is missing
#   apt_install                     installs what was noted; all that needs root
#
# PACKAGES are words; in `a|b` the first that this release has will do. A
# PROGRAM that is there makes them unneeded, wherever it came from; `-`: none.
#
# Debian starts a daemon as soon as its package is installed, which nobody asked
# for here, so a policy forbids that meanwhile. One that was killed leaves its
# policy behind: the next one knows it by its mark and takes it away.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
apt_policy=/usr/sbin/policy-rc.d
apt_mark='# while redeye installs packages'
apt_installed=
apt_todo=

# All at once: asking for each package takes longer than everything else together.
apt_look() {
	# shellcheck disable=SC2016  # dpkg's variables
	apt_installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' 2> /dev/null)"
}

apt_has() {
	case $apt_installed in *" $1:installed "*) return 0 ;; esac
	return 1
}

# apt_missing WORD: neither of a|b is installed.
apt_missing() {
	for apt_p in $(echo "$1" | tr '|' ' '); do
		apt_has "$apt_p" && return 1
	done
	return 0
}

apt_want() {
	[ "$2" = - ] || ! command -v "$2" > /dev/null || return 0
	apt_lacks=
	for apt_word in $1; do
		case $apt_word in
		*'|'*) apt_missing "$apt_word" || continue ;;
		*) apt_has "$apt_word" && continue ;;
		esac
		apt_lacks="$apt_lacks $apt_word"
	done
	[ -n "$apt_lacks" ] || return 0
	apt_todo="$apt_todo$apt_lacks"
	echo "missing$apt_lacks: $3"
}

apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" \
		> "$apt_log" 2>&1 < /dev/null
}

# The first of a|b that apt could install now.
apt_choose() {
	for apt_p in $(echo "$1" | tr '|' ' '); do
		apt-cache policy "$apt_p" | grep -q 'Candidate: [^(]' && break
	done
	echo "$apt_p"
}

apt_forbid_daemons() {
	if [ ! -e "$apt_policy" ]; then
		printf '#!/bin/sh\n%s\nexit 101\n' "$apt_mark" > "$apt_policy"
		chmod 755 "$apt_policy"
	fi
}

apt_cleanup() {
	rm -f "$apt_log"
	! grep -qsF "$apt_mark" "$apt_policy" || rm -f "$apt_policy"
}

apt_complain() {
	echo "cannot install $1: $(grep '^E:' "$apt_log" | head -n 1)"
}

# Why apt reached no mirror, by its last words; "": that was not it.
apt_away() {
	sed -n 's/^[EW]: .*\(Temporary failure resolving\|Could not resolve\|Could not connect\|Unable to connect\|Connection failed\|Network is unreachable\)/\1/p' \
		"$apt_log" | head -n 1
}

# None of the words is known: there have never been lists.
apt_knows_none() {
	[ "$(grep -c '^E: Unable to locate package' "$apt_log")" -eq "$#" ]
}

# In a subshell of its own, whose end takes the policy away.
apt_install_list() (
	apt_log=$(mktemp)
	trap apt_cleanup EXIT
	trap 'exit 1' INT TERM HUP
	apt_forbid_daemons
	apt_get -o APT::Update::Error-Mode=any update ||
		echo "apt-get update failed: $(grep '^[EW]:' "$apt_log" | head -n 1)"
	why=$(apt_away)
	list=
	for word in "$@"; do
		list="$list $(apt_choose "$word")"
	done
	echo "installing$list"
	# shellcheck disable=SC2086  # a list
	apt_get install --no-install-recommends $list && exit 0
	# shellcheck disable=SC2086  # a list
	apt_knows_none $list || why=$(apt_away)
	if [ -n "$why" ]; then
		echo "cannot install packages: no mirror answers: $why" >&2
		exit 1
	fi
	# One that this release lacks must not cost the others.
	err=0
	for p in $list; do
		apt_get install --no-install-recommends "$p" || { apt_complain "$p"; err=1; }
	done
	exit "$err"
)

# 0: nothing is missing any more; 1: something is; 2: not root.
apt_install() {
	[ -n "$apt_todo" ] || return 0
	if ! command -v apt-get > /dev/null; then
		echo "this is neither Debian nor Ubuntu: install what these packages hold yourself:$apt_todo" >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "installing packages needs root; run this with sudo, or: apt-get install$(
			for word in $apt_todo; do printf ' %s' "$(apt_choose "$word")"; done)" >&2
		return 2
	fi
	# shellcheck disable=SC2086  # a list
	apt_install_list $apt_todo
}

apt_look
