#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each bug that is planted in lib (#ifdef SHOAL_PLANT_<NAME>) must be caught by its checker within 400 seeds, or the
# checker is worth nothing. The table in tools/shoal/sim/found.h has every plant, and a seed that shows it, which is tried
# first; whatever changes the order of packets may move it to another one. Every checker has a plant.
#
# Usage: plants.sh [--clean ARCHIVE] [--update] [NAME...]. --update writes the seeds that show them now into the table.
# ARCHIVE is the target shoal-sim-clean, that of build/release where it is not given: everything without a bug. For each
# plant only the files that hold it are compiled, which come before the archive's.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work CC=${CC:-cc} clean=build/release/test/sim/libshoal-sim-clean.a

plant() { # NAME CHECKER SEED
	local name=$1 checker=$2 seed=$3 folder=$work/$1 source
	mkdir "$folder"
	for source in $(awk -v name="$name" '$2 == name { print $1 }' "$work/places"); do
		"$CC" -std=gnu11 -O1 -Iinclude -Ilib "-DSHOAL_PLANT_$name=1" -c "$source" -o "$folder/${source//\//_}.o"
	done
	"$CC" -o "$folder/program" "$folder"/*.o "$clean"
	if "$folder/program" --seed "$seed" --plant-expect "$checker" >"$folder/output" 2>&1 ||
		"$folder/program" --count 400 --plant-expect "$checker" >"$folder/output" 2>&1; then
		echo "ok - $name: $(tail -n 1 "$folder/output")"
		sed -nE "s/.* fired at seed ([0-9]+): .*/$name \\1/p" "$folder/output" >>"$work/seeds"
	else
		echo "not ok - $name is not caught by $checker"
		tail -n 5 "$folder/output" | sed 's/^/    /'
		return 1
	fi
}

listed() { # NAME CHECKER SEED
	sed -nE 's/^\tX\(([A-Z_]+), "([a-z]+)", ([0-9]+), .*/\1 \2 \3/p' tools/shoal/sim/found.h
}

# The list against the sources.
complete() {
	local missing
	missing=$(diff <(listed | cut -d ' ' -f 1 | sort) <(cut -d ' ' -f 2 "$work/places" | sort -u)) || {
		echo "not ok - found.h lists the plants of lib"
		echo "$missing"
		return 1
	}
	missing=$(comm -13 <(listed | cut -d ' ' -f 2 | sort -u) \
		<(sed -nE 's/^\tX\([A-Z]+, "([a-z]+)".*/\1/p' lib/sim/check.h | sort))
	if [ -n "$missing" ]; then
		echo "not ok - a checker has no plant: $missing"
		return 1
	fi
	echo "ok - found.h lists the plants of lib, and each checker has one"
}

update() {
	while read -r name seed; do
		sed -i -E "s/^(\tX\($name, \"[a-z]+\", )[0-9]+,/\1$seed,/" tools/shoal/sim/found.h
	done <"$work/seeds"
}

new=false
while [[ ${1:-} == --* ]]; do
	case $1 in
	--clean) clean=$2 && shift ;;
	--update) new=true ;;
	*) echo "plants.sh: no option $1" >&2 && exit 2 ;;
	esac
	shift
done
[ -f "$clean" ] || {
	echo "plants.sh: no $clean: build the target shoal-sim-clean of the preset release, or give --clean" >&2
	exit 2
}
export -f plant
grep -roE 'SHOAL_PLANT_[A-Z_]+' lib | sed 's/:SHOAL_PLANT_/ /' | sort -u >"$work/places"
complete
failed=0
if [ $# -gt 0 ]; then
	listed | grep -E "^($(tr ' ' '|' <<<"$*")) "
else
	listed
fi | xargs -P "$(nproc)" -L 1 bash -c 'plant "$0" "$1" "$2"' || failed=1
if $new; then
	update
fi
exit $failed
