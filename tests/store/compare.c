/* SPDX-License-Identifier: MIT */
#include "tests/store/suite.h"
#include "tests/support/check.h"

struct random {
	uint32_t state;
};

static uint32_t draw(struct random *random, uint32_t n)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 17;
	random->state ^= random->state << 5;
	return random->state % n;
}

#define KEY_LEN_MAX 3

/* Few and short keys out of extreme bytes, so that they meet. */
static struct lk_bytes draw_key(struct random *random, uint8_t *room)
{
	static const uint8_t alphabet[] = { 0x00, 'a', 0x7f, 0x80, 0xff };
	size_t n = 1 + draw(random, KEY_LEN_MAX);

	for (size_t i = 0; i < n; i++)
		room[i] = alphabet[draw(random, LK_COUNT(alphabet))];
	return (struct lk_bytes) { room, n };
}

#define OPS_MAX 6

static void commit_on_both(struct lk_store *a, struct lk_store *b, struct random *random)
{
	uint8_t room[2 * OPS_MAX][KEY_LEN_MAX];
	struct lk_store_op ops[OPS_MAX];
	struct lk_store_condition condition = { draw_key(random, room[OPS_MAX]), 0 };
	size_t n = draw(random, OPS_MAX + 1);
	struct lk_status st[2];
	uint64_t seqs[2] = { 0 };
	struct lk_buf value;

	for (size_t i = 0; i < n; i++) {
		bool is_put = draw(random, 3) > 0;

		ops[i].kind = is_put ? LK_STORE_PUT : LK_STORE_DELETE;
		ops[i].logged = draw(random, 2) > 0;
		ops[i].key = draw_key(random, room[i]);
		ops[i].value = (struct lk_bytes) { room[i], is_put ? draw(random, 3) : 0 };
	}
	/* Mostly a condition that holds. */
	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	if (draw(random, 4) > 0)
		st[0] = lk_store_get(a, condition.key, &value, &condition.seq);
	lk_buf_fini(&value);
	st[0] = lk_store_commit(a, &condition, 1, ops, n, &seqs[0]);
	st[1] = lk_store_commit(b, &condition, 1, ops, n, &seqs[1]);
	CHECK_EQ(st[0].code, st[1].code);
	CHECK_EQ(seqs[0], seqs[1]);
}

static void scan_on_both(struct lk_store *a, struct lk_store *b, struct random *random)
{
	uint8_t room[2][KEY_LEN_MAX];
	struct lk_bytes prefix = draw_key(random, room[0]);
	struct lk_bytes after = draw_key(random, room[1]);
	size_t limit = draw(random, 20);
	struct listing listings[2];

	if (draw(random, 2) == 0)
		prefix.n = 0;
	if (draw(random, 2) == 0)
		after.n = 0;
	start_listing(&listings[0]);
	start_listing(&listings[1]);
	CHECK_OK(lk_store_scan(a, prefix, after, limit, list_row, &listings[0]));
	CHECK_OK(lk_store_scan(b, prefix, after, limit, list_row, &listings[1]));
	lk_buf_u8(&listings[0].text, 0);
	check_listing(&listings[1], (const char *)listings[0].text.data);
	lk_buf_fini(&listings[0].text);
}

static void read_changes_of_both(struct lk_store *a, struct lk_store *b, struct random *random)
{
	uint64_t after_seq = draw(random, 200);
	size_t limit = draw(random, 50);
	struct listing listings[2];
	struct lk_status st[2];

	start_listing(&listings[0]);
	start_listing(&listings[1]);
	st[0] = lk_store_changes(a, after_seq, limit, list_change, &listings[0]);
	st[1] = lk_store_changes(b, after_seq, limit, list_change, &listings[1]);
	CHECK_EQ(st[0].code, st[1].code);
	lk_buf_u8(&listings[0].text, 0);
	check_listing(&listings[1], (const char *)listings[0].text.data);
	lk_buf_fini(&listings[0].text);
}

void compare_stores(struct lk_store *a, struct lk_store *b, uint32_t seed, size_t n_steps)
{
	struct random random = { seed };

	for (size_t i = 0; i < n_steps; i++) {
		commit_on_both(a, b, &random);
		scan_on_both(a, b, &random);
		if (i % 8 == 0)
			read_changes_of_both(a, b, &random);
	}
}
