# SPDX-License-Identifier: MIT
# Manual pages of section 3, one a public header and one a function that leads to it, made from the comments of the
# headers by a script in Python. Where there is no Python they are left out. (Those of the command: tools/CMakeLists.txt.)
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND)
  file(GLOB headers CONFIGURE_DEPENDS include/shoal/*.h)
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/tools/lib/header_pages.py)
  set(pages ${CMAKE_CURRENT_BINARY_DIR}/man3)
  add_custom_command(OUTPUT ${pages}/shoal.3
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
    COMMAND ${Python3_EXECUTABLE} -B ${script} ${PROJECT_VERSION} ${pages} ${headers}
    DEPENDS ${script} ${headers} VERBATIM)
  add_custom_target(shoal-manual-headers ALL DEPENDS ${pages}/shoal.3)
  install(DIRECTORY ${pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT development)
else()
  message(STATUS "No Python: no manual pages of the headers")
endif()
