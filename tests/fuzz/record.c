/* SPDX-License-Identifier: MIT */
/* Values of the store, as a damaged disk may give them, and keys of rows.
 *
 * Input: one byte that chooses what it is, then the bytes. Invariants: what decodes encodes,
 * unless it is too large, and encoding and decoding that changes nothing any more; a row's key
 * that can be taken apart is the one that its parts make.
 */
#include "server/store/record.h"
#include "tests/fuzz/fuzz.h"

static void check_key(struct lk_bytes value, struct lk_arena *arena)
{
	struct lk_key_record record;
	struct lk_bytes encoded, again;

	if (lk_key_record_decode(value, arena, &record).code != LK_OK ||
		lk_key_record_encode(&record, arena, &encoded).code != LK_OK)
		return;
	FUZZ_OK(lk_key_record_decode(encoded, arena, &record));
	FUZZ_OK(lk_key_record_encode(&record, arena, &again));
	FUZZ_CHECK(fuzz_same(encoded, again));
}

static void check_usage(struct lk_bytes value, struct lk_arena *arena)
{
	struct lk_usage_record record;
	struct lk_bytes encoded, again;

	if (lk_usage_record_decode(value, arena, &record).code != LK_OK)
		return;
	FUZZ_CHECK(record.n_uses <= LK_USES_MAX);
	if (lk_usage_record_encode(&record, arena, &encoded).code != LK_OK)
		return;
	FUZZ_OK(lk_usage_record_decode(encoded, arena, &record));
	FUZZ_OK(lk_usage_record_encode(&record, arena, &again));
	FUZZ_CHECK(fuzz_same(encoded, again));
}

static void check_row(struct lk_bytes row, struct lk_arena *arena)
{
	struct lk_bytes realm, inner;
	struct lk_key_id id;
	struct lk_row again;
	lk_time_ms due;

	(void)arena;
	if (row.n > LK_STORE_KEY_MAX)
		return;
	if (lk_row_read_key(row, &realm, &id) && realm.n <= LK_REALM_NAME_MAX) {
		again = lk_row_of_key(realm, &id);
		FUZZ_CHECK(fuzz_same(row, lk_row_bytes(&again)));
	}
	(void)lk_row_read_owned_key(row, &id);
	if (lk_row_read_expiry(row, &due, &inner))
		FUZZ_CHECK(inner.data >= row.data && inner.data + inner.n <= row.data + row.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const checks[])(struct lk_bytes bytes, struct lk_arena * arena) = { check_key,
		check_usage, check_row };
	struct lk_bytes bytes = { data, n };
	unsigned choice = fuzz_choice(&bytes, LK_COUNT(checks));
	struct lk_arena arena;

	lk_arena_init(&arena, (size_t)16 << 20);
	checks[choice](bytes, &arena);
	lk_arena_fini(&arena);
	return 0;
}
