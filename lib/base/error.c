/* SPDX-License-Identifier: MIT */
/* Texts and labels of the result codes, from the one table of shoal/error.h. A switch, because the
 * codes have a gap and the compiler checks that no value is there twice. */
#include <shoal/error.h>

const char *
shoal_strerror(int code)
{
	switch (code) {
	case SHOAL_OK:
		return "ok";
#define SHOAL_X(name, label, value, text)                                                          \
	case SHOAL_ERR_##name:                                                                     \
		return text;
		SHOAL_ERROR_TABLE(SHOAL_X)
#undef SHOAL_X
	default:
		return "unknown error";
	}
}

const char *
shoal_error_name(int code)
{
	switch (code) {
	case SHOAL_OK:
		return "ok";
#define SHOAL_X(name, label, value, text)                                                          \
	case SHOAL_ERR_##name:                                                                     \
		return #label;
		SHOAL_ERROR_TABLE(SHOAL_X)
#undef SHOAL_X
	default:
		return "unknown";
	}
}
