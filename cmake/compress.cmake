# SPDX-License-Identifier: MIT
# Run by cpack before it makes packages: manual pages are compressed, as those of Debian are.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_DIRECTORY}/*.[13])
list(FILTER pages INCLUDE REGEX "/man/man[13]/")
if(pages)
  execute_process(COMMAND gzip -9n ${pages} COMMAND_ERROR_IS_FATAL ANY)
endif()
