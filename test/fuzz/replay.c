/* SPDX-License-Identifier: MIT */
/* Feeds files to the fuzz target without libFuzzer: the corpus stays a test in every build, and a
 * crash that was found can be looked at in a debugger. Usage: NAME_replay FILE-OR-FOLDER... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX_LEN ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
feed_file(const char *path)
{
	static uint8_t data[FILE_MAX_LEN];
	FILE *file = fopen(path, "rbe");
	size_t size;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, size);
	return 1;
}

/* Files fed, negative where one could not be. */
static int
feed(const char *path)
{
	struct stat status;
	struct dirent *entry;
	char inside[4096];
	DIR *folder;
	int fed = 0;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		return feed_file(path);
	}
	folder = opendir(path);
	if (folder == NULL) {
		perror(path);
		return -1;
	}
	while (fed >= 0 && (entry = readdir(folder)) != NULL) {
		int rc;

		if (entry->d_name[0] == '.') {
			continue;
		}
		(void)snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
		rc = feed_file(inside);
		fed = rc < 0 ? rc : fed + rc;
	}
	(void)closedir(folder);
	return fed;
}

int
main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int fed = feed(argv[i]);

		if (fed < 0) {
			return 1;
		}
		total += fed;
	}
	printf("%d inputs, all well\n", total);
	return total > 0 ? 0 : 1;
}
