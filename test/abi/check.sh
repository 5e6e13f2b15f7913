#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether a program that was compiled against the interface in libshoal.abi runs with the library of a build: what was
# there is there, and looks the same; what is new does no harm. Usage: check.sh BUILD. Exit status 1 where it does not.
set -u
. "$(dirname "$0")/describe.sh"
now=$(mktemp)
trap 'rm -f "$now"' EXIT
describe "$1" "$now" || exit 1
abidiff --suppressions "$(dirname "$0")/growth.abignore" --no-added-syms "$(dirname "$0")/libshoal.abi" "$now" && exit 0
cat <<END

A program that was compiled before would not run with this library. Add instead of changing: fields at the end of a struct
that begins with its size, enumerators at the end, functions under new names. Where it must be, and before the first
release: test/abi/update.sh, and commit test/abi/libshoal.abi with the change.
END
exit 1
