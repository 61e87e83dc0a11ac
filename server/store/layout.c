/* SPDX-License-Identifier: MIT */
#include "server/store/layout.h"

#include <assert.h>
#include <string.h>

#define MINUTE_MS 60000

static const char expiry_prefix[] = "expiry/";

bool lk_key_id_equal(const struct lk_key_id *a, const struct lk_key_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct lk_bytes lk_row_bytes(const struct lk_row *row)
{
	return (struct lk_bytes) { row->data, row->n };
}

static void add_bytes(struct lk_row *row, const void *data, size_t n)
{
	assert(n <= sizeof row->data - row->n);
	if (n > 0)
		memcpy(row->data + row->n, data, n);
	row->n += n;
}

struct lk_row lk_row_from(struct lk_bytes key)
{
	struct lk_row row;

	row.n = 0;
	add_bytes(&row, key.data, key.n);
	return row;
}

static void add_name(struct lk_row *row, struct lk_bytes name, size_t n_max)
{
	uint8_t n = (uint8_t)name.n;

	assert(name.n <= n_max && n_max <= UINT8_MAX);
	add_bytes(row, &n, 1);
	add_bytes(row, name.data, name.n);
}

static struct lk_row row_with(const char *prefix)
{
	struct lk_row row;

	row.n = 0;
	add_bytes(&row, prefix, strlen(prefix));
	return row;
}

static void add_id(struct lk_row *row, const struct lk_key_id *id)
{
	if (id != NULL)
		add_bytes(row, id->bytes, sizeof id->bytes);
}

static struct lk_row row_of_realm(
	const char *prefix, struct lk_bytes realm, const struct lk_key_id *id)
{
	struct lk_row row = row_with(prefix);

	add_name(&row, realm, LK_REALM_NAME_MAX);
	add_id(&row, id);
	return row;
}

static struct lk_row row_of_owner(const char *prefix, struct lk_bytes realm, struct lk_bytes owner,
	const struct lk_key_id *id)
{
	struct lk_row row = row_of_realm(prefix, realm, NULL);

	add_name(&row, owner, LK_OWNER_ID_MAX);
	add_id(&row, id);
	return row;
}

struct lk_row lk_row_of_key(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("k/", realm, id);
}

struct lk_row lk_row_of_user_key(
	struct lk_bytes realm, struct lk_bytes user_id, const struct lk_key_id *id)
{
	return row_of_owner("ku/", realm, user_id, id);
}

struct lk_row lk_row_of_organization_key(
	struct lk_bytes realm, struct lk_bytes organization_id, const struct lk_key_id *id)
{
	return row_of_owner("ko/", realm, organization_id, id);
}

struct lk_row lk_row_of_usage(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("u/", realm, id);
}

struct lk_row lk_row_of_keys(void)
{
	return row_with("k/");
}

struct lk_row lk_row_of_user(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("us/", realm, id);
}

struct lk_row lk_row_of_email(struct lk_bytes realm, struct lk_bytes email)
{
	struct lk_row row = row_of_realm("ue/", realm, NULL);

	add_name(&row, email, LK_EMAIL_MAX);
	return row;
}

struct lk_row lk_row_of_member(
	struct lk_bytes realm, struct lk_bytes organization_id, const struct lk_key_id *id)
{
	return row_of_owner("uo/", realm, organization_id, id);
}

struct lk_row lk_row_of_sign_ins(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("si/", realm, id);
}

struct lk_row lk_row_of_organization(struct lk_bytes realm, struct lk_bytes organization_id)
{
	return row_of_owner("or/", realm, organization_id, NULL);
}

struct lk_row lk_row_of_realm_organizations(struct lk_bytes realm)
{
	return row_of_realm("or/", realm, NULL);
}

struct lk_row lk_row_of_session(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("se/", realm, id);
}

struct lk_row lk_row_of_user_session(
	struct lk_bytes realm, const struct lk_key_id *user_id, const struct lk_key_id *id)
{
	struct lk_bytes owner = { user_id->bytes, sizeof user_id->bytes };

	return row_of_owner("su/", realm, owner, id);
}

static void add_digest(struct lk_row *row, const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	add_bytes(row, digest, digest != NULL ? LK_ROW_DIGEST_SIZE : 0);
}

struct lk_row lk_row_of_refresh(struct lk_bytes realm, const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	struct lk_row row = row_of_realm("rt/", realm, NULL);

	add_digest(&row, digest);
	return row;
}

struct lk_row lk_row_of_signing_key(struct lk_bytes realm, const struct lk_key_id *id)
{
	return row_of_realm("sk/", realm, id);
}

struct lk_row lk_row_of_answer(const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	struct lk_row row = row_with("id/");

	add_digest(&row, digest);
	return row;
}

struct lk_row lk_row_of_guess(const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	struct lk_row row = row_with("gb/");

	add_digest(&row, digest);
	return row;
}

struct lk_row lk_row_of_import(const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	struct lk_row row = row_with("ik/");

	add_digest(&row, digest);
	return row;
}

struct lk_row lk_row_of_limit(const uint8_t digest[LK_ROW_DIGEST_SIZE])
{
	struct lk_row row = row_with("lc/");

	add_digest(&row, digest);
	return row;
}

/* What the kinds of rows begin with that a reader has to tell apart. */
static const char *const prefixes[] = {
	[LK_ROW_KEY] = "k/",
	[LK_ROW_USER] = "us/",
	[LK_ROW_ORGANIZATION] = "or/",
	[LK_ROW_SESSION] = "se/",
	[LK_ROW_SIGNING_KEY] = "sk/",
	[LK_ROW_REFRESH] = "rt/",
	[LK_ROW_ANSWER] = "id/",
};

struct lk_row lk_row_of_users(void)
{
	return row_with(prefixes[LK_ROW_USER]);
}

struct lk_row lk_row_of_organizations(void)
{
	return row_with(prefixes[LK_ROW_ORGANIZATION]);
}

struct lk_row lk_row_of_sessions(void)
{
	return row_with(prefixes[LK_ROW_SESSION]);
}

struct lk_row lk_row_of_signing_keys(void)
{
	return row_with(prefixes[LK_ROW_SIGNING_KEY]);
}

enum lk_row_kind lk_row_kind(struct lk_bytes row)
{
	for (unsigned kind = LK_ROW_KEY; kind < LK_COUNT(prefixes); kind++)
		if (lk_store_has_prefix(row, lk_bytes_of(prefixes[kind])))
			return (enum lk_row_kind)kind;
	return LK_ROW_OTHER;
}

struct lk_row lk_row_of_expiry(lk_time_ms at, struct lk_bytes row)
{
	struct lk_row entry = row_with(expiry_prefix);
	/* Rounded up: an entry that is due must never be early. */
	uint64_t minute = at > 0 ? ((uint64_t)at + MINUTE_MS - 1) / MINUTE_MS : 0;
	uint8_t big_endian[8];

	for (size_t i = 0; i < sizeof big_endian; i++)
		big_endian[i] = (uint8_t)(minute >> (56 - 8 * i));
	add_bytes(&entry, big_endian, sizeof big_endian);
	add_bytes(&entry, row.data, row.n);
	return entry;
}

struct lk_row lk_row_of_expiries(void)
{
	return row_with(expiry_prefix);
}

/* A cursor behind the prefix; failed when the row has another one. */
static struct lk_cursor cursor_behind(struct lk_bytes row, const char *prefix)
{
	struct lk_bytes expected = { (const uint8_t *)prefix, strlen(prefix) };
	struct lk_cursor cursor = lk_cursor_over(row);

	(void)lk_cursor_take(&cursor, expected.n);
	cursor.failed = cursor.failed || !lk_store_has_prefix(row, expected);
	return cursor;
}

static bool take_id(struct lk_cursor *cursor, struct lk_key_id *id_out)
{
	struct lk_bytes id = lk_cursor_take(cursor, LK_KEY_ID_SIZE);

	if (!lk_cursor_clean_end(cursor))
		return false;
	memcpy(id_out->bytes, id.data, sizeof id_out->bytes);
	return true;
}

bool lk_row_read_id(struct lk_bytes row, enum lk_row_kind kind, struct lk_bytes *realm_out,
	struct lk_key_id *id_out)
{
	struct lk_cursor cursor = cursor_behind(row, prefixes[kind]);

	*realm_out = lk_cursor_take(&cursor, lk_cursor_u8(&cursor));
	return take_id(&cursor, id_out);
}

bool lk_row_read_key(struct lk_bytes row, struct lk_bytes *realm_out, struct lk_key_id *id_out)
{
	return lk_row_read_id(row, LK_ROW_KEY, realm_out, id_out);
}

bool lk_row_read_organization(
	struct lk_bytes row, struct lk_bytes *realm_out, struct lk_bytes *organization_id_out)
{
	struct lk_cursor cursor = cursor_behind(row, prefixes[LK_ROW_ORGANIZATION]);

	*realm_out = lk_cursor_take(&cursor, lk_cursor_u8(&cursor));
	*organization_id_out = lk_cursor_take(&cursor, lk_cursor_u8(&cursor));
	return lk_cursor_clean_end(&cursor);
}

/* Behind two names. */
static bool read_listed(struct lk_bytes row, const char *prefix, struct lk_key_id *id_out)
{
	struct lk_cursor cursor = cursor_behind(row, prefix);

	(void)lk_cursor_take(&cursor, lk_cursor_u8(&cursor));
	(void)lk_cursor_take(&cursor, lk_cursor_u8(&cursor));
	return take_id(&cursor, id_out);
}

bool lk_row_read_listed(struct lk_bytes row, struct lk_key_id *id_out)
{
	return read_listed(row, row.n > 0 && row.data[0] == 'u' ? "uo/" : "su/", id_out);
}

bool lk_row_read_owned_key(struct lk_bytes row, struct lk_key_id *id_out)
{
	return read_listed(row, row.n > 1 && row.data[1] == 'u' ? "ku/" : "ko/", id_out);
}

bool lk_row_read_expiry(struct lk_bytes row, lk_time_ms *due_ms_out, struct lk_bytes *row_out)
{
	struct lk_cursor cursor = cursor_behind(row, expiry_prefix);
	uint64_t minute = lk_cursor_u64(&cursor);

	if (cursor.failed || minute > INT64_MAX / MINUTE_MS)
		return false;
	*due_ms_out = (lk_time_ms)minute * MINUTE_MS;
	*row_out = lk_cursor_take(&cursor, (size_t)(cursor.end - cursor.at));
	return true;
}
