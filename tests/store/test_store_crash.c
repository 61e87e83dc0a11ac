/* SPDX-License-Identifier: MIT */
/* Disks that fail and processes that die in the middle of commits. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/place.h"
#include "tests/store/words.h"
#include "tests/support/check.h"

/* What a child tells: 0, or the number of the line that was wrong. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			return 1; \
		} \
	} while (0)

#define NOT_PERMITTED 77

static enum lk_code commit_number(struct lk_store *store, int i, size_t size)
{
	static uint8_t value[LK_STORE_VALUE_MAX];
	uint32_t noise = (uint32_t)i;
	char key[16];
	struct lk_store_op op = { LK_STORE_PUT, true, { (const uint8_t *)key, 0 },
		{ value, size } };
	uint64_t seq;

	/* Nothing that a table could compress. */
	for (size_t at = 0; at < size; at++)
		value[at] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
	op.key.n = (size_t)snprintf(key, sizeof key, "key%d", i);
	return lk_store_commit(store, NULL, 0, &op, 1, &seq).code;
}

static bool has_number(struct lk_store *store, int i)
{
	char key[16];

	snprintf(key, sizeof key, "key%d", i);
	return seq_of(store, key) > 0;
}

/* --- a process that is killed --- */

struct writer {
	struct place *place;
	int first;
	int ack_fd;
};

/* Commits numbers until it is killed, and tells each one when it is durable. */
static int commit_for_ever(void *arg)
{
	const struct writer *writer = arg;
	struct lk_store *store;

	EXPECT(place_open(writer->place, true, &store).code == LK_OK);
	for (int i = writer->first;; i++) {
		EXPECT(commit_number(store, i, 200) == LK_OK);
		EXPECT(write(writer->ack_fd, &i, sizeof i) == sizeof i);
	}
}

/* Kills a writer after n acknowledgements and returns the last number it acknowledged. */
static int kill_after(struct place *place, int first, int n)
{
	int fds[2];
	int last = first - 1;
	int acked;
	pid_t pid;

	CHECK_EQ(pipe(fds), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		_exit(commit_for_ever(&(struct writer) { place, first, fds[1] }));
	}
	close(fds[1]);
	while (read(fds[0], &acked, sizeof acked) == sizeof acked) {
		CHECK_EQ(acked, last + 1);
		last = acked;
		if (acked - first + 1 == n)
			kill(pid, SIGKILL);
	}
	close(fds[0]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(last - first + 1 >= n);
	return last;
}

TEST(no_acknowledged_commit_is_lost_when_the_process_is_killed)
{
	struct place place;
	int last = 0;

	place_init(&place);
	for (int round = 1; round <= 20; round++) {
		struct lk_store *store;

		last = kill_after(&place, last + 1, 7 * round);
		store = place_must_open(&place);
		for (int i = 1; i <= last; i++)
			CHECK(has_number(store, i));
		/* One more may have become durable before it could be told. */
		if (has_number(store, last + 1))
			last++;
		CHECK(!has_number(store, last + 1));
		lk_store_close(store);
	}
	place_remove(&place);
}

/* --- a write that fails --- */

static int limit_file_size(rlim_t size)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = size;
	return setrlimit(RLIMIT_FSIZE, &limit);
}

/* Lets the log grow no further for one commit. */
static int fail_one_write(void *arg)
{
	struct place *place = arg;
	struct lk_store *store;
	char path[PLACE_PATH_MAX];

	signal(SIGXFSZ, SIG_IGN);
	EXPECT(place_open(place, true, &store).code == LK_OK);
	for (int i = 1; i <= 10; i++)
		EXPECT(commit_number(store, i, 5000) == LK_OK);
	EXPECT(place_find(place, "", ".log", path));
	EXPECT(limit_file_size((rlim_t)file_size(path) + 100) == 0);
	EXPECT(commit_number(store, 11, 5000) == LK_UNAVAILABLE);
	EXPECT(strstr(place->report, "cannot write") != NULL);
	EXPECT(limit_file_size(RLIM_INFINITY) == 0);
	/* There is room again, but what was written now might not be read back. */
	for (int i = 12; i <= 30; i++)
		EXPECT(commit_number(store, i, 5000) == LK_UNAVAILABLE);
	EXPECT(lk_store_leveldb_maintain(store).code == LK_UNAVAILABLE);
	EXPECT(has_number(store, 1) && has_number(store, 10) && !has_number(store, 12));
	lk_store_close(store);
	return 0;
}

TEST(the_first_write_that_fails_is_the_last_one)
{
	struct place place;
	struct lk_store *store;

	place_init(&place);
	CHECK_EQ(in_child(fail_one_write, &place), 0);
	store = place_must_open(&place);
	for (int i = 1; i <= 10; i++)
		CHECK(has_number(store, i));
	CHECK_EQ(commit_number(store, 31, 5000), LK_OK);
	lk_store_close(store);
	place_remove(&place);
}

/* --- a disk that does not sync --- */

static unsigned n_syncs;
static bool is_sync_broken;

/* In place of the C library's, for LevelDB too. */
int fdatasync(int fd)
{
	n_syncs++;
	if (is_sync_broken) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

TEST(every_commit_is_synced)
{
	struct place place;
	struct lk_store *store;

	place_init(&place);
	store = place_must_open(&place);
	for (int i = 1; i <= 10; i++) {
		n_syncs = 0;
		CHECK_EQ(commit_number(store, i, 100), LK_OK);
		CHECK(n_syncs > 0);
	}
	lk_store_close(store);
	place_remove(&place);
}

TEST(a_commit_that_was_not_synced_is_not_told_and_the_last_one)
{
	struct place place;
	struct lk_store *store;

	place_init(&place);
	store = place_must_open(&place);
	CHECK_EQ(commit_number(store, 1, 100), LK_OK);
	is_sync_broken = true;
	CHECK_EQ(commit_number(store, 2, 100), LK_UNAVAILABLE);
	is_sync_broken = false;
	CHECK_EQ(commit_number(store, 3, 100), LK_UNAVAILABLE);
	CHECK(has_number(store, 1));
	CHECK_CODE(lk_store_wait(store, 2, 0), LK_DEADLINE_EXCEEDED);
	lk_store_close(store);
	store = place_must_open(&place);
	CHECK(has_number(store, 1));
	CHECK(!has_number(store, 3));
	lk_store_close(store);
	place_remove(&place);
}

/* --- a disk that is full --- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A small disk of our own at path; false when the system does not let us. */
static bool mount_small_disk(const char *path)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	(void)write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
	if (!write_file("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
	if (!write_file("/proc/self/gid_map", map))
		return false;
	return mount("none", path, "tmpfs", 0, "size=6m,mode=0700") == 0;
}

/* Writes a file until nothing more fits. */
static void fill_disk(const char *path)
{
	static const char block[4096] = { 1 };
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof block) > 0)
		continue;
	close(fd);
}

/* Fills the disk after 100 commits; the number of those that were acknowledged. */
static int commit_until_full(struct lk_store *store, const char *filler)
{
	for (int i = 1; i < 10000; i++) {
		if (i == 100)
			fill_disk(filler);
		if (commit_number(store, i, 5000) != LK_OK)
			return i - 1;
	}
	return 0;
}

static int outlive_full_disk(void *arg)
{
	struct place *place = arg;
	char filler[2 * PLACE_PATH_MAX];
	char reserve[PLACE_PATH_MAX];
	struct lk_store *store;
	int last;

	if (!mount_small_disk(place->path))
		return NOT_PERMITTED;
	EXPECT(place_open(place, true, &store).code == LK_OK);
	EXPECT(place_find(place, "latchkey.reserve", "", reserve));
	snprintf(filler, sizeof filler, "%s/filler", place->path);
	last = commit_until_full(store, filler);
	EXPECT(last >= 99);
	fill_disk(filler);
	for (int i = 1; i <= last; i++)
		EXPECT(has_number(store, i));
	lk_store_close(store);

	EXPECT(place_open(place, true, &store).code == LK_OK);
	EXPECT(strstr(place->report, "no room for the reserve") != NULL);
	EXPECT(!place_find(place, "latchkey.reserve", "", reserve));
	for (int i = 1; i <= last; i++)
		EXPECT(has_number(store, i));
	EXPECT(commit_number(store, 10001, 100) == LK_OK);
	/* Room for the reserve alone is not enough: making it would fill the disk again. */
	EXPECT(truncate(filler, file_size(filler) - (long)PLACE_RESERVE_SIZE) == 0);
	EXPECT(lk_store_leveldb_maintain(store).code == LK_OK);
	EXPECT(!place_find(place, "latchkey.reserve", "", reserve));
	EXPECT(unlink(filler) == 0);
	EXPECT(lk_store_leveldb_maintain(store).code == LK_OK);
	EXPECT(place_find(place, "latchkey.reserve", "", reserve));
	EXPECT(commit_number(store, 10002, 100) == LK_OK);
	lk_store_close(store);
	return 0;
}

TEST(a_store_opens_again_on_a_disk_that_is_full)
{
	struct place place;
	int result;

	place_init(&place);
	CHECK_EQ(mkdir(place.path, 0700), 0);
	result = in_child(outlive_full_disk, &place);
	place_remove(&place);
	if (result == NOT_PERMITTED)
		skip();
	CHECK_EQ(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(no_acknowledged_commit_is_lost_when_the_process_is_killed),
		RUN(the_first_write_that_fails_is_the_last_one),
		RUN(every_commit_is_synced),
		RUN(a_commit_that_was_not_synced_is_not_told_and_the_last_one),
		RUN(a_store_opens_again_on_a_disk_that_is_full),
	};

	return RUN_ALL(tests);
}
