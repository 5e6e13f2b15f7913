#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs many seeds in chunks, side by side, and goes on where an earlier run of it stopped.
#
# Usage: sweep.sh PROGRAM STATE [SEEDS]. STATE is a file that holds the chunks that are done; it belongs to one build
# of the program, and another one begins anew. The first seed that fails ends the sweep and is printed with its story.
set -eu
program=$1 state=$2 seeds=${3:-50000} chunk=500
identity=$(sha256sum <"$program")
if [ "$(head -n 1 "$state" 2>/dev/null)" != "$identity" ]; then
	mkdir -p "$(dirname "$state")"
	echo "$identity" >"$state"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export program state work

run() { # FIRST..LAST
	if "$program" --seeds "$1" >"$work/$1" 2>&1; then
		echo "$1" >>"$state"
		return 0
	fi
	echo "not ok - seeds $1"
	sed 's/^/    /' "$work/$1"
	return 255
}
export -f run

for ((first = 1; first <= seeds; first += chunk)); do
	last=$((first + chunk - 1))
	one="$first..$((last < seeds ? last : seeds))"
	grep -qxF "$one" "$state" || echo "$one"
done | xargs -r -P "$(nproc)" -I @ bash -c 'run "$1"' run @
echo "ok - $seeds seeds, $(($(wc -l <"$state") - 1)) chunks"
