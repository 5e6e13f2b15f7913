# SPDX-License-Identifier: MIT
# libshoal-core (base, wire, codecs, core, sim: libc only) and libshoal (everything), shared and static. Both forms take the
# same objects; what a program may use is what carries SHOAL_API, everything else is hidden.
set(core_objects $<TARGET_OBJECTS:shoal-base> $<TARGET_OBJECTS:shoal-wire>
  $<TARGET_OBJECTS:shoal-codecs> $<TARGET_OBJECTS:shoal-core> $<TARGET_OBJECTS:shoal-sim>)
set(all_objects ${core_objects} $<TARGET_OBJECTS:shoal-codecs-linked> $<TARGET_OBJECTS:shoal-cluster>
  $<TARGET_OBJECTS:shoal-transports>)

function(shoal_library target output)
  cmake_parse_arguments(ARG "" "" "OBJECTS;LINKS" ${ARGN})
  foreach(form shared static)
    string(TOUPPER ${form} kind)
    set(name ${output})
    if(form STREQUAL static)
      set(name ${output}-static)
    endif()
    add_library(${target}-${form} ${kind} ${ARG_OBJECTS})
    add_library(shoal::${name} ALIAS ${target}-${form})
    target_include_directories(${target}-${form} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target}-${form} PRIVATE ${ARG_LINKS})
    set_target_properties(${target}-${form} PROPERTIES OUTPUT_NAME ${output} EXPORT_NAME ${name}
      LINKER_LANGUAGE C)
  endforeach()
  set_target_properties(${target}-shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${SHOAL_ABI}
    LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/shoal.map)
  target_link_options(${target}-shared PRIVATE
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/shoal.map)
  if(NOT SHOAL_SANITIZE AND NOT SHOAL_FUZZ)
    target_link_options(${target}-shared PRIVATE -Wl,--no-undefined)
  endif()
endfunction()

shoal_library(shoal-core-lib shoal-core OBJECTS ${core_objects})
shoal_library(shoal-lib shoal OBJECTS ${all_objects} LINKS ${SHOAL_TRANSPORT_LINKS} PkgConfig::CARES ${SHOAL_CODEC_LINKS}
  Threads::Threads)
