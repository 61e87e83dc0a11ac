/* SPDX-License-Identifier: MIT */
#include "server/core/sweep.h"

#include "proto/wire/arena.h"
#include "server/core/keyring.h"
#include "server/core/keys.h"
#include "server/core/sessions.h"

#define ARENA_MAX ((size_t)256 * 1024)

/* One that had expired may have been replaced before it was swept. */
static struct lk_status sweep_answer(struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	struct lk_answer_record record;
	struct lk_arena arena;
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, row, &value);

	if (st.code != LK_OK)
		return st.code == LK_NOT_FOUND ? LK_SUCCESS : st;
	lk_arena_init(&arena, ARENA_MAX);
	st = lk_answer_record_decode(value, &arena, &record);
	if (st.code == LK_OK && now >= record.expires_ms)
		st = lk_txn_delete(txn, row, false);
	lk_arena_fini(&arena);
	return st;
}

struct lk_status lk_core_sweep(void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now)
{
	switch (lk_row_kind(row)) {
	case LK_ROW_KEY:
		return lk_keys_sweep(arg, txn, row, now);
	case LK_ROW_SESSION:
		return lk_sessions_sweep(arg, txn, row, now);
	case LK_ROW_SIGNING_KEY:
		return lk_keyring_sweep(arg, txn, row, now);
	case LK_ROW_ANSWER:
		return sweep_answer(txn, row, now);
	case LK_ROW_REFRESH:
		/* It never changes, so its entry is right. */
		return lk_txn_delete(txn, row, false);
	case LK_ROW_USER:
	case LK_ROW_ORGANIZATION:
	case LK_ROW_OTHER:
		break;
	}
	return LK_ERR(LK_INVALID_ARGUMENT, "nothing of this kind ends");
}
