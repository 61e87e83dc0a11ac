/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/wire/arena.h"
#include "server/store/database.h"
#include "server/store/store_mem.h"
#include "tests/store/place.h"
#include "tests/store/suite.h"
#include "tests/support/check.h"

/* --- the suite --- */

static struct place suite_place;

static struct lk_store *open_fresh(void)
{
	place_init(&suite_place);
	return place_must_open(&suite_place);
}

static void destroy(struct lk_store *store)
{
	lk_store_close(store);
	place_remove(&suite_place);
}

static void trim_all(struct lk_store *store, uint64_t seq)
{
	(void)seq;
	suite_place.now += 60000;
	CHECK_OK(lk_store_leveldb_maintain(store));
}

/* --- differences to the reference --- */

TEST(both_drivers_answer_a_random_sequence_alike)
{
	for (uint32_t seed = 1; seed <= 5; seed++) {
		struct lk_store *leveldb = open_fresh();
		struct lk_store *mem;

		CHECK_OK(lk_store_mem_open(&mem));
		compare_stores(mem, leveldb, seed, 100);
		lk_store_close(mem);
		destroy(leveldb);
	}
}

/* --- opening --- */

static void put_numbers(struct lk_store *store, int from, int to)
{
	for (int i = from; i <= to; i++) {
		char key[16];
		char value[64];

		snprintf(key, sizeof key, "key%d", i);
		snprintf(value, sizeof value, "value of %d, long enough to fill a line", i);
		CHECK_EQ(put_logged(store, key, value), (uint64_t)i);
	}
}

static bool count_change(void *arg, const struct lk_store_change *change)
{
	uint64_t *next = arg;

	CHECK_EQ(change->seq, *next);
	CHECK_EQ(change->n_ops, 1);
	++*next;
	return true;
}

static void check_numbers(struct lk_store *store, int to)
{
	uint64_t next = 1;

	for (int i = 1; i <= to; i++) {
		char key[16];
		char value[64];

		snprintf(key, sizeof key, "key%d", i);
		snprintf(value, sizeof value, "value of %d, long enough to fill a line", i);
		check_value(store, key, value);
		CHECK_EQ(seq_of(store, key), (uint64_t)i);
	}
	CHECK_OK(lk_store_changes(store, 0, 1000, count_change, &next));
	CHECK_EQ(next, (uint64_t)to + 1);
}

/* A closed store of 60 commits, partly in a table, partly in the log. */
static void make_place(struct place *place)
{
	struct lk_store *store;

	place_init(place);
	store = place_must_open(place);
	put_numbers(store, 1, 40);
	lk_store_close(store);
	store = place_must_open(place);
	put_numbers(store, 41, 60);
	lk_store_close(store);
}

static void check_refused(struct place *place, enum lk_code code, const char *report)
{
	struct lk_store *store;

	CHECK_CODE(place_open(place, true, &store), code);
	if (strstr(place->report, report) == NULL)
		print_error("reported: %s\n", place->report);
	CHECK(strstr(place->report, report) != NULL);
	CHECK(strstr(place->report, place->path) != NULL);
}

TEST(opening_again_finds_everything)
{
	struct place place;
	struct lk_store *store;

	make_place(&place);
	store = place_must_open(&place);
	check_numbers(store, 60);
	CHECK_OK(lk_store_wait(store, 60, 0));
	CHECK_EQ(put(store, "next", "1"), 61);
	lk_store_close(store);
	place_remove(&place);
}

static int open_in_child(void *arg)
{
	struct place *place = arg;
	struct lk_store *store;
	struct lk_status st = place_open(place, true, &store);

	return st.code == LK_FAILED_PRECONDITION &&
			       strstr(place->report, "another process has this store open") != NULL
		       ? 0
		       : 1;
}

TEST(a_second_process_is_refused)
{
	struct place place;
	struct lk_store *store;

	place_init(&place);
	store = place_must_open(&place);
	CHECK_EQ(in_child(open_in_child, &place), 0);
	put_numbers(store, 1, 3);
	lk_store_close(store);
	CHECK_EQ(in_child(open_in_child, &place), 1);
	place_remove(&place);
}

TEST(a_store_is_created_only_when_asked)
{
	struct place place;
	struct lk_store *store;

	place_init(&place);
	CHECK_CODE(place_open(&place, false, &store), LK_FAILED_PRECONDITION);
	CHECK(access(place.path, F_OK) != 0);
	CHECK_EQ(mkdir(place.path, 0700), 0);
	CHECK_CODE(place_open(&place, false, &store), LK_FAILED_PRECONDITION);
	store = place_must_open(&place);
	lk_store_close(store);
	CHECK_OK(place_open(&place, false, &store));
	lk_store_close(store);
	place_remove(&place);
}

TEST(a_new_directory_is_for_us_alone_and_an_open_one_refused)
{
	struct place place;
	struct stat info;

	make_place(&place);
	CHECK_EQ(stat(place.path, &info), 0);
	CHECK_EQ(info.st_mode & 0777, 0700);
	CHECK_EQ(chmod(place.path, 0750), 0);
	check_refused(&place, LK_FAILED_PRECONDITION, "mode 750");
	place_remove(&place);
}

TEST(a_database_without_CURRENT_is_not_created_anew)
{
	struct place place;
	char path[PLACE_PATH_MAX];

	make_place(&place);
	CHECK(place_find(&place, "CURRENT", "", path));
	CHECK_EQ(unlink(path), 0);
	check_refused(&place, LK_DATA_LOSS, "CURRENT is gone");
	CHECK(place_find(&place, "latchkey.state", "", path));
	CHECK_EQ(unlink(path), 0);
	check_refused(&place, LK_DATA_LOSS, "CURRENT is gone");
	CHECK(!place_find(&place, "CURRENT", "", path));
	place_remove(&place);
}

TEST(a_vanished_database_is_not_created_anew)
{
	struct place place;
	struct place empty;
	char from[PLACE_PATH_MAX];
	char to[PLACE_PATH_MAX + 16];

	make_place(&place);
	place_init(&empty);
	CHECK_EQ(mkdir(empty.path, 0700), 0);
	CHECK(place_find(&place, "latchkey.state", "", from));
	snprintf(to, sizeof to, "%s/latchkey.state", empty.path);
	CHECK_EQ(rename(from, to), 0);
	check_refused(&empty, LK_DATA_LOSS, "CURRENT is gone");
	place_remove(&place);
	place_remove(&empty);
}

static void check_lost_file(const char *begin, const char *end)
{
	struct place place;
	struct lk_store *store;
	char path[PLACE_PATH_MAX];

	make_place(&place);
	CHECK(place_find(&place, begin, end, path));
	CHECK_EQ(unlink(path), 0);
	CHECK(place_open(&place, true, &store).code != LK_OK);
	place_remove(&place);
}

TEST(a_lost_file_is_refused)
{
	check_lost_file("", ".ldb");
	check_lost_file("", ".log");
	check_lost_file("MANIFEST", "");
}

static void check_cut_file(const char *begin, const char *end)
{
	struct place place;
	struct lk_store *store;
	char path[PLACE_PATH_MAX];

	make_place(&place);
	CHECK(place_find(&place, begin, end, path));
	CHECK_EQ(truncate(path, file_size(path) / 2), 0);
	CHECK(place_open(&place, true, &store).code != LK_OK);
	place_remove(&place);
}

TEST(a_cut_file_is_refused)
{
	check_cut_file("", ".ldb");
	check_cut_file("", ".log");
	check_cut_file("MANIFEST", "");
	check_cut_file("CURRENT", "");
	check_cut_file("latchkey.state", "");
}

TEST(a_cut_log_is_refused_until_the_loss_is_accepted)
{
	struct place place;
	struct lk_store *store;
	char path[PLACE_PATH_MAX];

	make_place(&place);
	CHECK(place_find(&place, "", ".log", path));
	/* As a tail that a crash left behind: LevelDB would drop it without a word. */
	CHECK_EQ(truncate(path, file_size(path) - 1), 0);
	check_refused(
		&place, LK_DATA_LOSS, "commit 60 was acknowledged, but the database ends at 59");
	CHECK(place_find(&place, "latchkey.state", "", path));
	CHECK_EQ(unlink(path), 0);
	store = place_must_open(&place);
	check_numbers(store, 59);
	lk_store_close(store);
	place_remove(&place);
}

/* A flipped byte is found, or it was of no consequence: never a wrong answer. */
static size_t check_flipped(const struct place *place, const char *begin, const char *end)
{
	char path[PLACE_PATH_MAX];
	size_t n_refused = 0;
	long size;

	CHECK(place_find(place, begin, end, path));
	size = file_size(path);
	for (long i = 0; i < 24; i++) {
		struct place copy;
		struct lk_store *store;

		place_copy(place, &copy);
		CHECK(place_find(&copy, begin, end, path));
		flip_byte(path, size * i / 24);
		if (place_open(&copy, true, &store).code == LK_OK) {
			check_numbers(store, 60);
			lk_store_close(store);
		} else {
			n_refused++;
		}
		place_remove(&copy);
	}
	return n_refused;
}

TEST(a_flipped_byte_never_changes_an_answer)
{
	struct place place;

	make_place(&place);
	CHECK(check_flipped(&place, "", ".ldb") > 12);
	CHECK_EQ(check_flipped(&place, "", ".log"), 24);
	CHECK_EQ(check_flipped(&place, "MANIFEST", ""), 24);
	CHECK(check_flipped(&place, "CURRENT", "") > 0);
	place_remove(&place);
}

/* --- the census --- */

static bool count_one(struct lk_db_census *census, const char *key, size_t n, uint8_t last)
{
	uint8_t value[8] = { 0, 0, 0, last, 0, 0, 0, last };

	/* Of a row the first half must be zero as well. */
	if (key[0] == LK_DB_ROW)
		value[3] = 0;
	return lk_db_count(census, (struct lk_bytes) { (const uint8_t *)key, n },
		(struct lk_bytes) { value, key[0] == '0' ? 4 : 8 });
}

TEST(a_census_finds_gaps_and_strangers)
{
	struct lk_db_census good = { 0 };
	struct lk_db_census census;

	CHECK(count_one(&good, LK_DB_FORMAT_KEY, 7, LK_DB_FORMAT));
	CHECK(count_one(&good, "c\0\0\0\0\0\0\0\4", 9, 1));
	CHECK(count_one(&good, "c\0\0\0\0\0\0\0\5", 9, 1));
	CHECK(count_one(&good, "dx", 2, 5));
	CHECK_EQ(good.seq, 5);
	census = good;
	CHECK(!count_one(&census, "c\0\0\0\0\0\0\0\7", 9, 1));
	census = good;
	CHECK(!count_one(&census, "dy", 2, 6));
	census = good;
	CHECK(!count_one(&census, "x", 1, 1));
}

TEST(a_newer_format_is_refused)
{
	struct place place;
	struct lk_directory directory = { .options = { .path = place.path } };
	struct lk_db_census census = { 0 };

	place.path[0] = '\0';
	CHECK(!count_one(&census, LK_DB_FORMAT_KEY, 7, LK_DB_FORMAT + 1));
	CHECK_CODE(lk_db_check(&census, &directory), LK_FAILED_PRECONDITION);
	census = (struct lk_db_census) { .format = LK_DB_FORMAT, .seq = 3 };
	CHECK_OK(lk_db_check(&census, &directory));
	census.format = 0;
	CHECK_CODE(lk_db_check(&census, &directory), LK_DATA_LOSS);
}

/* --- maintenance --- */

static bool note_first(void *arg, const struct lk_store_change *change)
{
	*(uint64_t *)arg = change->seq;
	return false;
}

static enum lk_code first_change(struct lk_store *store, uint64_t after_seq, uint64_t *first_out)
{
	return lk_store_changes(store, after_seq, 1, note_first, first_out).code;
}

TEST(maintenance_keeps_as_many_changes_as_it_should)
{
	struct lk_store *store = open_fresh();
	uint64_t first;

	put_numbers(store, 1, 150);
	CHECK_OK(lk_store_leveldb_maintain(store));
	CHECK_EQ(first_change(store, 49, &first), LK_OUT_OF_RANGE);
	CHECK_EQ(first_change(store, 50, &first), LK_OK);
	CHECK_EQ(first, 51);
	suite_place.now += 59999;
	CHECK_OK(lk_store_leveldb_maintain(store));
	CHECK_EQ(first_change(store, 50, &first), LK_OK);
	suite_place.now++;
	CHECK_OK(lk_store_leveldb_maintain(store));
	CHECK_EQ(first_change(store, 148, &first), LK_OUT_OF_RANGE);
	CHECK_EQ(first_change(store, 149, &first), LK_OK);
	lk_store_close(store);
	store = place_must_open(&suite_place);
	CHECK_EQ(put(store, "next", "1"), 151);
	destroy(store);
}

TEST(the_reserve_is_allocated_and_comes_back)
{
	struct lk_store *store = open_fresh();
	char path[PLACE_PATH_MAX];
	struct stat info;

	CHECK(place_find(&suite_place, "latchkey.reserve", "", path));
	CHECK_EQ(stat(path, &info), 0);
	CHECK((size_t)info.st_blocks * 512 >= PLACE_RESERVE_SIZE);
	CHECK_EQ(unlink(path), 0);
	CHECK_OK(lk_store_leveldb_maintain(store));
	CHECK_EQ((size_t)file_size(path), PLACE_RESERVE_SIZE);
	destroy(store);
}

int main(void)
{
	static const struct store_factory factory = { open_fresh, destroy, trim_all };
	const struct CMUnitTest tests[] = {
		RUN(both_drivers_answer_a_random_sequence_alike),
		RUN(opening_again_finds_everything),
		RUN(a_second_process_is_refused),
		RUN(a_store_is_created_only_when_asked),
		RUN(a_new_directory_is_for_us_alone_and_an_open_one_refused),
		RUN(a_database_without_CURRENT_is_not_created_anew),
		RUN(a_vanished_database_is_not_created_anew),
		RUN(a_lost_file_is_refused),
		RUN(a_cut_file_is_refused),
		RUN(a_cut_log_is_refused_until_the_loss_is_accepted),
		RUN(a_flipped_byte_never_changes_an_answer),
		RUN(a_census_finds_gaps_and_strangers),
		RUN(a_newer_format_is_refused),
		RUN(maintenance_keeps_as_many_changes_as_it_should),
		RUN(the_reserve_is_allocated_and_comes_back),
	};

	return run_store_suite(&factory) + RUN_ALL(tests);
}
