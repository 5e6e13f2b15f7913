/* SPDX-License-Identifier: MIT */
/* Values of metadata from text. */
#ifndef SHOAL_CLI_META_VALUE_H
#define SHOAL_CLI_META_VALUE_H

#include <shoal/shoal.h>

/* Reads a text as a value of the type with this name; *bytes is what the caller frees once the
 * value is not needed any more, NULL: nothing. -1: no such type, or the text is none of its values.
 */
int cli_meta_value_parse(
        const char *type, const char *text, struct shoal_meta_value *value, void **bytes);

/* What texts the type with this name has, for a complaint; NULL: no such type. */
const char *cli_meta_value_wanted(const char *type);

#endif
