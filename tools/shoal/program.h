/* SPDX-License-Identifier: MIT */
/* Programs of the user's that the agent runs. */
#ifndef SHOAL_CLI_PROGRAM_H
#define SHOAL_CLI_PROGRAM_H

#include <sys/types.h>

/* Starts one with a descriptor as its standard input, one as its standard output in a process group
 * of its own (-1: the agent's, in the agent's group), and these variables, NAME=VALUE, NULL at the
 * end, beside those of the agent. 0, or an error number. */
int cli_program_start(
        const char *program, int input, int output, const char *const *variables, pid_t *child);

/* Whether cli_program_start would find it: 0, or an error number. */
int cli_program_look(const char *program);

/* A file in memory with this content, to read from the start; -1. */
int cli_program_input(const void *data, size_t len);

#endif
