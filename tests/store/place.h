/* SPDX-License-Identifier: MIT */
/* Directories with LevelDB stores, for tests that break them. */
#pragma once

#include "server/store/store_leveldb.h"

#define PLACE_RESERVE_SIZE ((size_t)1024 * 1024)
#define PLACE_PATH_MAX 512

struct place {
	char path[PLACE_PATH_MAX]; /* below the working directory; does not exist yet */
	lk_time_ms now;
	char report[1024]; /* the last line reported */
};

void place_init(struct place *place);
void place_remove(struct place *place); /* and all that is in it */

/* As lk_store_leveldb_open, with small limits: 100 changes, 1 MiB reserve. */
struct lk_status place_open(struct place *place, bool create, struct lk_store **store_out);

/* The same, for a store that must open. */
struct lk_store *place_must_open(struct place *place);

/* Makes `copy` a copy of a closed store, without its reserve. */
void place_copy(const struct place *place, struct place *copy);

/* Finds the file whose name begins and ends like this, the last one by name; false if none. */
bool place_find(const struct place *place, const char *begin, const char *end,
	char path_out[PLACE_PATH_MAX]);

long file_size(const char *path);
void flip_byte(const char *path, long offset);

/* Runs fn in a process of its own and returns what it returned; 128 + n after signal n. */
int in_child(int (*fn)(void *arg), void *arg);
