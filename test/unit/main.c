/* SPDX-License-Identifier: MIT */
/* The tests of a room: `unit-core core_probe` runs those of core_probe_test.c. */
#include <stdio.h>
#include <string.h>

#define UNIT(name) int name##_main(void);
#include "unit_list.h"
#undef UNIT

static const struct {
	const char *name;
	int (*run)(void);
} units[] = {
#define UNIT(name) {#name, name##_main},
#include "unit_list.h"
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (argc == 2 && strcmp(argv[1], units[i].name) == 0)
			return units[i].run();
	fprintf(stderr, "usage: %s NAME\n", argv[0]);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		fprintf(stderr, "    %s\n", units[i].name);
	return 2;
}
