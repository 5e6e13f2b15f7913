/* SPDX-License-Identifier: MIT */
/* The JSON file of --config: one object, its keys those of the options and of struct shoal_config.
 */
#ifndef SHOAL_CLI_CONFIG_FILE_H
#define SHOAL_CLI_CONFIG_FILE_H

#include "options.h"

/* Adds what the file says to the options. -1 to go on, or the exit code after a complaint that
 * names the file and the place in it. Whether a key exists is judged where the values are used. */
int cli_config_file_read(struct cli_options *options, const char *path);

#endif
