# SPDX-License-Identifier: MIT
# MbedTLS::mbedcrypto, under the name that mbedTLS 3 gives it: version 2.28 brings no package of its own. Used by the
# build, and by the installed package for who links the static library.
if(NOT TARGET MbedTLS::mbedcrypto)
  find_library(MBEDCRYPTO_LIBRARY mbedcrypto)
  find_path(MBEDCRYPTO_INCLUDE_DIR mbedtls/gcm.h)
  if(MBEDCRYPTO_LIBRARY AND MBEDCRYPTO_INCLUDE_DIR)
    add_library(MbedTLS::mbedcrypto UNKNOWN IMPORTED GLOBAL)
    set_target_properties(MbedTLS::mbedcrypto PROPERTIES IMPORTED_LOCATION ${MBEDCRYPTO_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${MBEDCRYPTO_INCLUDE_DIR})
  endif()
endif()
