# SPDX-License-Identifier: MIT
# shoal_room(NAME DIR <folder> SOURCES <files> SEES <rooms> LINKS <targets>)
#
# A room is an object library whose include path holds the public headers, itself and the rooms that it may see: a
# wrong include does not compile. Headers of a room are included as "room/file.h", through a folder of links.
set(SHOAL_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR})

# Makes the folder that links to the named rooms and to no other.
function(shoal_room_links links)
  file(REMOVE_RECURSE ${links})
  file(MAKE_DIRECTORY ${links})
  foreach(seen ${ARGN})
    get_property(dir GLOBAL PROPERTY shoal_room_dir_${seen})
    file(CREATE_LINK ${dir} ${links}/${seen} SYMBOLIC)
  endforeach()
endfunction()

function(shoal_room name)
  cmake_parse_arguments(ARG "" "DIR" "SOURCES;SEES;LINKS" ${ARGN})
  set(links ${CMAKE_BINARY_DIR}/rooms/${name})
  set_property(GLOBAL PROPERTY shoal_room_dir_${name} ${SHOAL_SOURCE_DIR}/${ARG_DIR})
  shoal_room_links(${links} ${name} ${ARG_SEES})
  add_library(shoal-${name} OBJECT ${ARG_SOURCES})
  target_include_directories(shoal-${name} PRIVATE ${SHOAL_SOURCE_DIR}/include ${links})
  target_compile_definitions(shoal-${name} PRIVATE SHOAL_BUILDING)
  target_link_libraries(shoal-${name} PRIVATE ${ARG_LINKS})
endfunction()

# Include paths of a program that looks inside the named rooms: tests, the simulator's program, benchmarks.
function(shoal_looks_into target)
  set(links ${CMAKE_BINARY_DIR}/rooms/target-${target})
  shoal_room_links(${links} ${ARGN})
  target_include_directories(${target} PRIVATE ${links} ${SHOAL_SOURCE_DIR}/include)
endfunction()
