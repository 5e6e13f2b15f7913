/* SPDX-License-Identifier: MIT */
/* shoal: the command line. One binary; `shoal agent` runs a member, every other subcommand talks to
 * a running agent over its control socket. This file holds the list of subcommands and nothing
 * else. */
#include "cli.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
        &cli_agent_command,
        &cli_members_command,
        &cli_join_command,
        &cli_leave_command,
        &cli_forget_command,
        &cli_reload_command,
        &cli_info_command,
        &cli_meta_command,
        &cli_tag_command,
        &cli_send_command,
        &cli_broadcast_command,
        &cli_request_command,
        &cli_monitor_command,
        &cli_top_command,
        &cli_rtt_command,
        &cli_why_command,
        &cli_replay_command,
        &cli_decode_command,
        &cli_keygen_command,
        &cli_keys_command,
        &cli_sim_command,
        &cli_completion_command,
        &cli_manual_command,
        &cli_version_command,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct cli_command *
cli_command_at(size_t i)
{
	return i < COMMANDS ? commands[i] : NULL;
}

static int
print_overview(void)
{
	size_t i;

	printf("Usage: shoal COMMAND [OPTION]...\n\n"
	       "Cluster membership and failure detection: 'shoal agent' runs a member, the other\n"
	       "commands talk to a running agent over its control socket.\n\n"
	       "Commands:\n");
	for (i = 0; i < COMMANDS; i++) {
		cli_help_row(commands[i]->name, commands[i]->summary);
	}
	printf("\n'shoal COMMAND --help' tells more of each. Options also come from SHOAL_*\n"
	       "variables. Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
	return cli_flush();
}

/* A standard descriptor that is closed would become the number of a socket. */
static int
open_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
			return -1;
		}
	}
	return 0;
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
	struct cli_options options;
	int end = cli_options_parse(&options, command, argc, argv);

	if (end < 0) {
		end = command->run(&options);
	}
	cli_options_free(&options);
	return end;
}

int
main(int argc, char **argv)
{
	const char *name;
	size_t i;

	if (open_standard() < 0) {
		return CLI_FAILED;
	}
	/* Names are UTF-8 whatever the locale; the rest of the output is English. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc < 2) {
		return cli_usage(NULL, "say a command");
	}
	name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		return print_overview();
	}
	if (strcmp(name, "--version") == 0) {
		name = cli_version_command.name;
	}
	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) == 0) {
			return run(commands[i], argc - 1, argv + 1);
		}
	}
	return cli_usage(NULL, "no command '%s'", name);
}
