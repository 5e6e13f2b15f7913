# SPDX-License-Identifier: MIT
# The CMakeLists.txt of a project outside the tree: run.sh copies it there.
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(shoal 0.1 REQUIRED)
foreach(target shoal shoal-static)
  add_executable(with-${target} consumer.c)
  target_link_libraries(with-${target} PRIVATE shoal::${target})
endforeach()
foreach(target shoal-core shoal-core-static)
  add_executable(with-${target} consumer_core.c)
  target_link_libraries(with-${target} PRIVATE shoal::${target})
endforeach()
