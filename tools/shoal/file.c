/* SPDX-License-Identifier: MIT */
/* Reads in pieces of a megabyte: the length of a pipe is not known before its end. */
#include "file.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READ_AT_ONCE ((size_t)1 << 20)

static int
read_stream(FILE *file, uint8_t **data, size_t *len)
{
	size_t n, capacity = 0;

	do {
		if (capacity - *len < READ_AT_ONCE) {
			capacity = capacity * 2 + READ_AT_ONCE;
			*data = cli_grow(*data, capacity, 1);
		}
		n = fread(*data + *len, 1, READ_AT_ONCE, file);
		*len += n;
	} while (n > 0);
	return ferror(file) ? (errno != 0 ? errno : EIO) : 0;
}

int
cli_file_read(const char *path, uint8_t **data, size_t *len)
{
	int error;

	*data = NULL;
	*len = 0;
	if (strcmp(path, "-") == 0) {
		error = read_stream(stdin, data, len);
	} else {
		FILE *file = fopen(path, "rbe");
		if (file == NULL) {
			return -1;
		}
		error = read_stream(file, data, len);
		fclose(file);
	}
	errno = error;
	return error == 0 ? 0 : -1;
}
