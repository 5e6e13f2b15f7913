#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build to a folder of its own, moves that folder, and builds and runs programs outside the tree against it:
# with find_package and with pkg-config, with both libraries, shared and static.
# Usage: run.sh BUILD. Prints one line a thing that was tried; exit status 1 where one failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
. "$here/try.sh"

needs() {
	readelf -d "$1" | grep -q "NEEDED.*$2"
}

needs_not() {
	! needs "$@"
}

needs_libc_only() {
	readelf -d "$1" | grep NEEDED | grep -v '\[libc\.so\.' && return 1
	needs "$1" libc
}

compile() {
	${CC:-cc} -o "$@"
}

try "the build installs to a prefix" cmake --install "$build" --prefix "$work/first"
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(dirname "$(find "$work/prefix" -name shoal.pc)")")
export LD_LIBRARY_PATH="$libdir"
export PKG_CONFIG_PATH="$libdir/pkgconfig"

mkdir "$work/outside"
cp "$here"/consumer*.c "$here/member.c" "$work/outside/"
cp "$here/consumer.cmake" "$work/outside/CMakeLists.txt"
cd "$work/outside" || exit 1
try "find_package finds it after the prefix was moved" \
	cmake -G Ninja -B build -DCMAKE_PREFIX_PATH="$work/prefix" .
try "programs build against all four targets" cmake --build build
for target in shoal shoal-static shoal-core shoal-core-static; do
	try "a program with shoal::$target runs" "build/with-$target"
done
try "one with find_package joins, tells, finds, sends, asks and changes its key" build/member
try "the shared library is used by its SONAME" needs build/with-shoal 'libshoal\.so\.[0-9]*\]'
try "the static one leaves no need of it" needs_not build/with-shoal-static libshoal
try "libshoal-core needs libc only" needs_libc_only "$libdir/libshoal-core.so"

try "pkg-config's flags build a program" compile pc consumer.c $(pkg-config --cflags --libs shoal)
try "and it runs" ./pc
try "pkg-config's flags build a member" compile pc-member member.c $(pkg-config --cflags --libs shoal)
try "one with pkg-config joins, tells, finds, sends, asks and changes its key" ./pc-member
try "pkg-config's flags for libshoal-core build a program" \
	compile pc-core consumer_core.c $(pkg-config --cflags --libs shoal-core)
try "and it runs" ./pc-core
try "pkg-config --static names what the static library needs" \
	compile pc-static consumer.c $(pkg-config --cflags shoal) "$libdir/libshoal.a" \
	$(pkg-config --static --libs shoal | sed 's/-lshoal//')
try "and it runs" ./pc-static

have() {
	for file in "$@"; do
		[ -s "$file" ] || {
			echo "no $file"
			return 1
		}
	done
}

man=$work/prefix/share/man
try "manual pages of the command and of the library are installed" have "$man/man1/shoal.1" "$man/man1/shoal-agent.1" \
	"$man/man3/shoal.3" "$man/man3/shoal_cluster.3" "$man/man3/shoal_cluster_join.3"

for example in "$here"/../../examples/*.c; do
	name=$(basename "$example" .c)
	package=shoal
	case $name in
	core_poll | sim) package=shoal-core ;;
	embed | web) package="shoal libevent" ;;
	esac
	try "pkg-config's flags build the example $name" compile "example-$name" "$example" $(pkg-config --cflags --libs $package)
done
sed -n '/^```c$/,/^```$/{/^```/d;p}' "$here/../../README.md" >server.c
try "and the program of the README" compile server server.c $(pkg-config --cflags --libs shoal)

if [ -x "$work/prefix/bin/shoal" ]; then
	try "the installed command runs" "$work/prefix/bin/shoal" version
fi
exit $failed
