#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each bug that is planted in lib (#ifdef SHOAL_PLANT_<NAME>) must be caught by its checker within 200 seeds, or the
# checker is worth nothing. plants.txt lists them; every plant is listed, and every checker has one.
#
# Usage: plants.sh [NAME...]. Compiles everything once, and for each plant only the files that hold it.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work CC=${CC:-cc}

compile() { # SOURCE OBJECT FLAGS...
	local source=$1 object=$2
	shift 2
	"$CC" -std=gnu11 -O1 -Iinclude -Ilib "$@" -c "$source" -o "$object"
}

object() { # SOURCE
	tr / _ <<<"${1%.c}.o"
}

plant() { # NAME CHECKER
	local name=$1 checker=$2 folder=$work/$1 source objects=()
	mkdir "$folder"
	for source in lib/base/*.c lib/wire/*.c lib/core/*.c lib/sim/*.c test/sim/{main,story,scenario,record}.c; do
		if grep -q "SHOAL_PLANT_$name\b" "$source"; then
			compile "$source" "$folder/$(object "$source")" "-DSHOAL_PLANT_$name=1"
			objects+=("$folder/$(object "$source")")
		else
			objects+=("$work/clean/$(object "$source")")
		fi
	done
	"$CC" -o "$folder/program" "${objects[@]}"
	if "$folder/program" --count 200 --plant-expect "$checker" >"$folder/output" 2>&1; then
		echo "ok - $name: $(tail -n 1 "$folder/output")"
	else
		echo "not ok - $name is not caught by $checker"
		tail -n 5 "$folder/output" | sed 's/^/    /'
		return 1
	fi
}

listed() {
	sed 's/#.*//' test/sim/plants.txt | awk 'NF == 2 { print $1, $2 }'
}

# The list against the sources.
complete() {
	local missing
	missing=$(diff <(listed | cut -d ' ' -f 1 | sort) \
		<(grep -rhoE 'SHOAL_PLANT_[A-Z_]+' lib | sed 's/SHOAL_PLANT_//' | sort -u)) || {
		echo "not ok - plants.txt lists the plants of lib"
		echo "$missing"
		return 1
	}
	missing=$(comm -13 <(listed | cut -d ' ' -f 2 | sort -u) \
		<(sed -nE 's/^\tX\([A-Z]+, "([a-z]+)".*/\1/p' lib/sim/check.h | sort))
	if [ -n "$missing" ]; then
		echo "not ok - a checker has no plant: $missing"
		return 1
	fi
	echo "ok - plants.txt lists the plants of lib, and each checker has one"
}

export -f compile object plant
complete
mkdir "$work/clean"
ls lib/base/*.c lib/wire/*.c lib/core/*.c lib/sim/*.c test/sim/{main,story,scenario,record}.c |
	xargs -P "$(nproc)" -I @ bash -c 'compile "$0" "$work/clean/$(object "$0")"' @
if [ $# -gt 0 ]; then
	listed | grep -E "^($(tr ' ' '|' <<<"$*")) "
else
	listed
fi | xargs -P "$(nproc)" -L 1 bash -c 'plant "$0" "$1"'
