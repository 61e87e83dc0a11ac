/* SPDX-License-Identifier: MIT */
/* Secrets come from a file, from standard input or from a prompt without echo, and go into a new
 * file that nobody else can read. They never come from an argument or an environment variable,
 * which other programs can see.
 */
#pragma once

#include "proto/wire/arena.h"

/* Longer ones are refused. */
#define LK_SECRET_MAX 8192

/* What of a file is the secret. */
enum lk_secret_form {
	LK_SECRET_TOKEN,    /* its one line, without the space around it */
	LK_SECRET_PASSWORD, /* its one line, with the space around it */
	LK_SECRET_BYTES,    /* all its bytes, without the newline at the end */
};

/* Reads a file, or standard input if the path is "-"; without a path standard input too, with a
 * prompt when that is a terminal. The secret lives in the arena, with a NUL behind it. Returns
 * NULL, or why there is none, as a literal; errno tells more unless it is 0. */
const char *lk_secret_read(const char *path, const char *prompt, enum lk_secret_form form,
	struct lk_arena *arena, struct lk_bytes *secret_out);

/* Makes a new file of mode 0600 and opens it for writing. Negative, with errno, when it cannot be
 * made, also because there is one of that name already. */
int lk_secret_create_file(const char *path);

/* Writes the secret and a newline, and closes the file. False, with errno, when that failed; the
 * file is removed then. */
bool lk_secret_write_file(int fd, const char *path, const char *secret);

/* Closes and removes a file that was made for a secret that never came. */
void lk_secret_abandon_file(int fd, const char *path);
