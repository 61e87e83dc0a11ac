/* SPDX-License-Identifier: MIT */
/* Gives each file of the directories named to the target, for compilers without libFuzzer. */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)1 << 20)

/* Memory of the exact size, so that the sanitizers see a read beyond it. */
static void replay(FILE *file)
{
	static uint8_t whole[INPUT_MAX];
	size_t n = fread(whole, 1, sizeof whole, file);
	uint8_t *input = malloc(n);

	if (input == NULL && n > 0)
		exit(EXIT_FAILURE);
	if (n > 0)
		memcpy(input, whole, n);
	LLVMFuzzerTestOneInput(input, n);
	free(input);
}

/* Returns how many files there were. */
static unsigned replay_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	unsigned n = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char name[4096];
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		file = fopen(name, "rb");
		if (file == NULL)
			continue;
		fprintf(stderr, "%s\n", name);
		replay(file);
		fclose(file);
		n++;
	}
	if (directory != NULL)
		closedir(directory);
	return n;
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++)
		n += replay_directory(argv[i]);
	fprintf(stderr, "%u inputs\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
