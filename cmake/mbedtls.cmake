# SPDX-License-Identifier: MIT
# MbedTLS::mbedtls, ::mbedx509 and ::mbedcrypto, under the names that mbedTLS 3 gives them: version 2.28 brings no package
# of its own. Used by the build, and by the installed package for who links the static library.
find_path(MBEDTLS_INCLUDE_DIR mbedtls/ssl.h)
foreach(part mbedcrypto mbedx509 mbedtls)
  find_library(SHOAL_${part}_LIBRARY ${part})
  if(NOT TARGET MbedTLS::${part} AND SHOAL_${part}_LIBRARY AND MBEDTLS_INCLUDE_DIR)
    add_library(MbedTLS::${part} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(MbedTLS::${part} PROPERTIES IMPORTED_LOCATION ${SHOAL_${part}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${MBEDTLS_INCLUDE_DIR})
  endif()
endforeach()
if(TARGET MbedTLS::mbedtls AND TARGET MbedTLS::mbedx509 AND TARGET MbedTLS::mbedcrypto)
  set_property(TARGET MbedTLS::mbedx509 APPEND PROPERTY INTERFACE_LINK_LIBRARIES MbedTLS::mbedcrypto)
  set_property(TARGET MbedTLS::mbedtls APPEND PROPERTY INTERFACE_LINK_LIBRARIES MbedTLS::mbedx509)
endif()
