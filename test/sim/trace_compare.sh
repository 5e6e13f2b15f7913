#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same seeds give the same bytes whatever compiled the code. Compares the printed trace hashes of 20 seeds: of the
# programs given, which are shoal-sim-test of builds by several compilers, and of those compiled here, clang -O0 and gcc
# for 32 bits where it can link for them.
#
# Usage: trace_compare.sh PROGRAM...    the first is what the others are compared with
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
mapfile -t core < <(find lib/core -name '*.c')

compiled() { # NAME COMPILER FLAGS...
	local name=$1
	shift
	mkdir "$work/$name.o"
	printf '%s\0' lib/base/*.c lib/wire/*.c "${core[@]}" lib/sim/*.c test/sim/{main,scenario}.c \
		tools/shoal/sim/{story,record}.c |
		COMPILE="$* -std=gnu11 -Iinclude -Ilib -Itools/shoal/sim" xargs -0 -P "$(nproc)" -n 8 sh -c '
			for file; do
				$COMPILE -c "$file" -o "$0/$(echo "$file" | tr / _).o" || exit 255
			done' "$work/$name.o"
	"$@" "$work/$name.o"/*.o -o "$work/$name"
}

# Half of the seeds on each of two cores.
traces() { # PROGRAM
	"$1" --seeds 1..10 --trace >"$work/traces" 2>&1 &
	if ! "$1" --seeds 11..20 --trace >"$work/others" 2>&1 || ! wait $! || [ ! -s "$work/traces" ]; then
		echo "not ok - $1 fails"
		tail -n 5 "$work/traces" "$work/others"
		failed=1
		return 1
	fi
	cat "$work/others" >>"$work/traces"
}

same() { # PROGRAM
	traces "$1" || return 0
	if cmp -s "$work/first" "$work/traces"; then
		echo "ok - $1 gives the traces of $first"
	else
		echo "not ok - $1 gives other traces than $first"
		diff "$work/first" "$work/traces" | head -n 6
		failed=1
	fi
}

first=$1
shift
compiled clang-O0 clang -O0
traces "$first" || exit 1
mv "$work/traces" "$work/first"
for program in "$@"; do
	same "$program"
done
same "$work/clang-O0"
if echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$work/tiny" - 2>/dev/null; then
	compiled gcc-m32 gcc -m32 -O1
	same "$work/gcc-m32"
fi
exit $failed
