/* SPDX-License-Identifier: MIT */
#include "client/cli/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* What a terminal sends in raw mode. */
enum {
	KEY_INTERRUPT = 0x03,
	KEY_END = 0x04,
	KEY_BACKSPACE = 0x08,
	KEY_DELETE = 0x7f,
};

/* Reads all there is; false, with errno, on an error or when it is too long. */
static bool read_all(int fd, char text[LK_SECRET_MAX + 1], size_t *n_out)
{
	size_t n = 0;

	while (n <= LK_SECRET_MAX) {
		ssize_t got = read(fd, text + n, LK_SECRET_MAX + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0) {
			*n_out = n;
			return true;
		}
		n += (size_t)got;
	}
	errno = EFBIG;
	return false;
}

/* Reads keys up to the end of the line; false when the user gave up. */
static bool read_keys(int fd, char text[LK_SECRET_MAX + 1], size_t *n_out)
{
	size_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n' || c == '\r') {
			*n_out = n;
			return true;
		}
		if (c == KEY_INTERRUPT || c == KEY_END)
			break;
		if ((c == KEY_BACKSPACE || c == KEY_DELETE) && n > 0)
			n--;
		else if (c != KEY_BACKSPACE && c != KEY_DELETE && n < LK_SECRET_MAX)
			text[n++] = c;
	}
	errno = 0;
	return false;
}

/* Without ISIG an interrupt arrives as a key, so that the terminal always gets its old state
 * back. */
static bool read_prompted(const char *prompt, char text[LK_SECRET_MAX + 1], size_t *n_out)
{
	struct termios old;
	struct termios raw;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return false;
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	/* First of all, so that nothing typed after the question is echoed or flushed away. */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
		return false;
	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	ok = read_keys(STDIN_FILENO, text, n_out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return ok;
}

static bool read_file(const char *path, char text[LK_SECRET_MAX + 1], size_t *n_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read_all(fd, text, n_out);
	int cause = errno;

	if (fd >= 0)
		close(fd);
	errno = cause;
	return ok;
}

/* Takes the newline off the end, and for a token all space around it. */
static void trim(enum lk_secret_form form, const char **text, size_t *n)
{
	if (*n > 0 && (*text)[*n - 1] == '\n')
		--*n;
	if (form != LK_SECRET_BYTES && *n > 0 && (*text)[*n - 1] == '\r')
		--*n;
	if (form != LK_SECRET_TOKEN)
		return;
	while (*n > 0 && isspace((unsigned char)(*text)[*n - 1]))
		--*n;
	while (*n > 0 && isspace((unsigned char)**text)) {
		++*text;
		--*n;
	}
}

static bool is_one_line(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]))
			return false;
	return true;
}

const char *lk_secret_read(const char *path, const char *prompt, enum lk_secret_form form,
	struct lk_arena *arena, struct lk_bytes *secret_out)
{
	char text[LK_SECRET_MAX + 1];
	const char *start = text;
	const char *why = NULL;
	uint8_t *copy;
	size_t n = 0;
	bool ok;

	errno = 0;
	if (path != NULL && strcmp(path, "-") != 0)
		ok = read_file(path, text, &n);
	else if (path == NULL && isatty(STDIN_FILENO))
		ok = read_prompted(prompt, text, &n);
	else
		ok = read_all(STDIN_FILENO, text, &n);
	if (!ok) {
		why = "the secret cannot be read";
		goto out;
	}
	errno = 0;
	trim(form, &start, &n);
	if (n == 0 || (form != LK_SECRET_BYTES && !is_one_line(start, n))) {
		why = "the secret must be one line of text";
		goto out;
	}
	copy = lk_arena_alloc(arena, n + 1);
	if (copy == NULL) {
		why = "out of memory";
		goto out;
	}
	memcpy(copy, start, n);
	copy[n] = '\0';
	*secret_out = (struct lk_bytes) { copy, n };
out:
	lk_wipe(text, sizeof text);
	return why;
}

int lk_secret_create_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static bool write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			text += put;
			n -= (size_t)put;
		}
	}
	return true;
}

bool lk_secret_write_file(int fd, const char *path, const char *secret)
{
	bool ok = write_all(fd, secret, strlen(secret)) && write_all(fd, "\n", 1) && fsync(fd) == 0;
	int cause = errno;

	if (close(fd) != 0 && ok) {
		ok = false;
		cause = errno;
	}
	if (!ok)
		unlink(path);
	errno = cause;
	return ok;
}

void lk_secret_abandon_file(int fd, const char *path)
{
	close(fd);
	unlink(path);
}
