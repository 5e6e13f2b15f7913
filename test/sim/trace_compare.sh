#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same seeds give the same bytes whatever compiled the code: gcc -O2, clang -O0, clang -O2, and gcc for 32 bits where
# it can link for them. Compares the printed trace hashes of 20 seeds.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seeds=${1:-1..20}

traces() { # NAME COMPILER FLAGS...
	local name=$1 compiler=$2
	shift 2
	"$compiler" -std=gnu11 "$@" -Iinclude -Ilib -Itools/shoal/sim lib/base/*.c lib/wire/*.c lib/core/*.c lib/sim/*.c test/sim/{main,scenario}.c tools/shoal/sim/{story,record}.c \
		-o "$work/$name" || return 1
	"$work/$name" --seeds "$seeds" --trace >"$work/$name.traces" || {
		tail -n 5 "$work/$name.traces"
		return 1
	}
	[ -s "$work/$name.traces" ]
}

same() { # NAME TEXT
	if cmp -s "$work/gcc.traces" "$work/$1.traces"; then
		echo "ok - $2 gives the traces of gcc -O2, seeds $seeds"
	else
		echo "not ok - $2 gives other traces than gcc -O2"
		diff "$work/gcc.traces" "$work/$1.traces" | head -n 6
		failed=1
	fi
}

failed=0
traces gcc gcc -O2 &
traces slow clang -O0 &
traces fast clang -O2 &
for job in $(jobs -p); do
	wait "$job" || failed=1
done
same slow "clang -O0"
same fast "clang -O2"
if echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$work/tiny" - 2>/dev/null; then
	traces small gcc -m32 -O1 || failed=1
	same small "gcc -m32"
fi
exit $failed
