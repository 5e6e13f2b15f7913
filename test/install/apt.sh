#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages with apt as an operator would, runs an agent of them, builds programs against them, and
# removes them again. Before that it purges what the build needed, so that a package has to bring what it needs itself:
# for a root that can be thrown away, and package.sh calls it where SHOAL_THROW_AWAY_ROOT=yes says that this is one.
# Usage: apt.sh SOURCE PACKAGES. Prints one line a thing that was tried; exit status 1 where one failed.
set -u
source=$1
packages=$2
work=$(mktemp -d)
agent=
trap '[ -z "$agent" ] || kill "$agent" 2>/dev/null; rm -rf "$work"' EXIT
failed=0
. "$source/test/install/try.sh"
unset LD_LIBRARY_PATH

quiet_apt() {
	env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

purge() {
	quiet_apt purge cmake ninja-build dpkg-dev 'libevent-*' 'libc-ares*' 'libsnappy*' 'libmbed*' 'libhttp-parser*' 'libjansson*' 'libcurl4*' &&
		quiet_apt autoremove --purge && ! find /usr/lib /usr/include -name 'libevent*' | grep .
}

answers() {
	shoal agent --name one --bind 127.0.0.1:0 --socket "$work/one.sock" >"$work/ready" &
	agent=$!
	tries=100
	until grep '^shoal: ready name=one' "$work/ready"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] && kill -0 $agent && sleep 0.1 || return 1
	done
	shoal members --socket "$work/one.sock" --format csv | grep alive && shoal leave --socket "$work/one.sock" && wait $agent
}

build() { # NAME FLAGS...
	name=$1
	shift
	cc -o "$work/$name" "$source/test/install/consumer.c" "$@"
}

linked_statically() {
	build static $(pkg-config --cflags shoal) "$(pkg-config --variable=libdir shoal)/libshoal.a" \
		$(pkg-config --static --libs shoal | sed 's/-lshoal//') && "$work/static"
}

nothing_left() {
	! find /usr /etc -name '*shoal*' | grep . && ! "$work/program"
}

try "what the build needed is purged" purge
[ $failed = 0 ] || exit 1
try "apt installs the library and the command with what they need" \
	quiet_apt install --no-install-recommends "$packages"/libshoal0_*.deb "$packages"/shoal_*.deb
try "the command runs" shoal version
try "an agent of the package is a member, answers, and leaves" answers
try "the manual of the command can be unpacked" gzip -t /usr/share/man/man1/shoal-agent.1.gz
try "apt installs libshoal-dev with what it needs, and a compiler" \
	quiet_apt install --no-install-recommends gcc libc6-dev pkg-config "$packages"/libshoal-dev_*.deb
try "a program builds with the flags of pkg-config" build program $(pkg-config --cflags --libs shoal)
try "and it runs" "$work/program"
try "another one is linked statically, and runs" linked_statically
try "apt removes the three" quiet_apt purge shoal libshoal-dev libshoal0
try "and nothing of them is left" nothing_left
exit $failed
