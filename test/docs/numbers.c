/* SPDX-License-Identifier: MIT */
/* What the code says to the numbers of the documents.
 *
 *     docs-numbers fixed                            the fields that are fixed from the start
 *     docs-numbers                                  each field of the profile: minimum, maximum,
 * lan, wan, local docs-numbers PROFILE N [FIELD=VALUE]...       the bound of detection among N
 * members, in milliseconds */
#define _GNU_SOURCE
#include <shoal/profile.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_fields(void)
{
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	printf(#field " %d %d %d %d %d\n", min, max, lan, wan, local);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
}

static void
print_fixed(void)
{
#define SHOAL_X(field) printf(#field "\n");
	SHOAL_PROFILE_FIXED_TABLE(SHOAL_X)
#undef SHOAL_X
}

/* The bound that a line asks for; -1: it is wrong. */
static int
print_bound(char *line)
{
	enum shoal_profile_kind kind;
	struct shoal_profile profile;
	char why[200], *rest;
	const char *name = strtok_r(line, " \n", &rest), *n = strtok_r(NULL, " \n", &rest);

	if (n == NULL || shoal_profile_parse(&kind, name) != 0 ||
	        shoal_profile_init(&profile, kind) != 0) {
		return -1;
	}
	for (char *word; (word = strtok_r(NULL, " \n", &rest)) != NULL;) {
		char *value = strchr(word, '=');
		if (value == NULL) {
			return -1;
		}
		*value = '\0';
		if (shoal_profile_set(&profile, word, value + 1) != 0) {
			return -1;
		}
	}
	if (shoal_profile_check(&profile, why, sizeof(why)) != 0) {
		return -1;
	}
	printf("%" PRIu64 "\n",
	        shoal_profile_detection_bound(&profile, strtoul(n, NULL, 10)) / SHOAL_MS(1));
	return 0;
}

int
main(int argc, char **argv)
{
	char line[300];

	if (argc == 1) {
		print_fields();
		return 0;
	}
	if (strcmp(argv[1], "fixed") == 0) {
		print_fixed();
		return 0;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (print_bound(line) != 0) {
			return fprintf(stderr, "what is this: %s\n", line), 1;
		}
	}
	return 0;
}
