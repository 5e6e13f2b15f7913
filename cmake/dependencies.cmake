# SPDX-License-Identifier: MIT
# Every library that is not ours, found in one place. base, wire, core and sim link none of them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET GLOBAL libevent_core libevent_pthreads)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET GLOBAL libcares)
