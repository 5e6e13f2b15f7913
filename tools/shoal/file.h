/* SPDX-License-Identifier: MIT */
/* Files that are read whole. */
#ifndef SHOAL_CLI_FILE_H
#define SHOAL_CLI_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads a file, or what path "-" stands for: standard input. *data is freed by the caller, in any
 * case. -1 and errno where it cannot be read. */
int cli_file_read(const char *path, uint8_t **data, size_t *len);

#endif
