# SPDX-License-Identifier: MIT
# Manual pages of section 3, one a public header and one a function or type that leads to it, made from the comments of the
# headers by a script in Python. Where there is no Python they are left out. (Those of the command: tools/CMakeLists.txt.)
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND)
  # The interpreter itself: what stands for it on the path may look for it each time, which costs more than many a test.
  execute_process(COMMAND ${Python3_EXECUTABLE} -c "import sys; print(sys.executable)"
    OUTPUT_VARIABLE SHOAL_PYTHON OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB headers CONFIGURE_DEPENDS include/shoal/*.h)
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/tools/lib/header_pages.py)
  set(pages ${CMAKE_CURRENT_BINARY_DIR}/man3)
  add_custom_command(OUTPUT ${pages}/shoal.3
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
    COMMAND ${SHOAL_PYTHON} -B ${script} ${PROJECT_VERSION} ${pages} ${headers}
    DEPENDS ${script} ${headers} VERBATIM)
  add_custom_target(shoal-manual-headers ALL DEPENDS ${pages}/shoal.3)
  install(DIRECTORY ${pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT development)
else()
  message(STATUS "No Python: no manual pages of the headers")
endif()

# The reference as HTML, in build/reference/html: `ninja docs`. A warning of Doxygen is an error.
find_program(DOXYGEN doxygen)
if(SHOAL_PYTHON AND DOXYGEN)
  configure_file(docs/Doxyfile.in Doxyfile @ONLY)
  add_custom_target(docs COMMAND ${DOXYGEN} ${CMAKE_CURRENT_BINARY_DIR}/Doxyfile VERBATIM)
endif()
