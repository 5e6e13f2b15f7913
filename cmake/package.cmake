# SPDX-License-Identifier: MIT
# `cpack -G DEB` makes three packages, as Debian cuts libraries: libshoal0, what programs run with; libshoal-dev, what
# they are built with; shoal, the command. Configure with -DCMAKE_INSTALL_PREFIX=/usr, so that the libraries lie where
# Debian's linker looks for them.
set(CPACK_PACKAGE_NAME shoal)
set(CPACK_PACKAGE_VENDOR shoal)
set(CPACK_PACKAGE_CONTACT "The founders of shoal <shoal@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_COMPONENTS_ALL library development command)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/compress.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR})
set(same "libshoal${SHOAL_ABI} (= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libshoal${SHOAL_ABI})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "SWIM cluster membership and failure detection
 The shared library: a program that uses it finds its peers and knows within
 seconds who failed and why.")
file(WRITE ${CMAKE_BINARY_DIR}/package/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/package/triggers)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libshoal-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "${same}, libevent-dev, libc-ares-dev, libsnappy-dev, libmbedtls-dev, libhttp-parser-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "SWIM cluster membership and failure detection: development files
 Headers, static libraries, pkg-config files and the CMake package.")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME shoal)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "${same}")
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "SWIM cluster membership and failure detection: the command
 An agent that is a member of a cluster beside any program, commands that ask
 it, and the simulator.")
include(CPack)
