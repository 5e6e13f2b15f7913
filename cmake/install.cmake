# SPDX-License-Identifier: MIT
# What `cmake --install` puts down: headers, both libraries (shared and static), the CMake package "shoal" with
# shoal::shoal, shoal::shoal-core and their -static forms, and pkg-config files of the same two names.
#
# The package and the pkg-config files find their prefix from where they lie, so an installed tree can be moved. The
# static libshoal stands in an export set of its own: only who links it needs the development files of what it uses.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/shoal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN "*.h")

install(TARGETS shoal-lib-shared shoal-core-lib-shared shoal-core-lib-static EXPORT shoal-targets
  LIBRARY COMPONENT library NAMELINK_COMPONENT development ARCHIVE COMPONENT development)
install(TARGETS shoal-lib-static EXPORT shoal-static-targets ARCHIVE COMPONENT development)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/shoal)
foreach(set shoal-targets shoal-static-targets)
  install(EXPORT ${set} NAMESPACE shoal:: DESTINATION ${package_dir} COMPONENT development)
endforeach()
configure_package_config_file(cmake/shoal-config.cmake.in shoal-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(shoal-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/shoal-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/shoal-config-version.cmake DESTINATION ${package_dir}
  COMPONENT development)
if(SHOAL_MBEDTLS)
  install(FILES cmake/mbedtls.cmake DESTINATION ${package_dir} COMPONENT development)
endif()
if(SHOAL_HTTP)
  install(FILES cmake/httpparser.cmake DESTINATION ${package_dir} COMPONENT development)
endif()

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" up ${up})
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${dir}})
    set(pc_${dir} ${CMAKE_INSTALL_${dir}})
  else()
    set(pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
set(pc_requires)
set(pc_libs)
if(SHOAL_SNAPPY)
  string(APPEND pc_requires " snappy")
endif()
if(SHOAL_MBEDTLS)
  string(APPEND pc_libs "-lmbedtls -lmbedx509 -lmbedcrypto ")
endif()
if(SHOAL_HTTP)
  string(APPEND pc_requires " libevent_extra")
  string(APPEND pc_libs "-lhttp_parser ")
endif()
foreach(name shoal shoal-core)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
endforeach()
