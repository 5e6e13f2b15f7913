# SPDX-License-Identifier: MIT
# For the scripts here, which make a folder $work and set failed=0: runs one thing, prints a line about it, and the end of
# its output where it failed.
try() {
	what=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		tail -n 30 "$work/log" | sed 's/^/    /'
		failed=1
	fi
}
