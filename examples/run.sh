#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: run.sh PROGRAM [LINE WHO PATTERN]. Runs an example to its end: a first instance, a second one that joins it, until
# both have told of each other; LINE is typed into the second one, after which WHO (first, second) must print a line that
# matches; then the second one's input ends, the first one must see it leave, and both must end with status 0.
set -u
program=$1
dir=$(mktemp -d)
first= second=
trap 'kill $first $second 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
	echo "run.sh: $1" >&2
	tail -n 50 "$dir"/*.out "$dir"/*.err >&2
	exit 1
}

# await FILE PATTERN: until a line of the file matches, at most a minute.
await() {
	for ((i = 0; i < 1200; i++)); do
		grep -q "$2" "$dir/$1.out" && return
		sleep 0.05
	done
	fail "no line of $1 matches \"$2\""
}

mkfifo "$dir/first.in" "$dir/second.in"
"$program" first 127.0.0.1:0 <"$dir/first.in" >"$dir/first.out" 2>"$dir/first.err" &
first=$!
exec 3>"$dir/first.in"
await first '^first is at 127.0.0.1:[0-9]*$'
seed=$(sed -n 's/^first is at //p' "$dir/first.out")

"$program" second 127.0.0.1:0 "$seed" <"$dir/second.in" >"$dir/second.out" 2>"$dir/second.err" 3>&- &
second=$!
exec 4>"$dir/second.in"
await second '^second is at 127.0.0.1:[0-9]*$'
await second '^first join '
await first '^second join '
if [ $# -gt 1 ]; then
	echo "$2" >&4
	await "$3" "$4"
fi

exec 4>&-
wait "$second" || fail "the second instance ended with status $?"
second=
await first '^second left '
exec 3>&-
wait "$first" || fail "the first instance ended with status $?"
first=
[ ! -s "$dir/first.err" ] && [ ! -s "$dir/second.err" ] || fail "something on standard error"
grep -h . "$dir/first.out" "$dir/second.out"
