#!/bin/sh
# SPDX-License-Identifier: MIT
# Takes the interface of the library as it is now for what a program may have been compiled against. Usage: update.sh
# [BUILD], which is a build of the preset release.
set -eu
. "$(dirname "$0")/describe.sh"
build=${1:-$(dirname "$0")/../../build/release}
ninja -C "$build" shoal-lib-shared
describe "$build" "$(dirname "$0")/libshoal.abi"
