#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: discovery.sh BACKEND CLIENT. Two backends and a client: it asks both in turn; one is killed, and the other one
# answers alone; a third one comes and is asked; the second one leaves and is asked no more; then the third one leaves.
set -u
backend=$1 client=$2
dir=$(mktemp -d)
first= second= asker=
trap 'kill $first $second $asker 2>/dev/null; rm -rf "$dir"' EXIT
touch "$dir/client.out" "$dir/client.err"

fail() {
	echo "discovery.sh: $1" >&2
	tail -n 50 "$dir"/*.out "$dir"/*.err >&2
	exit 1
}

# await FILE PATTERN [LINE]: until a line of the file, behind the given one, matches, at most a minute.
await() {
	for ((i = 0; i < 1200; i++)); do
		tail -n "+$((${3:-0} + 1))" "$dir/$1.out" | grep -q "$2" && return
		sleep 0.05
	done
	fail "no line of $1 behind ${3:-0} matches \"$2\""
}

# line_of PATTERN: the number of the last line of the client that matches.
line_of() {
	grep -n "$1" "$dir/client.out" | tail -n 1 | cut -d : -f 1
}

mkfifo "$dir/first.in" "$dir/second.in" "$dir/client.in"
"$backend" first 127.0.0.1:0 127.0.0.1:0 <"$dir/first.in" >"$dir/first.out" 2>"$dir/first.err" &
first=$!
exec 3>"$dir/first.in"
await first '^first is at '
"$backend" second 127.0.0.1:0 127.0.0.1:0 "$(sed 's/^first is at \([0-9.:]*\),.*/\1/' "$dir/first.out")" \
	<"$dir/second.in" >"$dir/second.out" 2>"$dir/second.err" 3>&- &
second=$!
exec 4>"$dir/second.in"
await second '^second is at '
seed=$(sed 's/^second is at \([0-9.:]*\),.*/\1/' "$dir/second.out")
"$client" client 127.0.0.1:0 "$seed" <"$dir/client.in" >"$dir/client.out" 2>"$dir/client.err" 3>&- 4>&- &
asker=$!
exec 5>"$dir/client.in"
await client '^answer from first$'
await client '^answer from second$'

kill -KILL "$first"
wait "$first" 2>/dev/null
exec 3>&-
await client '^first failed (.*: 1 backends$'
await client '^answer from second$' "$(line_of '^first failed ')"
"$backend" third 127.0.0.1:0 127.0.0.1:0 "$seed" <"$dir/first.in" >"$dir/third.out" 2>"$dir/third.err" 4>&- 5>&- &
first=$!
exec 3>"$dir/first.in"
await client '^answer from third$'

exec 4>&-
wait "$second" || fail "the second backend ended with status $?"
second=
await client '^second left (.*: 1 backends$'
left=$(line_of '^second left ')
await client '^answer from third$' "$left"
tail -n "+$left" "$dir/client.out" | grep -q '^answer from second$' && fail "one that left was asked"

exec 3>&-
wait "$first" || fail "the third backend ended with status $?"
first=
await client '^third left (.*: 0 backends$'
await client '^no backend$'
exec 5>&-
wait "$asker" || fail "the client ended with status $?"
asker=
[ ! -s "$dir/client.err" ] && [ ! -s "$dir/second.err" ] && [ ! -s "$dir/third.err" ] ||
	fail "something on standard error"
grep -v '^answer' "$dir/client.out"
