/* SPDX-License-Identifier: MIT */
/* `shoal keygen`: a key from the kernel's random bytes, as a keyring file holds it. */
#include "cli.h"
#include "options.h"

#include <shoal/keyring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int
run(struct cli_options *options)
{
	const struct cli_setting *bits = cli_option_setting(options, "bits");
	unsigned wanted = 256;
	char text[SHOAL_KEY_TEXT];
	struct shoal_key key;
	int end;

	if (bits != NULL) {
		wanted = strcmp(bits->value, "128") == 0   ? 128
		         : strcmp(bits->value, "192") == 0 ? 192
		         : strcmp(bits->value, "256") == 0 ? 256
		                                           : 0;
		if (wanted == 0) {
			return cli_usage(options->command, "%s %s: say 128, 192 or 256",
			        bits->origin, bits->value);
		}
	}
	memset(&key, 0, sizeof(key));
	key.len = (uint8_t)(wanted / 8);
	if (getrandom(key.bytes, key.len, 0) != key.len) {
		return cli_error("the kernel gave no random bytes");
	}
	shoal_key_print(&key, text);
	setvbuf(stdout, NULL, _IONBF, 0); /* no copy is left in a buffer */
	puts(text);
	end = cli_flush();
	shoal_key_wipe(&key, sizeof(key));
	shoal_key_wipe(text, sizeof(text));
	return end;
}

static const struct cli_option keygen_options[] = {
        {"bits", "BITS", "128, 192 or 256. Default: 256.", CLI_VALUE, false},
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_keygen_command = {
        .name = "keygen",
        .operands = "",
        .summary = "Make a key for a keyring",
        .about =
                "Prints a new random key as base64, one line. A keyring file holds one key a line, "
                "the one in use first, and nobody else may read it: 'umask 077; shoal keygen > FILE'.",
        .options = keygen_options,
        .run = run,
};
