# SPDX-License-Identifier: MIT
# Installs Debian packages that a script needs and that are not there. Sourced by tools/test and tools/demo; POSIX sh.
#
#     . tools/lib/install.sh
#     need cmake "writes the build files"      # remembers the package where dpkg does not have it
#     need ninja-build "runs the build"
#     install_needed || exit 1                 # installs what was remembered, in one go
#
# need_build names what a plain build of the library and the command line takes.
#
# Nothing is printed and apt is not touched where all is there. Otherwise one line a package says what and why; apt
# itself is quiet, and its last lines are shown only where it fails. Root installs directly, others through sudo; where
# neither works one line says what to type. Needs no other tool than dpkg and apt, which every Debian has.

needed=      # names, each with a space behind it
needed_why=  # one line a package

need() {
	case "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" in
	installed) return 0 ;;
	esac
	needed="$needed$1 "
	needed_why="$needed_why  $1: $2
"
}

need_build() {
	need gcc "compiles C"
	need libc6-dev "headers of the C library"
	need cmake "writes the build files"
	need ninja-build "runs the build"
	need pkg-config "finds the libraries"
	need libevent-dev "event loop"
	need libc-ares-dev "resolves the names of seeds"
	need libsnappy-dev "compression"
	need libmbedtls-dev "encryption"
	need libhttp-parser-dev "reads HTTP"
	need libjansson-dev "JSON of the command line"
	need libcurl4-openssl-dev "the command line talks HTTP to its agent"
}

# The command that lets apt run as root, on standard output; fails where there is none.
become_root() {
	if [ "$(id -u)" = 0 ]; then
		echo env
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		echo sudo -n
	elif command -v sudo >/dev/null && [ -t 2 ]; then
		echo sudo
	else
		return 1
	fi
}

# apt-get with its chatter in $1 only. Waits for another apt to end.
quiet_apt() {
	apt_log=$1
	shift
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		-o Acquire::Retries=3 "$@" >>"$apt_log" 2>&1 </dev/null
}

install_needed() {
	[ -n "$needed" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "No apt-get here. Install what these Debian packages hold, then try again: $needed" >&2
		return 1
	fi
	if ! root=$(become_root); then
		echo "Not root, and sudo does not work here. As root: apt-get install $needed" >&2
		return 1
	fi
	echo "Installing what is missing:"
	printf '%s' "$needed_why"
	log=$(mktemp) || return 1
	# Without lists there is nothing to try; with old ones the packages that they name may be gone.
	if ! { ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 &&
		quiet_apt "$log" install --no-install-recommends $needed; }; then
		quiet_apt "$log" update
		if ! quiet_apt "$log" install --no-install-recommends $needed; then
			tail -n 15 "$log" >&2
			rm -f "$log"
			echo "apt-get could not install: $needed" >&2
			return 1
		fi
	fi
	rm -f "$log"
	needed=
	needed_why=
}
