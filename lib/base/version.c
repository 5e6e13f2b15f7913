/* SPDX-License-Identifier: MIT */
/* The version that this library was built as. A program compares it with the macros of the header
 * that it saw. */
#include <shoal/version.h>

const char *
shoal_version(int *number)
{
	if (number != NULL) {
		*number = SHOAL_VERSION_NUMBER;
	}
	return SHOAL_VERSION_STRING;
}
