/* SPDX-License-Identifier: MIT */
/* A random history of people, organisations, keys, sessions and signing keys, applied live through
 * the change log, leaves the very index that a start builds from the same store: every credential
 * that was ever given out is judged alike, now and later.
 *
 * The seed is printed; LK_TEST_SEED repeats what is done, though not the ids and secrets. */
#include <stdio.h>
#include <stdlib.h>

#include "server/core/sweep.h"
#include "tests/support/people_fixture.h"

#define STEPS 3000
#define CHECKS 10
#define CREDENTIALS_MAX 4096
#define THINGS_MAX 2048
#define DUE_MAX 64
#define MINUTE ((lk_time_ms)60 * 1000)
#define DAY (24 * 60 * MINUTE)
#define REASONS (LK_DENY_ORGANIZATION_DISABLED + 1)

/* What was given out. */
struct credential {
	const struct lk_realm *realm;
	char text[LK_ACCESS_TOKEN_SIZE];
};

/* A user, a key, a session or a signing key: ids as text, and the realm. */
struct thing {
	const struct lk_realm *realm;
	char id[LK_ID_TEXT_SIZE];
	struct lk_key_text refresh; /* of a session */
};

struct things {
	struct thing items[THINGS_MAX];
	size_t n;
};

static struct fixture f;
static struct lk_index *late; /* catches up only when it is looked at */
static struct credential credentials[CREDENTIALS_MAX];
static size_t n_credentials;
static struct things users, keys, sessions, signers;
static size_t seen[REASONS];
static uint64_t last_seq;
static uint32_t random_state;

static uint32_t below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static const char *any_of(const char *const *texts, size_t n)
{
	return texts[below((uint32_t)n)];
}

#define ANY(texts) any_of(texts, LK_COUNT(texts))

static const char *const organizations[] = { "", "", "acme", "bolt", "coop" };
static const char *const roles[] = { "reader", "writer", "admin" };
static const char *const scopes[] = { "*", "*", "records.read", "records.write", "records.*" };
static const char *const networks[] = { "192.0.2.0/24", "198.51.100.0/24" };
static const char *const outsiders[] = { "", "u_1", "user_x" };

/* --- things --- */

static void add_thing(struct things *things, const char *id)
{
	CHECK(things->n < THINGS_MAX);
	things->items[things->n] = (struct thing) { .realm = f.call.realm };
	memcpy(things->items[things->n++].id, id, strlen(id) + 1);
}

/* One of the call's realm; mostly a recent one. NULL: none was found. */
static struct thing *any_thing(struct things *things)
{
	for (unsigned tries = 0; tries < 8 && things->n > 0; tries++) {
		size_t recent = things->n > 40 && below(4) != 0 ? things->n - 40 : 0;
		struct thing *thing =
			&things->items[recent + below((uint32_t)(things->n - recent))];

		if (thing->realm == f.call.realm)
			return thing;
	}
	return NULL;
}

static const char *any_id(struct things *things)
{
	const struct thing *thing = any_thing(things);

	return thing != NULL ? thing->id : "";
}

static bool read_id(const char *kind, struct things *things, struct lk_key_id *id_out)
{
	return lk_id_parse(kind, text_of(any_id(things)), id_out);
}

static void add_credential(const char *text)
{
	struct credential *credential = &credentials[n_credentials++];

	CHECK(n_credentials < CREDENTIALS_MAX);
	credential->realm = f.call.realm;
	memcpy(credential->text, text, strlen(text) + 1);
}

/* --- steps, each a change in the transaction --- */

static struct lk_status create_user(void)
{
	static unsigned number;
	const char *role = ANY(roles);
	char *email = lk_arena_calloc(&f.arena, 1, 32);
	struct lk_user_spec spec;
	struct lk_user_view view;

	snprintf(email, 32, "u%u@example.org", number++);
	spec = people_spec(email, &role);
	spec.organization_id = ANY(organizations);
	LK_TRY(lk_users_create(&f.call, f.txn, &spec, &view));
	add_thing(&users, view.id);
	return LK_SUCCESS;
}

static struct lk_status update_user(void)
{
	const char *role = ANY(roles);
	struct lk_user_update update = { .id = any_id(&users),
		.fields = below(2) != 0 ? LK_USER_FIELD_ENABLED : 1U << (1 + below(3)),
		.spec = { .name = "n",
			.roles = &role,
			.n_roles = below(2),
			.organization_id = ANY(organizations) },
		.enabled = below(3) != 0 };
	struct lk_user_view view;

	return lk_users_update(&f.call, f.txn, &update, &view);
}

/* Not a call of ours: as after a repair by hand. */
static struct lk_status delete_user(void)
{
	struct lk_key_id id;
	struct lk_row row;

	if (below(8) != 0 || !read_id(LK_ID_USER, &users, &id))
		return LK_SUCCESS;
	row = lk_row_of_user(lk_call_realm_name(&f.call), &id);
	return lk_txn_delete(f.txn, lk_row_bytes(&row), true);
}

static struct lk_status set_organization(void)
{
	struct lk_organization_change change = { organizations[2 + below(3)], 1 + below(3),
		below(2) != 0 ? "gold" : "", below(3) != 0 };
	struct lk_organization_record record;

	return lk_organizations_set(&f.call, f.txn, &change, &record);
}

static struct lk_key_spec key_spec(void)
{
	struct lk_key_spec spec = { .name = "k",
		.user_id = below(3) != 0 ? any_id(&users) : ANY(outsiders),
		.organization_id = ANY(organizations),
		.n_scopes = 1,
		.networks = &networks[below(2)],
		.n_networks = below(4) == 0 ? 1 : 0,
		.expires_ms = below(3) != 0 ? 0 : f.call.now + below(100) * DAY + 1 };
	const char **scope = lk_arena_calloc(&f.arena, 1, sizeof *scope);

	*scope = ANY(scopes);
	spec.scopes = scope;
	return spec;
}

static struct lk_status create_key(void)
{
	struct lk_key_spec spec = key_spec();
	struct lk_key_text secret;
	struct lk_key_view view;

	LK_TRY(lk_keys_create(&f.call, f.txn, &spec, &view, &secret));
	add_thing(&keys, view.id);
	add_credential(secret.text);
	return LK_SUCCESS;
}

static struct lk_status update_key(void)
{
	struct lk_key_update update = { any_id(&keys), 1U << (1 + below(4)), key_spec(),
		below(2) != 0 };
	struct lk_key_view view;

	return lk_keys_update(&f.call, f.txn, &update, &view);
}

static struct lk_status rotate_key(void)
{
	struct lk_key_rotation rotation = { any_id(&keys), below(3) * 10 * MINUTE };
	struct lk_key_text secret;
	struct lk_key_view view;

	LK_TRY(lk_keys_rotate(&f.call, f.txn, &rotation, &view, &secret));
	add_credential(secret.text);
	return LK_SUCCESS;
}

static struct lk_status revoke_key(void)
{
	struct lk_key_revocation revocation = { any_id(&keys), 1, "" };
	struct lk_key_view view;

	return lk_keys_revoke(&f.call, f.txn, &revocation, &view);
}

static struct lk_grant new_grant(void)
{
	return (struct lk_grant) { .signer = lk_keyring_signer(
					   lk_index_keyring(f.index, f.call.realm)) };
}

static struct lk_status open_session(void)
{
	static const struct lk_client nowhere;
	struct lk_grant grant = new_grant();
	struct lk_key_id user_id;

	if (!read_id(LK_ID_USER, &users, &user_id))
		return LK_SUCCESS;
	LK_TRY(lk_sessions_open(&f.call, f.txn, &user_id, &nowhere, &grant));
	add_thing(&sessions, grant.session.id);
	sessions.items[sessions.n - 1].refresh = grant.tokens.refresh;
	add_credential(grant.tokens.access);
	return LK_SUCCESS;
}

/* Now and then one that was spent, which ends the session. */
static struct lk_status refresh_session(void)
{
	struct thing *session = any_thing(&sessions);
	struct lk_grant grant = new_grant();

	if (session == NULL || session->refresh.text[0] == '\0')
		return LK_SUCCESS;
	LK_TRY(lk_sessions_refresh(&f.call, f.txn, session->refresh.text, &grant));
	if (grant.is_reused)
		return LK_SUCCESS;
	add_credential(grant.tokens.access);
	if (below(4) != 0)
		session->refresh = grant.tokens.refresh;
	return LK_SUCCESS;
}

static struct lk_status end_session(void)
{
	struct lk_key_id id;
	bool ended;

	if (!read_id(LK_ID_SESSION, &sessions, &id))
		return LK_SUCCESS;
	return lk_sessions_end(&f.call, f.txn, &id, &ended);
}

static struct lk_status set_password(void)
{
	static const struct lk_bytes none;
	struct lk_ended ended;
	struct lk_key_id id;

	if (!read_id(LK_ID_USER, &users, &id))
		return LK_SUCCESS;
	LK_TRY(lk_users_set_password_hash(&f.call, f.txn, &id, "$h$", none));
	return lk_sessions_end_all(&f.call, f.txn, &id, NULL, &ended);
}

static struct lk_status rotate_signer(void)
{
	struct lk_signing_key_view view;

	LK_TRY(lk_keyring_rotate(&f.call, f.txn, &view));
	add_thing(&signers, view.kid);
	return LK_SUCCESS;
}

static struct lk_status retire_signer(void)
{
	return lk_keyring_retire(&f.call, f.txn, any_id(&signers));
}

struct due {
	struct lk_row entries[DUE_MAX];
	size_t n;
};

static bool collect_due(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	struct due *due = arg;
	lk_time_ms due_ms;
	struct lk_bytes row;

	CHECK(lk_row_read_expiry(key, &due_ms, &row));
	if (due_ms > f.call.now)
		return false;
	due->entries[due->n++] = lk_row_from(key);
	return due->n < DUE_MAX;
}

static struct lk_status sweep(void)
{
	struct lk_row range = lk_row_of_expiries();
	static struct due due;

	due.n = 0;
	LK_TRY(lk_txn_scan(f.txn, lk_row_bytes(&range), (struct lk_bytes) { NULL, 0 }, SIZE_MAX,
		collect_due, &due));
	for (size_t i = 0; i < due.n; i++) {
		struct lk_bytes entry = lk_row_bytes(&due.entries[i]);
		struct lk_bytes row;
		lk_time_ms due_ms;

		CHECK(lk_row_read_expiry(entry, &due_ms, &row));
		LK_TRY(lk_core_sweep(NULL, f.txn, row, f.call.now));
		LK_TRY(lk_txn_delete(f.txn, entry, false));
	}
	return LK_SUCCESS;
}

static const struct {
	struct lk_status (*step)(void);
	uint32_t weight;
} steps[] = {
	{ create_user, 4 },
	{ update_user, 12 },
	{ delete_user, 1 },
	{ set_organization, 6 },
	{ create_key, 10 },
	{ update_key, 10 },
	{ rotate_key, 6 },
	{ revoke_key, 3 },
	{ open_session, 12 },
	{ refresh_session, 8 },
	{ end_session, 3 },
	{ set_password, 1 },
	{ rotate_signer, 2 },
	{ retire_signer, 2 },
	{ sweep, 2 },
};

/* --- the history --- */

static void move_clock(void)
{
	f.call.now += below(100000);
	if (below(60) == 0)
		f.call.now += DAY;
	if (below(500) == 0)
		f.call.now += 120 * DAY;
}

/* What a step may answer: what it asks for is picked blindly. */
static bool is_refusal(enum lk_code code)
{
	return code == LK_OK || code == LK_NOT_FOUND || code == LK_FAILED_PRECONDITION ||
	       code == LK_PERMISSION_DENIED || code == LK_UNAUTHENTICATED ||
	       code == LK_INVALID_ARGUMENT || code == LK_RESOURCE_EXHAUSTED;
}

/* As the committer runs a call: what a failing one wrote is rolled back. */
static void take_step(void)
{
	size_t given_out = n_credentials;
	size_t mark = lk_txn_mark(f.txn);
	uint32_t total = 0;
	uint32_t pick;
	struct lk_status st;
	size_t i = 0;

	for (size_t s = 0; s < LK_COUNT(steps); s++)
		total += steps[s].weight;
	for (pick = below(total); pick >= steps[i].weight; i++)
		pick -= steps[i].weight;
	people_enter(&f, below(2) != 0 ? "crm" : "app");
	st = steps[i].step();
	CHECK(is_refusal(st.code));
	if (st.code == LK_OK)
		return;
	CHECK_EQ(n_credentials, given_out);
	lk_txn_rollback(f.txn, mark);
}

static void commit(void)
{
	uint64_t seq;

	CHECK_OK(lk_txn_commit(f.txn, &seq));
	lk_txn_reset(f.txn);
	lk_arena_reset(&f.arena);
	if (seq == 0)
		return;
	last_seq = seq;
	CHECK_OK(lk_index_catch_up(f.index, f.store, seq));
}

/* --- comparing --- */

static struct lk_verdict judge(
	struct lk_index *index, const struct credential *credential, lk_time_ms now)
{
	static const char *const permissions[] = { "records.write" };
	struct lk_verifier verifier = { .index = index, .peppers = &f.peppers, .proofs = f.proofs };
	struct lk_bytes bytes = text_of(credential->text);
	struct lk_auth_request request = { .realm = credential->realm,
		.credentials = &bytes,
		.n_credentials = 1,
		.permissions = permissions,
		.n_permissions = 1,
		.client_address = text_of("192.0.2.1"),
		.now = now,
		.may_compute = true };
	struct lk_verdict verdict;

	CHECK_OK(lk_authenticate(&verifier, &request, &verdict));
	return verdict;
}

static void check_same_entry(const struct lk_entry *a, const struct lk_entry *b)
{
	CHECK_EQ(a != NULL, b != NULL);
	if (a == NULL)
		return;
	CHECK_MEM(&a->digest, &b->digest, sizeof a->digest);
	CHECK(lk_key_id_equal(&a->key_id, &b->key_id));
	CHECK_MEM(&a->scopes, &b->scopes, sizeof a->scopes);
	CHECK_EQ(a->expires_ms, b->expires_ms);
	CHECK_EQ(a->secret_expires_ms, b->secret_expires_ms);
	CHECK_EQ(a->secret, b->secret);
	CHECK_EQ(a->flags, b->flags);
	CHECK_STR(lk_entry_name(a), lk_entry_name(b));
	CHECK_STR(lk_entry_user_id(a), lk_entry_user_id(b));
}

static void check_same_owners(const struct lk_verdict *a, const struct lk_verdict *b)
{
	CHECK_STR(a->organization_id, b->organization_id);
	CHECK_EQ(a->user != NULL, b->user != NULL);
	CHECK_EQ(a->organization != NULL, b->organization != NULL);
	if (a->user != NULL) {
		CHECK_MEM(&a->user->permissions, &b->user->permissions, sizeof a->permissions);
		CHECK_STR(a->user->organization_id, b->user->organization_id);
		CHECK_EQ(a->user->roles_n, b->user->roles_n);
		CHECK_MEM(a->user->roles, b->user->roles, a->user->roles_n);
	}
	if (a->organization != NULL) {
		CHECK_EQ(a->organization->enabled, b->organization->enabled);
		CHECK_STR(a->organization->plan, b->organization->plan);
	}
}

static void check_same_keyring(struct lk_index *other)
{
	const struct lk_realm *realm = lk_realms_find(f.realms, text_of("app"));
	const struct lk_keyring *a = lk_index_keyring(f.index, realm);
	const struct lk_keyring *b = lk_index_keyring(other, realm);

	CHECK_EQ(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		CHECK_STR(a->signers[i].kid, b->signers[i].kid);
		CHECK_EQ(a->signers[i].expires_ms, b->signers[i].expires_ms);
	}
}

static void check_same(struct lk_index *other)
{
	const lk_time_ms times[] = { f.call.now, f.call.now + 15 * MINUTE, f.call.now + 40 * DAY };
	struct lk_index_stats mine = lk_index_stats(f.index);
	struct lk_index_stats theirs = lk_index_stats(other);

	CHECK_EQ(mine.seq, theirs.seq);
	CHECK_EQ(mine.keys, theirs.keys);
	CHECK_EQ(mine.sessions, theirs.sessions);
	CHECK_EQ(mine.secrets, theirs.secrets);
	CHECK_EQ(mine.unreadable, 0);
	CHECK_EQ(theirs.unreadable, 0);
	check_same_keyring(other);
	for (size_t i = 0; i < n_credentials * LK_COUNT(times); i++) {
		const struct credential *credential = &credentials[i / LK_COUNT(times)];
		lk_time_ms now = times[i % LK_COUNT(times)];
		struct lk_verdict a = judge(f.index, credential, now);
		struct lk_verdict b = judge(other, credential, now);

		CHECK_EQ(a.reason, b.reason);
		CHECK_MEM(&a.permissions, &b.permissions, sizeof a.permissions);
		check_same_entry(a.entry, b.entry);
		check_same_owners(&a, &b);
		seen[a.reason]++;
	}
}

static void check_history(void)
{
	struct lk_index *fresh;

	commit();
	CHECK_OK(lk_index_new(f.realms, &f.peppers, &fresh));
	CHECK_OK(lk_index_load(fresh, f.store));
	check_same(fresh);
	lk_index_free(fresh);
	CHECK_OK(lk_index_catch_up(late, f.store, last_seq));
	check_same(late);
}

static uint32_t choose_seed(void)
{
	const char *text = getenv("LK_TEST_SEED");
	uint32_t seed;

	lk_random(&seed, sizeof seed);
	if (text != NULL)
		seed = (uint32_t)strtoul(text, NULL, 10);
	print_message("LK_TEST_SEED=%u\n", seed);
	return seed;
}

TEST(a_history_applied_live_leaves_what_a_start_reads)
{
	people_init(&f);
	random_state = choose_seed();
	CHECK_OK(lk_index_new(f.realms, &f.peppers, &late));
	people_enter(&f, "app");
	CHECK_OK(fixture_commit(&f, lk_keyring_ensure(&f.call, f.txn)));
	for (unsigned i = 1; i <= STEPS; i++) {
		move_clock();
		take_step();
		if (below(3) == 0)
			commit();
		if (i % (STEPS / CHECKS) == 0)
			check_history();
	}
	/* All that can be said of a single credential was said. */
	for (size_t reason = 0; reason < REASONS; reason++)
		CHECK(seen[reason] > 0 || reason == LK_DENY_NO_CREDENTIAL ||
			reason == LK_DENY_AMBIGUOUS_CREDENTIALS);
	lk_index_free(late);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_history_applied_live_leaves_what_a_start_reads),
	};

	return RUN_ALL(tests);
}
