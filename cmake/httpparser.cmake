# SPDX-License-Identifier: MIT
# HttpParser::HttpParser, which has neither a CMake package nor a pkg-config file. Also installed, for who links the
# static library.
find_library(SHOAL_HTTP_PARSER_LIBRARY http_parser)
find_path(SHOAL_HTTP_PARSER_INCLUDE_DIR http_parser.h)
if(NOT TARGET HttpParser::HttpParser AND SHOAL_HTTP_PARSER_LIBRARY AND SHOAL_HTTP_PARSER_INCLUDE_DIR)
  add_library(HttpParser::HttpParser UNKNOWN IMPORTED GLOBAL)
  set_target_properties(HttpParser::HttpParser PROPERTIES IMPORTED_LOCATION ${SHOAL_HTTP_PARSER_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${SHOAL_HTTP_PARSER_INCLUDE_DIR})
endif()
