/* SPDX-License-Identifier: MIT */
/* A program outside the tree, against libshoal-core: a node without I/O is made and wants a timer,
 * and a value is read from JSON. */
#include <shoal/core.h>
#include <shoal/value.h>
#include <shoal/version.h>
#include <stdio.h>

int
main(void)
{
	struct shoal_core_config config;
	struct shoal_core *core;
	struct shoal_value *value;
	char why[128];
	int number;

	shoal_version(&number);
	if (number != SHOAL_VERSION_NUMBER)
		return 1;
	if (shoal_value_decode(shoal_codec_json(), (const uint8_t *)"[1]", 3, NULL, NULL, &value) !=
	        0)
		return 1;
	shoal_value_free(value);
	shoal_core_config_init(&config);
	config.salt.bytes[0] = 1;
	config.mono_ns = SHOAL_SEC(1);
	config.wall_ns = SHOAL_SEC(1);
	config.name = "outside";
	config.addrs = 1;
	if (shoal_addr_parse(&config.addr[0], "127.0.0.1:7946") != 0)
		return 1;
	if (shoal_core_new(&core, &config, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	printf("%zu alive\n", shoal_core_count(core, SHOAL_STATE_ALIVE));
	shoal_core_free(core);
	return 0;
}
