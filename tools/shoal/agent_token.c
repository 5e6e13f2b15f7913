/* SPDX-License-Identifier: MIT */
/* A token is a secret: it is taken from a file that nobody else can read, or from a variable that
 * the programs which the agent runs do not get. */
#include "agent_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VARIABLE "SHOAL_TOKEN"
#define TEXT_MAX (2 * SHOAL_TOKEN_MAX + 1) /* two, with a space or a line end between them */
#define FILE_MAX (TEXT_MAX + 2)            /* its line end, and one byte that is too many */

static char given[TEXT_MAX + 1]; /* of the variable; "": none was */

/* Two lines are as two words. What else is wrong, the check of the config finds. */
static void
join_lines(char *text)
{
	size_t len = strcspn(text, "\r\n"), gap = strspn(text + len, "\r\n");

	if (text[len + gap] != '\0') {
		text[len] = ' ';
		memmove(text + len + 1, text + len + gap, strlen(text + len + gap) + 1);
		len += 1 + strcspn(text + len + 1, "\r\n");
		gap = strspn(text + len, "\r\n");
	}
	if (text[len + gap] == '\0') {
		text[len] = '\0';
	}
}

/* What is open: the token, and in a second line another one that is taken. */
static int
read_file(const struct cli_options *options, const char *path, int fd, char *token)
{
	const struct cli_command *command = options->command;
	struct stat stat;
	ssize_t n;

	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (stat.st_mode & 077) != 0) {
		return cli_usage(command,
		        "token file %s: mode %04o, others may read or write it; say chmod 600 and "
		        "use a new token where it was read",
		        path, (unsigned)stat.st_mode & 07777);
	}
	n = read(fd, token, FILE_MAX);
	if (n < 0) {
		return cli_usage(command, "token file %s: %s", path, strerror(errno));
	}
	token[n] = '\0';
	join_lines(token);
	return token[0] != '\0' ? -1 : cli_usage(command, "token file %s: it is empty", path);
}

static int
take_file(struct cli_agent_config *config, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), end;

	if (fd < 0) {
		return cli_usage(
		        config->options->command, "token file %s: %s", path, strerror(errno));
	}
	if (config->token != NULL) {
		shoal_key_wipe(config->token, FILE_MAX);
	}
	free(config->token);
	config->token = cli_alloc(FILE_MAX + 1, 1);
	end = read_file(config->options, path, fd, config->token);
	close(fd);
	config->shoal.token = config->token;
	return end;
}

int
cli_token_take(struct cli_agent_config *config)
{
	const char *path = cli_option(config->options, "token_file");
	char *text = getenv(VARIABLE);

	if (text != NULL && strlen(text) > TEXT_MAX) {
		return cli_usage(config->options->command,
		        VARIABLE ": longer than two tokens of %d characters", SHOAL_TOKEN_MAX);
	}
	if (text != NULL) {
		memcpy(given, text, strlen(text) + 1);
		shoal_key_wipe(text, strlen(text));
		unsetenv(VARIABLE);
	}
	if (path != NULL && given[0] != '\0') {
		return cli_usage(config->options->command,
		        VARIABLE " and a token file (--token-file): say one of the two");
	}
	if (path != NULL) {
		return take_file(config, path);
	}
	config->shoal.token = given[0] != '\0' ? given : NULL;
	return -1;
}

int
cli_token_refuse(const struct cli_options *options, const struct cli_setting *setting)
{
	if (strcmp(setting->key, "token") != 0) {
		return -1;
	}
	return cli_usage(options->command,
	        "%s: a token is a secret: give it by --token-file or " VARIABLE, setting->origin);
}
