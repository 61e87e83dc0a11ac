/* SPDX-License-Identifier: MIT */
/* What lies in the store of a call that may come again. */
#include <stdio.h>

#include "server/core/sweep.h"
#include "server/crypto/seal.h"
#include "server/store/record.h"
#include "server/store/sweeper.h"
#include "tests/rpc/once.h"
#include "tests/store/place.h"

#define MINUTE ((lk_time_ms)60 * 1000)
#define KEEP_MS (10 * MINUTE)
#define ROWS_MAX 16

static const uint16_t changing[] = { ONCE_PUT, ONCE_HASH };

/* The secret that an OK answer tells. */
static void ask_secret(struct once *once, const struct once_call *call, char secret_out[256])
{
	const struct echo_reply *reply = once_ask(once, call);

	CHECK_STR(reply->why, "");
	CHECK_EQ(reply->code, LK_OK);
	memcpy(secret_out, reply->text, sizeof reply->text);
}

/* --- rows --- */

struct stored {
	struct lk_row row;
	uint8_t value[1024];
	size_t n;
};

struct rows {
	struct stored items[ROWS_MAX];
	size_t n;
};

static bool take_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct rows *rows = arg;
	struct stored *stored = &rows->items[rows->n++];

	(void)seq;
	stored->row = lk_row_from(key);
	stored->n = value.n;
	if (value.n > sizeof stored->value)
		return false;
	if (value.n > 0)
		memcpy(stored->value, value.data, value.n);
	return rows->n < ROWS_MAX;
}

static void read_rows(struct once *once, const char *prefix, struct rows *rows_out)
{
	struct lk_bytes bytes = { (const uint8_t *)prefix, strlen(prefix) };

	rows_out->n = 0;
	CHECK_OK(lk_store_scan(
		once->store, bytes, (struct lk_bytes) { NULL, 0 }, ROWS_MAX, take_row, rows_out));
}

static void write_row(struct once *once, const struct lk_row *row, struct lk_bytes value)
{
	struct lk_txn *txn;
	uint64_t seq;

	CHECK_OK(lk_txn_new(once->store, &txn));
	CHECK_OK(lk_txn_put(txn, lk_row_bytes(row), value, false));
	CHECK_OK(lk_txn_commit(txn, &seq));
	lk_txn_free(txn);
}

/* --- one commit --- */

/* The nth access to the store fails, and with a commit all later ones. */
static bool ask_with_fault(uint16_t method, unsigned long nth)
{
	struct once_call call = once_call();
	enum lk_code code;
	struct once once;
	bool has_fired;

	once_open_mem(&once);
	call.method = method;
	(void)fault_store_fail_nth(once.store, nth);
	code = once_ask(&once, &call)->code;
	has_fired = fault_store_fail_nth(once.store, 0);
	CHECK_EQ(code, has_fired ? LK_UNAVAILABLE : LK_OK);
	CHECK_EQ(EFFECTS(&once), has_fired ? 0 : 1);
	CHECK_EQ(ANSWERS(&once), has_fired ? 0 : 1);
	CHECK_EQ(once_count(&once, "expiry/"), has_fired ? 0 : 1);
	/* The same call to a server that was started anew has the effect, or had it. */
	once_stop(&once);
	once_start(&once, 1);
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	CHECK_EQ(EFFECTS(&once), 1);
	CHECK_EQ(ANSWERS(&once), 1);
	once_close(&once);
	return has_fired;
}

TEST(of_effect_and_answer_neither_is_there_when_any_access_to_the_store_fails)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		unsigned long nth = 1;

		while (ask_with_fault(changing[i], nth))
			nth++;
		/* At least the answer was looked for, and the two were committed. */
		CHECK(nth > 2);
	}
}

TEST(effect_and_answer_are_one_commit)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		struct once once;

		once_open_mem(&once);
		call.method = changing[i];
		CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
		CHECK_EQ(fault_store_commits(once.store), 1);
		once_close(&once);
	}
}

TEST(of_effect_and_answer_neither_or_both_are_there_when_any_allocation_fails)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		bool has_fired = true;

		for (unsigned long nth = 1; has_fired; nth++) {
			struct once_call call = once_call();
			struct once once;

			once_open_mem(&once);
			call.method = changing[i];
			once_put_frame(&once.frame, &call);
			(void)lk_alloc_fail_nth(nth);
			echo_submit(once.wire, echo_bytes(&once.frame), false);
			echo_wait(once.wire, &once.replies);
			has_fired = lk_alloc_fail_nth(0);
			CHECK_EQ(ANSWERS(&once), EFFECTS(&once));
			CHECK_EQ(EFFECTS(&once), once.replies.replies[0].code == LK_OK ? 1 : 0);
			once_close(&once);
		}
	}
}

/* --- sealed --- */

static bool holds(struct lk_bytes bytes, const char *text, size_t n)
{
	for (size_t i = 0; i + n <= bytes.n; i++)
		if (memcmp(bytes.data + i, text, n) == 0)
			return true;
	return false;
}

TEST(neither_the_answer_nor_its_key_nor_the_request_can_be_read_in_the_store)
{
	struct once_call call = once_call();
	char secret[256];
	struct once once;
	struct rows rows;

	once_open_mem(&once);
	call.text = "a word of the request";
	call.subject = "a1s";
	ask_secret(&once, &call, secret);
	read_rows(&once, "", &rows);
	/* The effect, the answer, and the entry for the sweeper. */
	CHECK_EQ(rows.n, 3);
	for (size_t i = 0; i < rows.n; i++) {
		struct lk_bytes key = lk_row_bytes(&rows.items[i].row);
		struct lk_bytes value = { rows.items[i].value, rows.items[i].n };

		CHECK(value.n <= sizeof rows.items[i].value);
		/* Eight characters of it are enough to tell. */
		CHECK(!holds(key, secret + 7, 8) && !holds(value, secret + 7, 8));
		CHECK(!holds(key, "01234567", 8) && !holds(value, "01234567", 8));
		CHECK(!holds(key, "a word", 6) && !holds(value, "a word", 6));
	}
	once_close(&once);
}

TEST(under_another_pepper_the_same_key_is_another_row)
{
	struct once_call call = once_call();
	struct rows first, second;
	struct once once;

	once_open_mem(&once);
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	read_rows(&once, "id/", &first);
	once_close(&once);
	once_open_mem(&once);
	once.peppers.items[0].key[31] ^= 1;
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	read_rows(&once, "id/", &second);
	CHECK(first.items[0].row.n == second.items[0].row.n &&
		memcmp(first.items[0].row.data, second.items[0].row.data, first.items[0].row.n) !=
			0);
	once_close(&once);
}

TEST(store_and_pepper_do_not_open_an_answer_without_the_idempotency_key)
{
	struct once_call call = once_call();
	struct lk_answer_record record;
	struct lk_seal_key key;
	struct lk_arena arena;
	uint8_t plain[512];
	struct once once;
	struct rows rows;

	once_open_mem(&once);
	lk_arena_init(&arena, 65536);
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	read_rows(&once, "id/", &rows);
	CHECK_OK(lk_answer_record_decode(
		(struct lk_bytes) { rows.items[0].value, rows.items[0].n }, &arena, &record));
	CHECK(record.sealed.n < sizeof plain);
	key = (struct lk_seal_key) { &once.peppers.items[0], "idempotent answer", call.key,
		lk_row_bytes(&rows.items[0].row) };
	CHECK(lk_unseal(&key, record.sealed, plain));
	key.secret.n = 0;
	CHECK(!lk_unseal(&key, record.sealed, plain));
	lk_arena_fini(&arena);
	once_close(&once);
}

/* Has the record's sealed answer replaced, and asks again: DATA_LOSS, and no effect. */
static void check_refused(struct once *once, const struct stored *stored, struct lk_bytes sealed)
{
	struct once_call call = once_call();
	struct lk_answer_record record;
	struct lk_arena arena;
	struct lk_bytes value;

	lk_arena_init(&arena, 65536);
	CHECK_OK(lk_answer_record_decode(
		(struct lk_bytes) { stored->value, stored->n }, &arena, &record));
	record.sealed = sealed;
	CHECK_OK(lk_answer_record_encode(&record, &arena, &value));
	write_row(once, &stored->row, value);
	CHECK_EQ(once_ask(once, &call)->code, LK_DATA_LOSS);
	CHECK_STR(once->replies.replies[0].why, "a recorded answer is damaged");
	CHECK_EQ(once->replies.replies[0].n_body, 0);
	CHECK_EQ(EFFECTS(once), 1);
	lk_arena_fini(&arena);
}

TEST(an_answer_that_was_tampered_with_is_not_given_and_there_is_no_second_effect)
{
	struct once_call call = once_call();
	struct lk_answer_record record;
	struct lk_arena arena;
	uint8_t sealed[512];
	struct once once;
	struct rows rows;

	once_open_mem(&once);
	lk_arena_init(&arena, 65536);
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	read_rows(&once, "id/", &rows);
	CHECK_EQ(rows.n, 1);
	CHECK_OK(lk_answer_record_decode(
		(struct lk_bytes) { rows.items[0].value, rows.items[0].n }, &arena, &record));
	CHECK(record.sealed.n > LK_SEAL_OVERHEAD && record.sealed.n < sizeof sealed);
	memcpy(sealed, record.sealed.data, record.sealed.n);
	for (size_t i = 0; i < record.sealed.n; i++) {
		sealed[i] ^= 1;
		check_refused(&once, &rows.items[0], (struct lk_bytes) { sealed, record.sealed.n });
		sealed[i] ^= 1;
	}
	for (size_t n = 1; n < record.sealed.n; n++)
		check_refused(&once, &rows.items[0], (struct lk_bytes) { sealed, n });
	sealed[record.sealed.n] = 0;
	check_refused(&once, &rows.items[0], (struct lk_bytes) { sealed, record.sealed.n + 1 });
	lk_arena_fini(&arena);
	once_close(&once);
}

TEST(a_row_that_is_no_record_is_not_taken_for_none)
{
	static const char *const values[] = { "", "\xff", "not a record" };
	struct once_call call = once_call();
	struct once once;
	struct rows rows;

	once_open_mem(&once);
	CHECK_EQ(once_ask(&once, &call)->code, LK_OK);
	read_rows(&once, "id/", &rows);
	for (size_t i = 0; i < LK_COUNT(values); i++) {
		write_row(&once, &rows.items[0].row,
			(struct lk_bytes) { (const uint8_t *)values[i], strlen(values[i]) });
		CHECK_EQ(once_ask(&once, &call)->code, LK_DATA_LOSS);
		CHECK_EQ(EFFECTS(&once), 1);
	}
	once_close(&once);
}

/* Of two calls that ask the same, so that the request is not what tells them apart. */
static void check_exchanged(struct once_call other)
{
	struct once_call call = once_call();
	char secret[256];
	struct once once;
	struct rows rows;

	once_open_mem(&once);
	ask_secret(&once, &call, secret);
	ask_secret(&once, &other, secret);
	read_rows(&once, "id/", &rows);
	CHECK_EQ(rows.n, 2);
	for (size_t i = 0; i < 2; i++)
		write_row(&once, &rows.items[i].row,
			(struct lk_bytes) { rows.items[1 - i].value, rows.items[1 - i].n });
	CHECK_EQ(once_ask(&once, &call)->code, LK_DATA_LOSS);
	CHECK_EQ(once_ask(&once, &other)->code, LK_DATA_LOSS);
	CHECK_EQ(EFFECTS(&once), 2);
	once_close(&once);
}

TEST(an_answer_in_the_row_of_another_call_is_not_given)
{
	struct once_call other = once_call();

	other.key.data = (const uint8_t *)"fedcba9876543210";
	check_exchanged(other);
	/* The same key, so that it is only the place that is wrong. */
	other = once_call();
	other.caller = "bob";
	check_exchanged(other);
	other = once_call();
	other.subject = "a1s";
	check_exchanged(other);
	other = once_call();
	other.method = ONCE_OTHER;
	check_exchanged(other);
}

/* --- beyond the life of a server --- */

TEST(an_answer_outlives_the_process_and_the_disk_that_was_closed)
{
	for (size_t i = 0; i < LK_COUNT(changing); i++) {
		struct once_call call = once_call();
		char first[256], again[256];
		struct place place;
		struct once once;

		place_init(&place);
		CHECK_OK(lk_crypto_init());
		once_open(&once, place_must_open(&place), 1);
		call.method = changing[i];
		ask_secret(&once, &call, first);
		once_close(&once);
		once_open(&once, place_must_open(&place), 1);
		ask_secret(&once, &call, again);
		CHECK_STR(again, first);
		CHECK_EQ(EFFECTS(&once), 1);
		once_close(&once);
		place_remove(&place);
	}
}

TEST(an_answer_under_an_earlier_pepper_is_given_as_long_as_that_is_known)
{
	struct once_call call = once_call();
	char first[256], again[256];
	struct once once;

	once_open_mem(&once);
	ask_secret(&once, &call, first);
	for (unsigned n_peppers = 2; n_peppers <= LK_PEPPERS_MAX; n_peppers++) {
		once_stop(&once);
		once_start(&once, n_peppers);
		ask_secret(&once, &call, again);
		CHECK_STR(again, first);
	}
	CHECK_EQ(EFFECTS(&once), 1);
	CHECK_EQ(ANSWERS(&once), 1);
	/* A new one lies under the newest. */
	once_set_now(once_now() + KEEP_MS);
	ask_secret(&once, &call, again);
	CHECK_EQ(ANSWERS(&once), 2);
	ask_secret(&once, &call, first);
	CHECK_STR(again, first);
	once_close(&once);
}

/* --- sweeping --- */

static void sweep(struct once *once, lk_time_ms now, size_t settled)
{
	const struct lk_sweeper sweeper = {
		.store = once->store, .committer = once->committer, .sweep = lk_core_sweep
	};
	struct lk_sweep_counts counts;

	CHECK_OK(lk_sweeper_run(&sweeper, now, &counts));
	CHECK_EQ(counts.failed, 0);
	CHECK_EQ(counts.settled, settled);
}

TEST(an_answer_is_swept_when_its_time_is_over_and_not_before)
{
	struct once_call call = once_call();
	char first[256], again[256];
	struct once once;

	once_open_mem(&once);
	ask_secret(&once, &call, first);
	sweep(&once, once_now() + KEEP_MS - 1, 0);
	ask_secret(&once, &call, again);
	CHECK_STR(again, first);
	sweep(&once, once_now() + KEEP_MS + MINUTE, 1);
	CHECK_EQ(ANSWERS(&once), 0);
	CHECK_EQ(once_count(&once, "expiry/"), 0);
	CHECK_EQ(EFFECTS(&once), 1);
	once_close(&once);
}

TEST(the_sweep_of_an_answer_leaves_the_one_that_took_its_place)
{
	struct once_call call = once_call();
	char second[256], again[256];
	struct once once;

	once_open_mem(&once);
	ask_secret(&once, &call, again);
	once_set_now(once_now() + KEEP_MS);
	ask_secret(&once, &call, second);
	sweep(&once, once_now() + MINUTE, 1);
	ask_secret(&once, &call, again);
	CHECK_STR(again, second);
	sweep(&once, once_now() + KEEP_MS + MINUTE, 1);
	CHECK_EQ(ANSWERS(&once), 0);
	once_close(&once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(of_effect_and_answer_neither_is_there_when_any_access_to_the_store_fails),
		RUN(effect_and_answer_are_one_commit),
		RUN(of_effect_and_answer_neither_or_both_are_there_when_any_allocation_fails),
		RUN(neither_the_answer_nor_its_key_nor_the_request_can_be_read_in_the_store),
		RUN(store_and_pepper_do_not_open_an_answer_without_the_idempotency_key),
		RUN(under_another_pepper_the_same_key_is_another_row),
		RUN(an_answer_that_was_tampered_with_is_not_given_and_there_is_no_second_effect),
		RUN(a_row_that_is_no_record_is_not_taken_for_none),
		RUN(an_answer_in_the_row_of_another_call_is_not_given),
		RUN(an_answer_outlives_the_process_and_the_disk_that_was_closed),
		RUN(an_answer_under_an_earlier_pepper_is_given_as_long_as_that_is_known),
		RUN(an_answer_is_swept_when_its_time_is_over_and_not_before),
		RUN(the_sweep_of_an_answer_leaves_the_one_that_took_its_place),
	};

	return RUN_ALL(tests);
}
