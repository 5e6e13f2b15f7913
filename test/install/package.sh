#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the Debian packages, unpacks them side by side as dpkg would, and runs and builds with what lies there; what each
# needs is read from its control file. In a root that can be thrown away (SHOAL_THROW_AWAY_ROOT=yes) apt installs and
# removes them too: see apt.sh. Usage: package.sh SOURCE. Prints one line a thing that was tried; exit status 1 where one
# failed.
set -u
source=$(cd "$1" && pwd)
. "$source/tools/lib/install.sh"
need_build
need dpkg-dev "makes packages"
need file "tells cpack what is a program"
need python3 "makes manual pages"
install_needed || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
. "$source/test/install/try.sh"

make_packages() {
	cmake -G Ninja -S "$source" -B "$work/build" -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_TESTING=OFF -DSHOAL_BENCH=OFF &&
		ninja -C "$work/build" && cd "$work/build" && cpack -G DEB -B "$work/packages"
}

unpack() {
	for package in "$work"/packages/*.deb; do
		dpkg-deb -x "$package" "$work/root" || return 1
	done
}

package_of() { # NAME
	find "$work/packages" -maxdepth 1 -name "$1_*.deb"
}

holds() { # NAME PATH...
	package=$(package_of "$1")
	shift
	dpkg-deb -c "$package" | awk '{ print $6 }' >"$work/content"
	for path in "$@"; do
		grep -q "$path" "$work/content" || {
			echo "no $path in $package:"
			cat "$work/content"
			return 1
		}
	done
}

depends() { # NAME TEXT...
	package=$(package_of "$1")
	shift
	line=$(dpkg-deb -f "$package" Depends)
	for text in "$@"; do
		case $line in
		*"$text"*) ;;
		*)
			echo "$package depends on: $line"
			return 1
			;;
		esac
	done
}

outside() {
	cp "$source/test/install/consumer.c" "$work" && cd "$work" &&
		cc -o consumer consumer.c -I "$work/root/usr/include" -L "$libdir" -lshoal && ./consumer
}

try "cpack makes the packages" make_packages
[ "$failed" = 0 ] || exit 1
try "they can be unpacked" unpack
libdir=$(dirname "$(find "$work/root" -name libshoal.so.0)")
export LD_LIBRARY_PATH="$libdir"
try "libshoal0 holds the libraries and their SONAMEs" holds libshoal0 'libshoal\.so\.0$' 'libshoal-core\.so\.0$'
try "libshoal-dev holds headers, static libraries, pkg-config files and the CMake package" \
	holds libshoal-dev include/shoal/shoal.h 'libshoal\.a$' 'libshoal\.so$' pkgconfig/shoal.pc cmake/shoal/shoal-config.cmake
try "and the manual of each header, function and type, compressed" \
	holds libshoal-dev 'man3/shoal_cluster\.3\.gz$' 'man3/shoal_cluster_join\.3\.gz$' 'man3/shoal_filter\.3\.gz$' 'man3/shoal\.3\.gz$'
try "shoal holds the command, its manual, completions and the unit of systemd" \
	holds shoal 'bin/shoal$' 'man1/shoal\.1\.gz$' 'man1/shoal-agent\.1\.gz$' bash-completion/completions/shoal site-functions/_shoal \
	vendor_completions.d/shoal.fish 'systemd/system/shoal\.service$'
try "libshoal0 depends on what it is linked to" depends libshoal0 libevent libc-ares libc6
try "the command depends on its own version of the library" depends shoal 'libshoal0 (= ' libjansson libcurl
try "the command runs" "$work/root/usr/bin/shoal" version
try "a program builds and runs with what was unpacked" outside
if [ "${SHOAL_THROW_AWAY_ROOT-}" = yes ]; then
	"$source/test/install/apt.sh" "$source" "$work/packages" || failed=1
fi
exit $failed
