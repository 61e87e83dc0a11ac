/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/people.h"

#include "server/core/entry.h"
#include "server/crypto/seal.h"
#include "server/crypto/sign.h"

#define ARENA_MAX ((size_t)1 << 18)
#define DAY_MS ((lk_time_ms)24 * 3600 * 1000)

#define SESSION_TOKEN "lks_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA3d3L1n"
#define REFRESH_TOKEN "lkr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1rO55z"

static const char *const permissions[] = { "records.read", "records.write", "clients.read" };
static const char *const clerk_grants[] = { "records.*" };
static const struct lk_role_spec roles[] = { { "clerk", clerk_grants, LK_COUNT(clerk_grants) } };
static const struct lk_password_policy passwords = {
	.length_min = 8, .cost = { .memory_kib = 8, .passes = 1 }, .cap = { .memory_kib = 64 }
};

#define POLICY(token_, replay_window_ms_) \
	{ \
		.token = (token_), .session_ttl_ms = 30 * DAY_MS, .access_ttl_ms = 600000, \
		.refresh_ttl_ms = 7 * DAY_MS, .replay_window_ms = (replay_window_ms_), \
		.per_user_max = 2 \
	}
static const struct lk_session_policy policies[PEOPLE_REALMS] = {
	POLICY(LK_TOKEN_OPAQUE, 0),
	POLICY(LK_TOKEN_EDDSA, 10000),
	POLICY(LK_TOKEN_HS256, 0),
};

#define REALM(name_, index_, keys_manage_) \
	{ \
		.name = (name_), .key_prefix = name_ "_", .permissions = permissions, \
		.n_permissions = LK_COUNT(permissions), .keys_per_owner_max = 5, .roles = roles, \
		.n_roles = LK_COUNT(roles), .sessions = &policies[index_], \
		.passwords = &passwords, .subject = { \
			.keys_manage = (keys_manage_) \
		} \
	}
const struct lk_realm_spec people_realms[PEOPLE_REALMS] = {
	REALM("crm", 0, NULL),
	REALM("shop", 1, "records.write"),
	REALM("web", 2, "clients.read"),
};

struct putter {
	struct lk_txn *txn;
	const struct lk_pepper *pepper;
	const struct lk_session_policy *policy;
	struct lk_bytes realm;
	struct lk_key_id id; /* of everything */
	struct lk_arena arena;
};

static void put_row(struct putter *putter, struct lk_row row, struct lk_bytes value, bool logged)
{
	FUZZ_OK(lk_txn_put(putter->txn, lk_row_bytes(&row), value, logged));
}

static void put_empty(struct putter *putter, struct lk_row row)
{
	put_row(putter, row, (struct lk_bytes) { NULL, 0 }, false);
}

static void put_expiry(struct putter *putter, lk_time_ms at, const struct lk_row *row)
{
	put_empty(putter, lk_row_of_expiry(at, lk_row_bytes(row)));
}

static void put_user(struct putter *putter)
{
	static char hash[LK_PASSWORD_HASH_SIZE];
	const struct lk_bytes role = fuzz_text("clerk");
	struct lk_user_record user = {
		.id = putter->id,
		.realm = putter->realm,
		.email = fuzz_text("ada@example.org"),
		.name = fuzz_text("Ada"),
		.roles = { &role, 1 },
		.organization_id = fuzz_text("acme"),
		.enabled = true,
		.created_ms = PEOPLE_NOW - DAY_MS,
		.password_changed_ms = PEOPLE_NOW - DAY_MS,
	};
	const struct lk_organization_record organization = {
		.id = user.organization_id,
		.realm = putter->realm,
		.plan = fuzz_text("basic"),
		.enabled = true,
		.created_ms = PEOPLE_NOW - DAY_MS,
	};
	struct lk_bytes value;

	if (hash[0] == '\0')
		FUZZ_OK(lk_password_hash(fuzz_text("open sesame"), &passwords.cost, hash));
	user.password_hash = fuzz_text(hash);
	FUZZ_OK(lk_user_record_encode(&user, &putter->arena, &value));
	put_row(putter, lk_row_of_user(putter->realm, &user.id), value, true);
	put_row(putter, lk_row_of_email(putter->realm, user.email),
		(struct lk_bytes) { user.id.bytes, sizeof user.id.bytes }, false);
	put_empty(putter, lk_row_of_member(putter->realm, user.organization_id, &user.id));
	FUZZ_OK(lk_organization_record_encode(&organization, &putter->arena, &value));
	put_row(putter, lk_row_of_organization(putter->realm, organization.id), value, true);
}

static void put_signing_key(struct putter *putter)
{
	static const uint8_t seed[LK_SIGN_SEED_SIZE] = { 1 };
	uint8_t sealed[LK_SIGN_SEED_SIZE + LK_SEAL_OVERHEAD];
	const struct lk_signing_key_record record = {
		.id = putter->id,
		.realm = putter->realm,
		.algorithm =
			putter->policy->token == LK_TOKEN_EDDSA ? LK_SIGN_EDDSA : LK_SIGN_HS256,
		.sealed = { sealed, sizeof sealed },
		.pepper_id = putter->pepper->id,
		.created_ms = PEOPLE_NOW - DAY_MS,
	};
	struct lk_row row = lk_row_of_signing_key(putter->realm, &record.id);
	struct lk_seal_key key = {
		.pepper = putter->pepper, .purpose = "signing key", .context = lk_row_bytes(&row)
	};
	struct lk_bytes value;

	lk_seal(&key, (struct lk_bytes) { seed, sizeof seed }, sealed);
	FUZZ_OK(lk_signing_key_record_encode(&record, &putter->arena, &value));
	put_row(putter, row, value, true);
}

/* As refresh.c has it: the digest of the realm and the token. */
static void put_refresh_token(struct putter *putter, lk_time_ms ends_ms)
{
	const struct lk_refresh_record record = { .session_id = putter->id, .number = 1 };
	struct lk_bytes value;
	struct lk_digest digest;
	struct lk_row row;
	char text[128];
	size_t n = putter->realm.n + 1 + sizeof REFRESH_TOKEN - 1;

	FUZZ_CHECK(n <= sizeof text);
	memcpy(text, putter->realm.data, putter->realm.n);
	text[putter->realm.n] = '\0';
	memcpy(text + putter->realm.n + 1, REFRESH_TOKEN, sizeof REFRESH_TOKEN - 1);
	lk_digest_make(putter->pepper, fuzz_text("refresh token"),
		(struct lk_bytes) { (const uint8_t *)text, n }, &digest);
	row = lk_row_of_refresh(putter->realm, digest.bytes);
	FUZZ_OK(lk_refresh_record_encode(&record, &putter->arena, &value));
	put_row(putter, row, value, false);
	put_expiry(putter, ends_ms, &row);
}

static void put_session(struct putter *putter)
{
	bool is_signed = putter->policy->token != LK_TOKEN_OPAQUE;
	struct lk_session_record session = {
		.id = putter->id,
		.realm = putter->realm,
		.user_id = putter->id,
		.created_ms = PEOPLE_NOW - DAY_MS,
		.expires_ms = PEOPLE_NOW + DAY_MS,
		.ends_ms = PEOPLE_NOW + 2 * DAY_MS,
		.client_address = fuzz_text("10.0.0.1"),
		.user_agent = fuzz_text("x"),
		.pepper_id = putter->pepper->id,
		.refresh_number = is_signed,
		.refresh_expires_ms = is_signed ? PEOPLE_NOW + DAY_MS : 0,
	};
	struct lk_row row = lk_row_of_session(putter->realm, &session.id);
	struct lk_digest digest;
	struct lk_bytes value;

	if (is_signed)
		lk_session_digest(putter->pepper, putter->realm, &session.id, &digest);
	else
		lk_digest_make(putter->pepper, putter->realm, fuzz_text(SESSION_TOKEN), &digest);
	memcpy(session.digest, digest.bytes, sizeof session.digest);
	FUZZ_OK(lk_session_record_encode(&session, &putter->arena, &value));
	put_row(putter, row, value, true);
	put_expiry(putter, session.expires_ms, &row);
	put_empty(putter, lk_row_of_user_session(putter->realm, &session.user_id, &session.id));
	if (is_signed)
		put_refresh_token(putter, session.ends_ms);
}

void people_put(struct lk_txn *txn, const struct lk_peppers *peppers)
{
	struct putter putter = { .txn = txn, .pepper = &peppers->items[0] };

	lk_arena_init(&putter.arena, ARENA_MAX);
	for (size_t i = 0; i < PEOPLE_REALMS; i++) {
		memset(putter.id.bytes, PEOPLE_ID(i), sizeof putter.id.bytes);
		putter.realm = fuzz_text(people_realms[i].name);
		putter.policy = people_realms[i].sessions;
		put_user(&putter);
		if (putter.policy->token != LK_TOKEN_OPAQUE)
			put_signing_key(&putter);
		put_session(&putter);
	}
	lk_arena_fini(&putter.arena);
}
