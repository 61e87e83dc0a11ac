/* SPDX-License-Identifier: MIT */
#include "server/crypto/password_priv.h"

#include <crypt.h>
#include <stdio.h>

#include "proto/wire/arena.h"

struct lk_status lk_crypt(
	struct lk_bytes password, const char *text, char text_out[LK_PASSWORD_HASH_SIZE])
{
	struct {
		struct crypt_data data; /* 32 KiB: too much for a stack */
		char password[CRYPT_MAX_PASSPHRASE_SIZE];
	} * work;
	struct lk_status st = LK_SUCCESS;
	const char *computed;

	text_out[0] = '\0';
	if (password.n >= sizeof work->password)
		return LK_SUCCESS;
	work = lk_alloc(sizeof *work);
	if (work == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	memset(work, 0, sizeof *work);
	memcpy(work->password, password.data, password.n);
	computed = crypt_r(work->password, text, &work->data);
	/* A text that begins with '*' is how it fails. It is short of memory then, whatever errno
	 * says (of $7$: EINVAL), for `text` is sound. */
	if (computed != NULL && computed[0] != '*')
		snprintf(text_out, LK_PASSWORD_HASH_SIZE, "%s", computed);
	else
		st = LK_ERR(LK_RESOURCE_EXHAUSTED, "memory is short");
	lk_wipe(work, sizeof *work);
	lk_free(work);
	return st;
}
