/* SPDX-License-Identifier: MIT */
/* `shoal version`: the version of this command and of the library that it runs with. No agent is
 * asked. */
#include "options.h"

#include <shoal/version.h>
#include <stdio.h>

static int
run(struct cli_options *options)
{
	const char *library = shoal_version(NULL);
	enum cli_form form;
	int end = cli_option_form(options, &form);

	if (end >= 0) {
		return end;
	}
	if (form == CLI_TABLE) {
		printf("shoal %s (libshoal %s)\n", SHOAL_VERSION_STRING, library);
	} else if (form == CLI_CSV) {
		printf("version,library\n%s,%s\n", SHOAL_VERSION_STRING, library);
	} else {
		printf("{\"version\": \"%s\", \"library\": \"%s\"}\n", SHOAL_VERSION_STRING,
		        library);
	}
	return cli_flush();
}

static const struct cli_option version_options[] = {
        CLI_FORMAT_ROW,
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_version_command = {
        .name = "version",
        .operands = "",
        .summary = "Show the version of the command and the library",
        .about = "Shows the version of this command and of the library that it runs with.",
        .options = version_options,
        .run = run,
};
