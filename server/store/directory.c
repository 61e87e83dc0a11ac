/* SPDX-License-Identifier: MIT */
#include "server/store/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proto/wire/buf.h"

#define REPORT_MAX 1024
#define STATE_NAME "latchkey.state"
#define RESERVE_NAME "latchkey.reserve"

/* The state file: this, then the sequence number in 8 bytes. */
static const char state_magic[8] = { 'l', 'k', 's', 't', 'a', 't', 'e', '1' };
#define STATE_SIZE (sizeof state_magic + 8)

static const struct lk_status refused = { .code = LK_FAILED_PRECONDITION,
	.why = "the directory of the store cannot be used" };
static const struct lk_status unavailable = { .code = LK_UNAVAILABLE,
	.why = "the directory of the store cannot be accessed" };

void lk_directory_report(const struct lk_directory_options *options, const char *format, ...)
{
	char text[REPORT_MAX];
	va_list args;
	int n;

	if (options->report == NULL)
		return;
	n = snprintf(text, sizeof text, "%s: ", options->path);
	if (n < 0 || n >= (int)sizeof text)
		n = 0;
	va_start(args, format);
	vsnprintf(text + n, sizeof text - (size_t)n, format, args);
	va_end(args);
	options->report(options->arg, text);
}

/* --- opening --- */

static struct lk_status open_path(struct lk_directory *directory)
{
	const struct lk_directory_options *options = &directory->options;
	bool is_new = options->create && mkdir(options->path, 0700) == 0;

	directory->fd = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->fd < 0) {
		lk_directory_report(
			options, "cannot open the store's directory: %s", strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? refused : unavailable;
	}
	if (is_new) {
		int parent_fd = openat(directory->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		/* A new name lasts only when its parent was synced. */
		if (parent_fd < 0 || fsync(parent_fd) != 0)
			lk_directory_report(
				options, "cannot sync the parent directory: %s", strerror(errno));
		if (parent_fd >= 0)
			close(parent_fd);
	}
	return LK_SUCCESS;
}

static struct lk_status check_owner(const struct lk_directory *directory)
{
	struct stat info;

	if (fstat(directory->fd, &info) != 0)
		return unavailable;
	if (info.st_uid != geteuid()) {
		lk_directory_report(&directory->options,
			"belongs to uid %u, but the server runs as uid %u: chown it",
			(unsigned)info.st_uid, (unsigned)geteuid());
		return refused;
	}
	if ((info.st_mode & 077) != 0) {
		lk_directory_report(&directory->options,
			"is open to others (mode %03o): chmod it to 0700",
			(unsigned)info.st_mode & 0777);
		return refused;
	}
	return LK_SUCCESS;
}

static struct lk_status lock_state(struct lk_directory *directory)
{
	const struct lk_directory_options *options = &directory->options;

	directory->state_fd =
		openat(directory->fd, STATE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (directory->state_fd < 0) {
		lk_directory_report(options, "cannot open " STATE_NAME ": %s", strerror(errno));
		return unavailable;
	}
	if (flock(directory->state_fd, LOCK_EX | LOCK_NB) == 0)
		return LK_SUCCESS;
	if (errno != EWOULDBLOCK) {
		lk_directory_report(options, "cannot lock " STATE_NAME ": %s", strerror(errno));
		return unavailable;
	}
	lk_directory_report(
		options, "another process has this store open; one directory serves one process");
	return refused;
}

/* An empty state file is one whose database was never finished. */
static struct lk_status read_state(struct lk_directory *directory)
{
	uint8_t state[STATE_SIZE];
	ssize_t n = pread(directory->state_fd, state, sizeof state, 0);
	struct lk_cursor cursor;

	if (n == 0)
		return LK_SUCCESS;
	if (n != sizeof state || memcmp(state, state_magic, sizeof state_magic) != 0) {
		lk_directory_report(&directory->options, STATE_NAME " is damaged");
		return LK_ERR(LK_DATA_LOSS, "the state file of the store is damaged");
	}
	cursor = lk_cursor_over((struct lk_bytes) { state + sizeof state_magic, 8 });
	directory->acknowledged_seq = lk_cursor_u64(&cursor);
	directory->is_used = true;
	return LK_SUCCESS;
}

struct lk_status lk_directory_open(
	const struct lk_directory_options *options, struct lk_directory *directory_out)
{
	struct lk_directory directory = { .options = *options, .fd = -1, .state_fd = -1 };
	struct lk_status st = open_path(&directory);

	if (st.code == LK_OK)
		st = check_owner(&directory);
	if (st.code == LK_OK)
		st = lock_state(&directory);
	if (st.code == LK_OK)
		st = read_state(&directory);
	if (st.code == LK_OK)
		*directory_out = directory;
	else
		lk_directory_close(&directory);
	return st;
}

void lk_directory_close(struct lk_directory *directory)
{
	if (directory->state_fd >= 0)
		close(directory->state_fd);
	if (directory->fd >= 0)
		close(directory->fd);
	directory->state_fd = -1;
	directory->fd = -1;
}

/* --- contents --- */

bool lk_directory_has(const struct lk_directory *directory, const char *name)
{
	return faccessat(directory->fd, name, F_OK, 0) == 0;
}

bool lk_directory_has_suffix(const struct lk_directory *directory, const char *suffix)
{
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	size_t n = strlen(suffix);
	bool found = false;

	if (stream == NULL) {
		if (fd >= 0)
			close(fd);
		return true; /* unknown: whoever asks is about to create a database */
	}
	while (!found && (entry = readdir(stream)) != NULL) {
		size_t n_name = strlen(entry->d_name);

		found = n_name >= n && strcmp(entry->d_name + n_name - n, suffix) == 0;
	}
	closedir(stream);
	return found;
}

bool lk_directory_acknowledge(struct lk_directory *directory, uint64_t seq, bool sync)
{
	uint8_t state[STATE_SIZE];

	memcpy(state, state_magic, sizeof state_magic);
	for (size_t i = 0; i < 8; i++)
		state[sizeof state_magic + i] = (uint8_t)(seq >> (56 - 8 * i));
	if (pwrite(directory->state_fd, state, sizeof state, 0) != sizeof state)
		return false;
	return !sync || (fsync(directory->state_fd) == 0 && fsync(directory->fd) == 0);
}

/* Twice its size, so that making it never is what fills the disk. */
static bool has_room_for_reserve(int fd, size_t size)
{
	struct statvfs disk;

	return fstatvfs(fd, &disk) == 0 && disk.f_bavail * disk.f_frsize / 2 >= size;
}

/* Allocated blocks, not a hole: a hole would be no help on a full disk. */
static bool fill_reserve(int fd, size_t size)
{
	struct stat info;

	if (fstat(fd, &info) == 0 && (size_t)info.st_blocks * 512 >= size)
		return true;
	return has_room_for_reserve(fd, size) && posix_fallocate(fd, 0, (off_t)size) == 0;
}

bool lk_directory_make_reserve(struct lk_directory *directory, size_t size)
{
	int fd = openat(
		directory->fd, RESERVE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = fill_reserve(fd, size);
	close(fd);
	if (!ok)
		(void)lk_directory_free_reserve(directory);
	return ok;
}

bool lk_directory_free_reserve(struct lk_directory *directory)
{
	return unlinkat(directory->fd, RESERVE_NAME, 0) == 0;
}
