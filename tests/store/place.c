/* SPDX-License-Identifier: MIT */
#include "tests/store/place.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

static lk_time_ms now_of_place(void *arg)
{
	return ((struct place *)arg)->now;
}

static void keep_report(void *arg, const char *text)
{
	struct place *place = arg;

	snprintf(place->report, sizeof place->report, "%s", text);
}

void place_init(struct place *place)
{
	*place = (struct place) { .now = 1000000 };
	snprintf(place->path, sizeof place->path, "store-XXXXXX");
	CHECK(mkdtemp(place->path) != NULL);
	CHECK_EQ(rmdir(place->path), 0);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

void place_remove(struct place *place)
{
	(void)nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct lk_status place_open(struct place *place, bool create, struct lk_store **store_out)
{
	return lk_store_leveldb_open(
		&(struct lk_store_leveldb_options) {
			.path = place->path,
			.create = create,
			.change_log_max = 100,
			.change_log_age_ms = 60000,
			.reserve_size = PLACE_RESERVE_SIZE,
			.now = now_of_place,
			.report = keep_report,
			.arg = place,
		},
		store_out);
}

struct lk_store *place_must_open(struct place *place)
{
	struct lk_store *store = NULL;
	struct lk_status st = place_open(place, true, &store);

	if (st.code != LK_OK)
		print_error("%s\n", place->report);
	CHECK_OK(st);
	return store;
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb");
	FILE *out = fopen(to, "wb");
	char block[4096];
	size_t n;

	CHECK(in != NULL && out != NULL);
	while ((n = fread(block, 1, sizeof block, in)) > 0)
		CHECK_EQ(fwrite(block, 1, n, out), n);
	CHECK_EQ(fclose(out), 0);
	fclose(in);
}

void place_copy(const struct place *place, struct place *copy)
{
	DIR *stream = opendir(place->path);
	const struct dirent *entry;

	place_init(copy);
	CHECK(stream != NULL);
	CHECK_EQ(mkdir(copy->path, 0700), 0);
	while ((entry = readdir(stream)) != NULL) {
		char from[2 * PLACE_PATH_MAX];
		char to[2 * PLACE_PATH_MAX];

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "latchkey.reserve") == 0)
			continue;
		snprintf(from, sizeof from, "%s/%s", place->path, entry->d_name);
		snprintf(to, sizeof to, "%s/%s", copy->path, entry->d_name);
		copy_file(from, to);
	}
	closedir(stream);
}

bool place_find(const struct place *place, const char *begin, const char *end,
	char path_out[PLACE_PATH_MAX])
{
	DIR *stream = opendir(place->path);
	const struct dirent *entry;
	char best[256] = "";

	CHECK(stream != NULL);
	while ((entry = readdir(stream)) != NULL) {
		const char *name = entry->d_name;
		size_t n = strlen(name);

		if (n < strlen(end) || strncmp(name, begin, strlen(begin)) != 0 ||
			strcmp(name + n - strlen(end), end) != 0 || strcmp(name, best) <= 0)
			continue;
		snprintf(best, sizeof best, "%s", name);
	}
	closedir(stream);
	snprintf(path_out, PLACE_PATH_MAX, "%.200s/%.250s", place->path, best);
	return best[0] != '\0';
}

long file_size(const char *path)
{
	struct stat info;

	CHECK_EQ(stat(path, &info), 0);
	return (long)info.st_size;
}

void flip_byte(const char *path, long offset)
{
	FILE *file = fopen(path, "r+b");
	int byte;

	CHECK(file != NULL);
	CHECK_EQ(fseek(file, offset, SEEK_SET), 0);
	byte = fgetc(file);
	CHECK_EQ(fseek(file, offset, SEEK_SET), 0);
	fputc(byte ^ 0x10, file);
	CHECK_EQ(fclose(file), 0);
}

int in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
