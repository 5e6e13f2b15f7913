/* SPDX-License-Identifier: MIT */
/* shoal/version.h - version of the headers, and of the library that is loaded. */
#ifndef SHOAL_VERSION_H
#define SHOAL_VERSION_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_VERSION_MAJOR  0
#define SHOAL_VERSION_MINOR  1
#define SHOAL_VERSION_PATCH  0
#define SHOAL_VERSION_STRING "0.1.0"
#define SHOAL_VERSION_NUMBER                                                                       \
	((SHOAL_VERSION_MAJOR << 16) | (SHOAL_VERSION_MINOR << 8) | SHOAL_VERSION_PATCH)

/* Version of the library that is loaded, which may be newer than the header: "0.1.0"; number (may
 * be NULL) as SHOAL_VERSION_NUMBER. Any thread. */
SHOAL_API const char *shoal_version(int *number);

#ifdef __cplusplus
}
#endif

#endif
