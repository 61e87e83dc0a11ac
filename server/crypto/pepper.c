/* SPDX-License-Identifier: MIT */
#include "server/crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/wire/arena.h"

#define KEY_HEX_CHARS 64
#define ID_DIGITS_MAX 9

/* A few lines; whatever is longer is some other file. */
#define FILE_SIZE_MAX 512

static struct lk_status malformed(void)
{
	return LK_ERR(LK_DATA_LOSS, "the pepper file is malformed");
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool read_id(const uint8_t *text, size_t n, uint32_t *id_out)
{
	uint32_t id = 0;

	if (n == 0 || n > ID_DIGITS_MAX || text[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = id * 10 + (uint32_t)(text[i] - '0');
	}
	*id_out = id;
	return true;
}

static bool read_key(const uint8_t *text, size_t n, uint8_t key_out[32])
{
	if (n != KEY_HEX_CHARS)
		return false;
	for (size_t i = 0; i < KEY_HEX_CHARS / 2; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key_out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static struct lk_status read_line(struct lk_bytes line, struct lk_peppers *peppers)
{
	const uint8_t *space = memchr(line.data, ' ', line.n);
	struct lk_pepper *pepper = &peppers->items[peppers->n];
	size_t id_n;

	if (space == NULL || peppers->n == LK_PEPPERS_MAX)
		return malformed();
	id_n = (size_t)(space - line.data);
	if (!read_id(line.data, id_n, &pepper->id) ||
		!read_key(space + 1, line.n - id_n - 1, pepper->key))
		return malformed();
	for (size_t i = 0; i < peppers->n; i++)
		if (peppers->items[i].id == pepper->id)
			return malformed();
	peppers->n++;
	return LK_SUCCESS;
}

static struct lk_status read_lines(struct lk_bytes text, struct lk_peppers *peppers)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.n);
		size_t n;

		if (end == NULL)
			return malformed();
		n = (size_t)(end - text.data);
		LK_TRY(read_line((struct lk_bytes) { text.data, n }, peppers));
		text.data += n + 1;
		text.n -= n + 1;
	}
	return peppers->n > 0 ? LK_SUCCESS : malformed();
}

static struct lk_status check_file(int fd)
{
	struct stat file;

	if (fstat(fd, &file) != 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the pepper file cannot be read");
	if (!S_ISREG(file.st_mode) || file.st_uid != geteuid())
		return LK_ERR(LK_FAILED_PRECONDITION,
			"the pepper file is not a regular file of this user");
	if ((file.st_mode & 07777) != 0600)
		return LK_ERR(LK_FAILED_PRECONDITION, "the pepper file must have mode 0600");
	return LK_SUCCESS;
}

struct lk_status lk_peppers_load(const char *path, struct lk_peppers *peppers_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct lk_peppers peppers = { 0 };
	uint8_t text[FILE_SIZE_MAX + 1];
	struct lk_status st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return LK_ERR(LK_NOT_FOUND, "there is no pepper file");
	if (fd < 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the pepper file cannot be opened");
	st = check_file(fd);
	if (st.code != LK_OK)
		goto out;
	n = read(fd, text, sizeof text);
	if (n < 0) {
		st = LK_ERR(LK_FAILED_PRECONDITION, "the pepper file cannot be read");
		goto out;
	}
	st = n <= FILE_SIZE_MAX ? read_lines((struct lk_bytes) { text, (size_t)n }, &peppers)
				: malformed();
	if (st.code == LK_OK)
		*peppers_out = peppers;
out:
	close(fd);
	lk_wipe(text, sizeof text);
	lk_peppers_wipe(&peppers);
	return st;
}

static bool write_pepper(int fd)
{
	static const char digits[] = "0123456789abcdef";
	char line[2 + KEY_HEX_CHARS + 1] = "1 ";
	uint8_t key[KEY_HEX_CHARS / 2];
	bool written;

	lk_random(key, sizeof key);
	for (size_t i = 0; i < sizeof key; i++) {
		line[2 + 2 * i] = digits[key[i] >> 4];
		line[3 + 2 * i] = digits[key[i] & 15];
	}
	line[sizeof line - 1] = '\n';
	written = write(fd, line, sizeof line) == (ssize_t)sizeof line && fsync(fd) == 0;
	lk_wipe(line, sizeof line);
	lk_wipe(key, sizeof key);
	return written;
}

/* A new file is durable only when its directory is, too. */
static bool sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	bool synced;
	int fd;

	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
		return false;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

struct lk_status lk_peppers_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool written;

	if (fd < 0 && errno == EEXIST)
		return LK_ERR(LK_ALREADY_EXISTS, "there is a pepper file already");
	if (fd < 0)
		return LK_ERR(LK_FAILED_PRECONDITION, "the pepper file cannot be created");
	/* The umask must not have a say in it. */
	written = fchmod(fd, 0600) == 0 && write_pepper(fd);
	written = close(fd) == 0 && written && sync_directory_of(path);
	if (!written) {
		unlink(path);
		return LK_ERR(LK_FAILED_PRECONDITION, "the pepper file cannot be written");
	}
	return LK_SUCCESS;
}

void lk_peppers_wipe(struct lk_peppers *peppers)
{
	lk_wipe(peppers, sizeof *peppers);
}
